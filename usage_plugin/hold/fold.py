"""A spool at its size limit in; its oldest segments as whole hours, counted together, out.

The database has been away for so long that the disk would fill. Who spent what on which model, and how well that is
known, stays exact to the hour; what is given up is the single call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from usage_plugin.event import NOT_REPORTED, Attribution, Failure, Status, UsageEvent
from usage_plugin.hold.codec import encode
from usage_plugin.hold.spool import (
    PARTIAL,
    Kind,
    Position,
    bytes_on_disk,
    counted_path,
    format_line,
    remove_segments,
    segments,
)
from usage_plugin.hold.spool_reader import Batch, SpoolReader, Unreadable
from usage_plugin.hold.together import count_together, known_caller, who_in_short

# Of the limit, what is freed at once.
SHARE = 4
EVENTS_AT_ONCE = 2000
Group = tuple[object, ...]


def fold_oldest(reader: SpoolReader, limit_bytes: int) -> tuple[int, list[Unreadable]]:
    """Count a quarter of a spool together when it is larger than its limit.

    The new file appears in one step and stands for the segments in its name, so that a kill at any moment neither loses
    nor doubles a call.

    Args:
        reader: Of this process's spool.
        limit_bytes: Size of the spool.

    Returns:
        How many calls were counted together, and what could not be understood.

    Raises:
        OSError: The disk does not take the new file.
    """
    folder, start = reader.folder, reader.untried
    last = _last_to_fold(folder, start, limit_bytes)
    if last is None:
        return 0, []
    together = _Together(f"{folder.name} {start.segment}-{last}")
    unreadable = []
    for batch in _batches(reader, start, last):
        unreadable += batch.unreadable
        together.add(batch.events)
    first = next(file.first for file in segments(folder) if file.number >= start.segment)
    path = counted_path(folder, first, last)
    partial = path.with_suffix(PARTIAL)
    partial.write_bytes(b"".join(format_line(Kind.EVENT, encode(event)) for event in together.events()))
    partial.replace(path)
    remove_segments(folder, before=reader.position.segment)
    return together.new_calls, unreadable


def fold_events(events: Iterable[UsageEvent], name: str) -> tuple[list[UsageEvent], int]:
    """Count events together by the hour.

    Args:
        events: Any number.
        name: Of the lot, equal whenever the same events are folded again.

    Returns:
        The rows, and how many calls have lost their own.
    """
    together = _Together(name)
    together.add(events)
    return together.events(), together.new_calls


class _Together:
    """Adds events up as they come, so that memory holds groups and not calls."""

    def __init__(self, name: str) -> None:
        self._single = 0
        self._name = name
        self._groups: dict[Group, list[UsageEvent]] = {}
        self._apart: list[UsageEvent] = []

    def add(self, events: Iterable[UsageEvent]) -> None:
        for number, event in enumerate(events, 1):
            if _is_one_of_two(event):
                self._apart.append(event)
                continue
            self._single += event.calls == 1
            self._groups.setdefault(_group_of(event), []).append(event)
            if number % EVENTS_AT_ONCE == 0:
                self._reduce()
        self._reduce()

    def events(self) -> list[UsageEvent]:
        return [*self._apart, *(self._plain(group, events) for group, events in self._groups.items())]

    @property
    def new_calls(self) -> int:
        """Calls that had a row of their own and have none any more."""
        alone = sum(len(events) == 1 and events[0].calls == 1 for events in self._groups.values())
        return self._single - alone

    def _reduce(self) -> None:
        for group, events in self._groups.items():
            if len(events) > 1:
                self._groups[group] = [self._plain(group, events)]

    def _plain(self, group: Group, events: list[UsageEvent]) -> UsageEvent:
        identity = repr(("folded", self._name, group)).encode("utf-8", "surrogatepass")
        together = count_together(events, hashlib.blake2b(identity, digest_size=16).hexdigest())
        why = Failure(error_class=together.failure.error_class, error_code=together.failure.error_code)
        return replace(
            together,
            who=_who(together),
            failure=why,
            route=None,
            requested_model=None,
            deployment_id=None,
            attempts=1,
            fallbacks=0,
        )


def _is_one_of_two(event: UsageEvent) -> bool:
    """A stand-in may be replaced by its key, and what replaces one names that key: both stay single rows."""
    return event.replaces is not None or event.failure.error_class == NOT_REPORTED


def _who(event: UsageEvent) -> Attribution:
    return known_caller(event.who) if event.status is Status.REJECTED else who_in_short(event.who)


def _group_of(event: UsageEvent) -> Group:
    return (
        event.timing.completed_at.replace(minute=0, second=0, microsecond=0),
        _who(event),
        event.provider,
        event.model,
        event.model_group,
        event.call_type,
        event.service_tier,
        event.stream,
        event.status,
        event.is_terminal,
        event.cache_hit,
        event.failure.error_class,
        event.failure.error_code,
        event.tokens.source,
        event.cost.confidence,
        event.cost.unpriced_reason,
    )


def _last_to_fold(folder: Path, position: Position, limit_bytes: int) -> int | None:
    """Choose the oldest complete segments, from the one that is being stored to one after it at least."""
    if bytes_on_disk(folder) <= limit_bytes:
        return None
    complete = [file for file in segments(folder) if file.number >= position.segment][:-1]
    chosen, size = None, 0
    for file in complete:
        size += file.path.stat().st_size
        chosen = file.number if file.number > position.segment else None
        if chosen is not None and size >= limit_bytes // SHARE:
            break
    return chosen


def _batches(reader: SpoolReader, start: Position, last: int) -> Iterator[Batch]:
    other = reader.elsewhere(start)
    while other.position.segment <= last and (batch := other.next_batch(EVENTS_AT_ONCE // 2, up_to=last)):
        yield batch
        other.confirm(batch)
