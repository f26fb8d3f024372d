"""A process's spool in, batches of its events out, each with the place to mark once it is stored."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice, takewhile
from pathlib import Path

from usage_plugin.event import UsageEvent
from usage_plugin.hold.codec import decode
from usage_plugin.hold.lines import Report, read_line
from usage_plugin.hold.spool import Kind, Line, Position, read_lines

Understand = Callable[[Report], list[UsageEvent]]
"""Turns a report into events; raises where it cannot."""

# While this thread computes, the event loop may have to wait for it: a request is worth more than a batch.
REST_AFTER_LINES, REST_S = 8, 0.0005


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is no event any more, and why."""

    raw: bytes
    reason: str


@dataclass(slots=True)
class Batch:
    """Events in the order they were spooled; ``end`` is the byte after the last line."""

    end: Position
    events: list[UsageEvent] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    calls: int = 0
    """That the events stand for, the unreadable ones included."""
    costs: list[tuple[str, int | None]] = field(default_factory=list)
    """What each reported request cost, by its key; ``None`` where nobody knows."""


class SpoolReader:
    """Reads a spool from a place on; the place moves only when a batch is confirmed.

    Args:
        folder: The process's folder.
        start: Where reading begins: what the store was marked with.
        understand: Turns reports into events.
        ended: Nobody writes to the spool any more.
    """

    def __init__(self, folder: Path, start: Position, understand: Understand, *, ended: bool = False) -> None:
        self.folder = folder
        self.position = start
        self._tried: Position | None = None
        self._understand, self._ended = understand, ended

    @property
    def untried(self) -> Position:
        """From where on no line was ever tried to store: a commit that nobody heard of may have stored those before."""
        return self.position if self._tried is None else Position(self._tried.segment + 1)

    def elsewhere(self, start: Position) -> SpoolReader:
        """Read the same spool from another place."""
        return SpoolReader(self.folder, start, self._understand, ended=self._ended)

    def next_batch(self, most: int, up_to: int | None = None) -> Batch | None:
        """Read at most *most* lines; ``None`` at the end. Exactly the same ones again until they are confirmed.

        Args:
            most: Of lines.
            up_to: The last segment to read.
        """
        found = read_lines(self.folder, self.position, ended=self._ended, up_to=up_to)
        if (tried := self._tried) is not None:
            found = takewhile(lambda line: line.end <= tried, found)
        lines = list(islice(found, most))
        if not lines:
            return None
        batch = Batch(lines[-1].end)
        self._tried = batch.end
        for number, line in enumerate(lines, 1):
            read_into(batch, line, self._understand)
            if number % REST_AFTER_LINES == 0:
                time.sleep(REST_S)
        return batch

    def confirm(self, batch: Batch) -> None:
        """Go on after a batch that is stored."""
        self.position, self._tried = batch.end, None


def read_into(batch: Batch, line: Line, understand: Understand) -> None:
    """Understand a line, and put what it says into a batch; one that says nothing goes there too, with the reason."""
    if line.kind is Kind.STARTED:
        return
    try:
        if line.kind is Kind.EVENT:
            _take(batch, decode(line.payload))
        else:
            _take_report(batch, line, understand)
    except Exception as error:  # noqa: BLE001 - whatever a strange payload brings about, the call is kept aside
        batch.unreadable.append(Unreadable(line.payload, f"{type(error).__name__}: {error}"[:500]))
        batch.calls += 1


def _take(batch: Batch, event: UsageEvent) -> None:
    batch.events.append(event)
    batch.calls += event.calls


def _take_report(batch: Batch, line: Line, understand: Understand) -> None:
    if line.kind is None:
        msg = "its checksum is wrong"
        raise ValueError(msg)
    report = read_line(line.payload)
    events = understand(report)
    batch.events.extend(events)
    batch.calls += 1
    known = [event.cost.cost_nano_usd for event in events if event.cost.cost_nano_usd is not None]
    batch.costs.append((str(report.get("key")), sum(known) if known else None))
