"""Spools in, stored rows out: this process's own, and those of processes that are no more."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from usage_plugin.hold.spool import Position, adopt, remove_segments
from usage_plugin.hold.spool_reader import Batch, SpoolReader
from usage_plugin.hold.writer import Writer
from usage_plugin.logs import get_logger
from usage_plugin.store.write import SpoolMark

_log = get_logger(__name__)
ADOPT_EVERY_S = 10.0

OnBatch = Callable[[int, int], None]
"""Told how many calls of a batch were stored, and how many set aside."""


class Drain:
    """Empties spools into the store, a batch and its mark in one transaction.

    Args:
        writer: Stores.
        root: Folder of all processes' spools.
        batch_size: Most calls in one transaction.
    """

    def __init__(self, writer: Writer, root: Path, batch_size: int) -> None:
        self._writer, self._root, self._batch_size = writer, root, batch_size
        self._adopt_due = 0.0

    def empty(self, reader: SpoolReader, on_batch: OnBatch) -> None:
        """Store everything that a spool holds now, and delete the segments that are done.

        Raises:
            StoreError: The store does not take more now; what it took is confirmed.
        """
        while batch := reader.next_batch(self._batch_size):
            self._store(reader, batch, on_batch)
            remove_segments(reader.folder, before=reader.position.segment)

    def adopt_orphans(self, on_batch: OnBatch) -> None:
        """Store what processes left that were killed, from time to time; one process at a time does it.

        Raises:
            StoreError: The store does not take more now.
        """
        if time.monotonic() < self._adopt_due:
            return
        for folder, lock in adopt(self._root):
            try:
                self._adopt(folder, on_batch)
            finally:
                os.close(lock)
        self._adopt_due = time.monotonic() + ADOPT_EVERY_S

    def _adopt(self, folder: Path, on_batch: OnBatch) -> None:
        mark = self._writer.position_of(folder.name)
        reader = SpoolReader(folder, Position(mark.segment, mark.byte_offset), ended=True)
        stored = 0

        def count(kept: int, refused: int) -> None:
            nonlocal stored
            stored += kept
            on_batch(kept, refused)

        self.empty(reader, count)
        shutil.rmtree(folder, ignore_errors=True)
        self._writer.forget(folder.name)
        if stored:
            _log.warning("calls_of_a_killed_process_recorded", stored=stored, spool=folder.name)

    def _store(self, reader: SpoolReader, batch: Batch, on_batch: OnBatch) -> None:
        mark = SpoolMark(reader.folder.name, batch.end.segment, batch.end.offset)
        refused = self._writer.write(batch.events, mark)
        reader.confirm(batch)
        for line in batch.unreadable:
            _log.error("spool_line_unreadable", spool=reader.folder.name, reason=line.reason)
            self._writer.set_aside(line.raw, line.reason)
        on_batch(len(batch.events) - refused, refused + len(batch.unreadable))
