"""A process's spool in, batches of its events out, each with the place to mark once it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from usage_plugin.event import UsageEvent
from usage_plugin.hold.codec import decode
from usage_plugin.hold.spool import Line, Position, read_lines


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is no event any more, and why."""

    raw: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Events in the order they were spooled; ``end`` is the byte after the last line."""

    events: list[UsageEvent]
    unreadable: list[Unreadable]
    end: Position


class SpoolReader:
    """Reads a spool from a place on; the place moves only when a batch is confirmed.

    Args:
        folder: The process's folder.
        start: Where reading begins: what the store was marked with.
        ended: Nobody writes to the spool any more.
    """

    def __init__(self, folder: Path, start: Position, *, ended: bool = False) -> None:
        self.folder = folder
        self.position = start
        self._ended = ended

    def next_batch(self, most: int) -> Batch | None:
        """Read at most *most* lines; ``None`` at the end. The same ones again until they are confirmed."""
        lines = list(islice(read_lines(self.folder, self.position, ended=self._ended), most))
        if not lines:
            return None
        read = [_understand(line) for line in lines]
        events = [found for found in read if isinstance(found, UsageEvent)]
        return Batch(events, [found for found in read if isinstance(found, Unreadable)], lines[-1].end)

    def confirm(self, batch: Batch) -> None:
        """Go on after a batch that is stored."""
        self.position = batch.end


def _understand(line: Line) -> UsageEvent | Unreadable:
    if line.kind is None:
        return Unreadable(line.payload, "its checksum is wrong")
    try:
        return decode(line.payload)
    except ValueError as error:
        return Unreadable(line.payload, str(error))
