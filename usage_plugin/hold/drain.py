"""Spools in, stored rows out: this process's own, and those of processes that are no more."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from usage_plugin.hold.flood import Flood
from usage_plugin.hold.reports import Reports
from usage_plugin.hold.spool import Kind, Position, adopt, read_lines, remove_segments, segments
from usage_plugin.hold.spool_reader import Batch, SpoolReader
from usage_plugin.hold.writer import Writer
from usage_plugin.logs import get_logger
from usage_plugin.store.write import SpoolMark

_log = get_logger(__name__)
ADOPT_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of some calls."""

    stored: int
    set_aside: int = 0
    folded: int = 0
    """Of the stored ones, those without a row of their own."""
    keys: tuple[str, ...] = ()
    """Of the requests that were reported."""


OnStored = Callable[[Stored], None]
OnRead = Callable[[Batch], None]


class Drain:
    """Empties spools into the store, a batch and its mark in one transaction.

    Args:
        writer: Stores.
        reports: Knows what reports mean.
        root: Folder of all processes' spools.
        batch_size: Most lines in one transaction.
        on_read: Told of each batch before it is stored, also each time that this is tried again.
    """

    def __init__(
        self,
        writer: Writer,
        reports: Reports,
        root: Path,
        batch_size: int,
        on_read: OnRead = lambda _batch: None,
    ) -> None:
        self._on_read = on_read
        self._writer, self._reports, self._root, self._batch_size = writer, reports, root, batch_size
        self._adopt_due = 0.0

    def reader(self, folder: Path, start: Position, *, ended: bool = False) -> SpoolReader:
        """Begin to read a spool."""
        return SpoolReader(folder, start, self._reports.understand, ended=ended)

    def empty(self, reader: SpoolReader, flood: Flood, on_stored: OnStored) -> None:
        """Store everything that a spool holds now, and delete the segments that are done.

        Raises:
            StoreError: The store does not take more now; what it took is confirmed.
        """
        while batch := reader.next_batch(self._batch_size):
            if batch.calls:
                self._on_read(batch)
                on_stored(self._store(reader.folder.name, batch, flood))
            reader.confirm(batch)
            remove_segments(reader.folder, before=reader.position.segment)

    def adopt_orphans(self, on_stored: OnStored) -> None:
        """Store what processes left that were killed, from time to time; one process at a time does it.

        Raises:
            StoreError: The store does not take more now.
        """
        if time.monotonic() < self._adopt_due:
            return
        for folder, lock in adopt(self._root):
            try:
                self._adopt(folder, on_stored)
            finally:
                os.close(lock)
        self._adopt_due = time.monotonic() + ADOPT_EVERY_S

    def _adopt(self, folder: Path, on_stored: OnStored) -> None:
        mark = self._writer.position_of(folder.name)
        in_flight = list(self._in_flight(folder))  # read before what they are in is stored and removed
        stored = 0

        def count(batch: Stored) -> None:
            nonlocal stored
            stored += batch.stored
            on_stored(batch)

        position = Position(mark.segment, mark.byte_offset)
        self.empty(self.reader(folder, position, ended=True), Flood(folder.name), count)
        if in_flight:
            count(self._store_interrupted(folder, in_flight))
        shutil.rmtree(folder, ignore_errors=True)
        self._writer.forget(folder.name)
        if stored:
            _log.warning("calls_of_a_killed_process_recorded", stored=stored, spool=folder.name)

    def _in_flight(self, folder: Path) -> Iterator[bytes]:
        """Give the notes of requests that were never reported, because their process was killed."""
        begun: dict[str, bytes] = {}
        for line in read_lines(folder, Position(), ended=True):
            if line.kind is Kind.STARTED or line.kind is Kind.REPORT:
                key = self._reports.key_of_line(line.payload)
                if line.kind is Kind.STARTED:
                    begun[key] = line.payload
                else:
                    begun.pop(key, None)
        yield from begun.values()

    def _store_interrupted(self, folder: Path, notes: list[bytes]) -> Stored:
        last_sign = max(file.path.stat().st_mtime for file in segments(folder))
        reports = [self._reports.of_killed(note, datetime.fromtimestamp(last_sign, UTC)) for note in notes]
        understood = [event for report in reports for event in self._reports.understand(report)]
        # A full disk may have taken a call's begin and not its end, which was stored from memory.
        events = self._writer.without_row(understood)
        refused = self._writer.write(events)
        return Stored(len(events) - refused, refused)

    def _store(self, owner: str, batch: Batch, flood: Flood) -> Stored:
        sorted_ = flood.sort(batch.events)
        refused = self._writer.write(
            sorted_.single, SpoolMark(owner, batch.end.segment, batch.end.offset), sorted_.counted
        )
        flood.confirm(sorted_)
        for line in batch.unreadable:
            _log.error("call_not_understood", spool=owner, reason=line.reason)
            self._writer.set_aside(line.raw, line.reason)
        set_aside = refused + len(batch.unreadable)
        keys = tuple(key for key, _ in batch.costs)
        return Stored(max(batch.calls - set_aside, 0), set_aside, sorted_.calls_counted, keys)
