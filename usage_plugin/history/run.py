"""A source and a reader in, calls in the store out: once, in batches, going on where a killed import stopped."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine

from usage_plugin.errors import StoreRefused
from usage_plugin.event import UsageEvent
from usage_plugin.history.lines import Line, Place, Reader, Source
from usage_plugin.history.rejects import Rejects
from usage_plugin.store.write import SpoolMark, forget_mark, stored_mark, write_events

BATCH = 2000
# Calls of one moment in a table are stored together, so that reading can go on behind them; up to this many.
MOST = 5 * BATCH
Batch = list[tuple[Line, UsageEvent]]


@dataclass(slots=True)
class Tally:
    """What became of the lines that were read in this run.

    ``rejected`` also counts what the run had rejected that this one goes on from.
    """

    read: int = 0
    new: int = 0
    known: int = 0
    """Stored before, by an earlier import; or the same line twice."""
    left_out: int = 0
    """Not of the time that was asked for."""
    rejected: int = 0
    resumed: bool = False
    done_bytes: int = 0
    total_bytes: int | None = None
    _began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Say how long it takes already."""
        return time.monotonic() - self._began


@dataclass(frozen=True, slots=True)
class Span:
    """Which calls are meant, by when they ended.

    Args:
        since: Earlier ones are left out.
        before: Those that ended then or later are left out.
        pruned_before: Records of earlier ones were deleted, so that nobody can tell whether such a call is new.
    """

    since: datetime | None = None
    before: datetime | None = None
    pruned_before: datetime | None = None

    def has(self, moment: datetime) -> bool:
        """Say whether a call of then is meant."""
        return not ((self.since and moment < self.since) or (self.before and moment >= self.before))

    def check(self, moment: datetime) -> None:
        """Refuse a call that may be counted already.

        Raises:
            ValueError: Its time was pruned; says what to do.
        """
        if self.pruned_before and moment < self.pruned_before:
            ended, mark = (f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in (moment, self.pruned_before))
            msg = (
                f"it ended at {ended}, and calls before {mark} were pruned: if it was imported or recorded earlier, "
                "it is counted already. If it never was, import it with --pruned-too"
            )
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Job:
    """One import.

    Args:
        engine: Of a migrated database.
        source: Where the lines come from.
        reader: Who understands them.
        rejects: Where what is no call goes.
        options: Whatever else decides what a line means, so that other options begin anew.
        span: Which calls are meant.
        progress: Told after each batch.
    """

    engine: Engine
    source: Source
    reader: Reader
    rejects: Rejects
    options: str = ""
    span: Span = Span()
    progress: Callable[[Tally], None] = lambda _tally: None

    def run(self) -> Tally:
        """Import all lines.

        Raises:
            StoreError: The database takes nothing now; another run goes on from there.
            InputError: Rejected lines cannot be noted.
        """
        owner = self._owner()
        stored = stored_mark(self.engine, owner)
        reached = Place(stored.segment, stored.byte_offset)
        tally = Tally(resumed=reached != Place(), total_bytes=self.source.size)
        try:
            self.rejects.keep_until(reached.segment)
            self._import(reached, owner, tally)
        finally:
            self.rejects.close()
        # An import that is complete is forgotten: the next one reads all again, and finds what came late.
        forget_mark(self.engine, owner)
        return tally

    def _import(self, reached: Place, owner: str, tally: Tally) -> None:
        tally.rejected = self.rejects.count
        batch: Batch = []
        place: Place | None = None
        waiting = 0
        for line in self._lines(reached):
            tally.read += 1
            waiting += 1
            self._understand(line, batch, tally)
            place = line.place
            if waiting >= (BATCH if place else MOST):
                self._store(batch, owner, place, tally)
                batch, waiting = [], 0
        if waiting:
            self._store(batch, owner, place, tally)

    def _lines(self, reached: Place) -> Iterator[Line]:
        """Give the lines that are left, having shown those before to a reader that wants to see them."""
        if not self.reader.counts_repeats or reached == Place():
            yield from self.source.lines(reached)
            return
        for line in self.source.lines(Place()):
            if line.segment > reached.segment:
                yield line
            elif not line.problem:
                self.reader.skip(line.values)

    def _understand(self, line: Line, batch: Batch, tally: Tally) -> None:
        if line.problem:
            self.rejects.add(line, line.problem, {})
            return
        try:
            event = self.reader.event(line.values)
            ended = event.timing.completed_at
            is_meant = self.span.has(ended)
            if is_meant:
                self.span.check(ended)
        except (ValueError, ArithmeticError, TypeError, AttributeError, KeyError) as error:
            self.rejects.add(line, str(error) or type(error).__name__, self.reader.shown(line.values))
            return
        if is_meant:
            batch.append((line, event))
        else:
            tally.left_out += 1

    def _store(self, batch: Batch, owner: str, place: Place | None, tally: Tally) -> None:
        self.rejects.flush()
        mark = SpoolMark(owner, place.segment, place.byte_offset) if place else None
        refused_before = self.rejects.count
        try:
            new = write_events(self.engine, [event for _, event in batch], mark)
        except StoreRefused:
            new = self._store_halves(batch)
            self.rejects.flush()
            write_events(self.engine, (), mark)
        tally.new += new
        tally.known += len(batch) - new - (self.rejects.count - refused_before)
        tally.rejected = self.rejects.count
        tally.done_bytes = place.byte_offset if place else tally.done_bytes
        self.progress(tally)

    def _store_halves(self, batch: Batch) -> int:
        """Find the calls that the database refuses, and store the others."""
        try:
            return write_events(self.engine, [event for _, event in batch])
        except StoreRefused as error:
            if len(batch) == 1:
                line, _ = batch[0]
                self.rejects.add(line, str(error), self.reader.shown(line.values))
                return 0
        half = len(batch) // 2
        return self._store_halves(batch[:half]) + self._store_halves(batch[half:])

    def _owner(self) -> str:
        identity = f"{self.source.identity}\x1f{self.options}\x1f{self.span.since}\x1f{self.span.before}"
        return f"import-{hashlib.blake2b(identity.encode('utf-8', 'surrogatepass'), digest_size=12).hexdigest()}"
