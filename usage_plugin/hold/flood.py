"""Events of one batch in; the same out, but for a flood of rejections, which is counted: one row a minute and reason.

Anybody can send requests without a key, so that rejected ones must not fill the disk.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from usage_plugin.event import Status, UsageEvent
from usage_plugin.hold.together import count_together, known_caller

# Of one reason; what is beyond says nothing new.
ROWS_PER_MINUTE = 20
Reason = tuple[object, ...]


@dataclass(slots=True)
class Sorted:
    """A batch's events as they are to be stored."""

    single: list[UsageEvent]
    counted: list[UsageEvent]
    seen: Counter[Reason] = field(default_factory=Counter)

    @property
    def calls_counted(self) -> int:
        """Calls that have no row of their own."""
        return sum(event.calls for event in self.counted)


class Flood:
    """Remembers how many rejections each minute has rows of.

    Args:
        owner: Whose events these are: processes count by themselves.
        rows_per_minute: Rejections of one reason that have rows of their own.
    """

    def __init__(self, owner: str, rows_per_minute: int = ROWS_PER_MINUTE) -> None:
        self._owner, self._most = owner, rows_per_minute
        self._rows: Counter[Reason] = Counter()

    def sort(self, events: Sequence[UsageEvent]) -> Sorted:
        """Say which events get rows of their own; nothing is remembered until they are stored."""
        found = Sorted([], [])
        beyond: dict[Reason, list[UsageEvent]] = {}
        for event in events:
            reason = _reason(event) if event.status is Status.REJECTED and event.calls == 1 else None
            if reason is None or self._rows[reason] + found.seen[reason] < self._most:
                found.single.append(event)
            else:
                beyond.setdefault(reason, []).append(event)
            if reason is not None:
                found.seen[reason] += 1
        found.counted = [self._count(reason, group) for reason, group in beyond.items()]
        return found

    def confirm(self, stored: Sorted) -> None:
        """Remember what is stored; minutes that are over are forgotten."""
        self._rows.update(stored.seen)
        if stored.seen:
            latest = max(_minute_of(reason) for reason in self._rows)
            self._rows = Counter({reason: n for reason, n in self._rows.items() if _minute_of(reason) == latest})

    def _count(self, reason: Reason, events: list[UsageEvent]) -> UsageEvent:
        identity = repr(("rejections", self._owner, reason)).encode("utf-8", "surrogatepass")
        together = count_together(events, hashlib.blake2b(identity, digest_size=16).hexdigest())
        return replace(
            together,
            route=None,
            stream=False,
            provider=None,
            model=None,
            model_group=None,
            requested_model=None,
            deployment_id=None,
            who=known_caller(together.who),
        )


def _reason(event: UsageEvent) -> Reason:
    """Name what a row of rejections stands for: the minute, the error, and the caller where the proxy knows it."""
    why = event.failure
    minute = event.timing.completed_at.replace(second=0, microsecond=0)
    return (minute, why.error_class, why.error_code, why.rate_limit_type, known_caller(event.who))


def _minute_of(reason: Reason) -> datetime:
    minute = reason[0]
    assert isinstance(minute, datetime)  # noqa: S101 - for the type checker
    return minute
