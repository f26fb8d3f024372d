"""Reports in at any moment, rows in the store soon after: the thread that empties what the event loop has kept."""

from __future__ import annotations

import atexit
import os
import secrets
import threading
import time
from dataclasses import dataclass, field, replace

from usage_plugin.account import Role
from usage_plugin.clock import Clock, utc_now
from usage_plugin.errors import StoreError
from usage_plugin.gate import Gate
from usage_plugin.guard import Guard, describe
from usage_plugin.hold.buffer import Kept
from usage_plugin.hold.codec import encode
from usage_plugin.hold.drain import Drain, Stored
from usage_plugin.hold.flood import Flood
from usage_plugin.hold.fold import fold_events, fold_oldest
from usage_plugin.hold.heartbeat import Heartbeat, fingerprint, prune_heartbeats, state_dirs, write_heartbeat_anywhere
from usage_plugin.hold.in_flight import Request
from usage_plugin.hold.intake import Intake, Taken
from usage_plugin.hold.keeper import AccountKeeper
from usage_plugin.hold.lines import Report
from usage_plugin.hold.reports import Reports
from usage_plugin.hold.spending import Spending
from usage_plugin.hold.spool import Kind, Line, Position, bytes_on_disk
from usage_plugin.hold.spool_reader import Batch, SpoolReader, Unreadable, read_into
from usage_plugin.hold.tally import Counts, Tally
from usage_plugin.hold.writer import Writer
from usage_plugin.logs import get_logger
from usage_plugin.settings import Settings

_log = get_logger(__name__)
BEAT_EVERY_S = 2.0
RETRY_AT_MOST_EVERY_S = 5.0
FLUSH_AT_EXIT_S = 5.0
_NO_PLACE = Position()


@dataclass(slots=True)
class _Signals:
    wake: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)
    idle: threading.Event = field(default_factory=threading.Event)


class Recorder:
    """Takes reports without waiting and writes them from a thread of its own.

    A report is on disk, safe against a kill of the process, when ``put`` returns; where the disk does not take it, it
    is kept in memory.

    Args:
        settings: Sizes, and where to write.
        reports: Knows what reports mean.
        role: Whose calls these are, for the heartbeat.
        guard: Around everything in the thread.
        litellm_config: The config of the proxy, for ``doctor``.
        clock: The time.
    """

    def __init__(
        self,
        settings: Settings,
        reports: Reports,
        *,
        role: Role,
        guard: Guard,
        litellm_config: str | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self.settings = settings
        self._reports, self._role, self._guard = reports, role, guard
        self._config, self._clock, self._started_at = litellm_config, clock, clock()
        self.root = settings.data_dir / "spool" / fingerprint(settings.url)
        self._thread: threading.Thread | None = None
        self._is_registered = False
        self._inherited: Writer | None = None
        self._set_up()

    def _set_up(self) -> None:
        """Make all that belongs to one process."""
        self._tally = Tally(self._clock)
        self._intake = Intake(self.settings, self.root)
        self.in_flight = self._intake.in_flight
        self._writer = Writer(self.settings)
        self.gate = Gate()
        self._spending = Spending(self.gate, self.settings.zone, self.in_flight.find, self._clock)
        self._drain_spools = Drain(
            self._writer, self._reports, self.root, self.settings.batch_size, self._spending_understood
        )
        self._account = AccountKeeper(self._writer)
        self._process_id = secrets.token_hex(8)
        self._flood = Flood(self._process_id)
        self._reader: SpoolReader | None = None
        self._signals = _Signals()
        self._failing = False
        self._budgets_not_read = ""
        self._beat_due = 0.0
        self._tried_of_buffer = 0

    @property
    def counts(self) -> Counts:
        """What became of the calls since the start."""
        return self._tally.counts

    def start(self) -> None:
        """Start the thread; a daemon, so that it never keeps a process from ending."""
        self._open_spool()
        with self._guard.stage("heartbeat"):
            prune_heartbeats(state_dirs(self.settings), self._clock())
        self._thread = threading.Thread(target=self._run, name="usage-plugin-writer", daemon=True)
        self._thread.start()
        if not self._is_registered:  # a forked process inherits both, in their order
            self._is_registered = True
            atexit.register(self.stop)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=self._after_fork)

    def _after_fork(self) -> None:
        """Record in a forked process too: threads and locks do not come along, and the spool is the parent's."""
        if self._thread is None:
            return
        with self._guard.stage("fork"):
            if self._intake.spool is not None:
                self._intake.spool.leave()
            self._inherited = self._writer  # kept: the parent's connections must not be closed from here
            self._set_up()
            self.start()

    def begin(self, report: Report) -> Request | None:
        """Note a request that begins; ``None`` where nothing is recorded."""
        return None if self._thread is None else self._intake.begin(report)

    def put(self, report: Report, *, twin: object = None) -> None:
        """Take the report of a request's end. Costs one write to a file; one without room anywhere counts as lost.

        Args:
            report: Plain values.
            twin: What is the same in another report of the same end.
        """
        if self._thread is None or (taken := self._intake.take(report, twin)) is Taken.TWIN:
            return
        self._tally.seen(spooled=taken is Taken.SPOOLED, lost=taken is Taken.LOST)
        if taken is Taken.LOST:
            self._guard.note("buffer_full", BufferError(f"{self.settings.buffer_size} calls wait for the database"))
        if self._signals.idle.is_set():  # the thread is not woken: it would take its turn in the middle of a hook
            self._signals.idle.clear()

    def flush(self, timeout_s: float = FLUSH_AT_EXIT_S) -> bool:
        """Wait until everything taken is written; says whether it is."""
        self._signals.wake.set()
        return self._thread is None or self._signals.idle.wait(timeout_s)

    def stop(self) -> None:
        """Write what is left, as far as the database lets us, and end the thread."""
        if self._thread is None:
            return
        self._report_overdue(all_of_them=True)
        thread, self._thread = self._thread, None
        self._signals.stop.set()
        self._signals.wake.set()
        thread.join(FLUSH_AT_EXIT_S)

    def heartbeat(self, *, stopped: bool = False) -> Heartbeat:
        """Give the process's account of itself."""
        account = self._tally.account(
            self.settings, process_id=self._process_id, role=self._role, started_at=self._started_at
        )
        spool = self._intake.spool
        return replace(
            account,
            stopped_at=account.beat_at if stopped else None,
            spool_bytes=0 if spool is None else bytes_on_disk(spool.folder),
            litellm_config=self._config,
        )

    def _run(self) -> None:
        pause_s = 0.0
        while not self._signals.stop.is_set():
            self._rest(pause_s or self.settings.flush_every_s, self._signals.stop if pause_s else self._signals.wake)
            self._signals.wake.clear()
            self._report_overdue()
            pause_s = 0.0 if self._drain() else min(pause_s * 2 or 0.25, RETRY_AT_MOST_EVERY_S)
            with self._guard.stage("fold"):
                self._make_room()
            self._attend_to_budgets()
            self._beat_when_due()
        stored = self._drain()
        self._beat(stopped=True)
        self._close_spool(stored=stored)
        self._writer.close()

    def _rest(self, seconds: float, signal: threading.Event) -> None:
        """Wait for a while or until a signal, and look after budgets and the heartbeat meanwhile."""
        until = time.monotonic() + seconds
        while (
            not signal.wait(max(0.0, min(until - time.monotonic(), self._spending.rest_s))) and time.monotonic() < until
        ):
            self._attend_to_budgets()
            self._beat_when_due()

    def _drain(self) -> bool:
        """Write all that waits; ``False`` when the database is to be tried again later."""
        try:
            self._writer.prepare()
            seen, began_at = self.counts.seen, self._clock()
            self._empty_buffer()
            if self._reader is not None:
                self._drain_spools.empty(self._reader, self._flood, self._stored)
            self._drain_spools.adopt_orphans(self._tally.adopted)
        except Exception as error:  # noqa: BLE001 - the thread must outlive whatever happens in it
            self._failed(error)
            return False
        self._tally.drained(began_at)
        self._recovered()
        self._signals.idle.set()
        if self.counts.seen != seen:  # one came in between
            self._signals.idle.clear()
        return True

    def _empty_buffer(self) -> None:
        """Write what the disk did not take.

        Raises:
            StoreError: The store does not take more now; the reports stay in the buffer.
        """
        buffer = self._intake.buffer
        while lines := buffer.take(self.settings.batch_size):
            batch = self._understand(lines)
            self._spending_understood(batch)
            try:
                refused = self._writer.write(batch.events)
            except BaseException:
                buffer.put_back(lines)
                self._tried_of_buffer = max(self._tried_of_buffer, len(lines))
                raise
            self._tried_of_buffer = 0
            set_aside = refused + self._set_aside(batch.unreadable)
            keys = tuple(key for key, _ in batch.costs)
            self._stored(Stored(max(batch.calls - set_aside, 0), set_aside, keys=keys))

    def _stored(self, batch: Stored) -> None:
        self._tally.stored(batch)
        self._spending.stored(batch.keys)

    def _spending_understood(self, batch: Batch) -> None:
        with self._guard.stage("budgets"):
            self._spending.understood(batch.costs)

    def _attend_to_budgets(self) -> None:
        """Tell the gate what is spent, while the store answers."""
        if self._failing:
            return
        with self._guard.stage("budgets"):
            try:
                if self._spending.attend(self._writer.prepare(), all_is_stored=not self._tally.waiting):
                    self._budgets_not_read = ""
            except StoreError as error:  # the next drain reports an outage
                if str(error) != self._budgets_not_read:
                    _log.warning("budgets_not_read", reason=str(error))
                self._budgets_not_read = str(error)

    def _understand(self, lines: list[Kept]) -> Batch:
        batch = Batch(_NO_PLACE)
        for kind, payload in lines:
            read_into(batch, Line(kind, payload, _NO_PLACE), self._reports.understand)
        return batch

    def _set_aside(self, unreadable: list[Unreadable]) -> int:
        for line in unreadable:
            _log.error("call_not_understood", reason=line.reason)
            with self._guard.stage("set_aside"):
                self._writer.set_aside(line.raw, line.reason)
        return len(unreadable)

    def _report_overdue(self, *, all_of_them: bool = False) -> None:
        """Record requests that are over, and of which LiteLLM says nothing."""
        for request in self.in_flight.overdue(all_of_them=all_of_them):
            with self._guard.stage("unreported"):  # one that breaks keeps no other from its row
                if self.in_flight.give_up(request.key, self._reports.row_key(request.key)):
                    self.put(self._reports.of_unreported(request))

    def _make_room(self) -> None:
        """Count together what waits, before disk or memory are full: whole hours are better than nothing."""
        while self._reader is not None and not self._signals.stop.is_set():
            folded, unreadable = fold_oldest(self._reader, self.settings.spool_bytes)
            self._note_fold(folded, self._set_aside(unreadable))
            if not folded:
                break
        if self._failing and self._intake.buffer.is_half_full():
            self._fold_buffer()

    def _fold_buffer(self) -> None:
        """Leave alone what was tried to store: a commit that nobody heard of may have stored it."""
        buffer = self._intake.buffer
        lines = buffer.take(len(buffer))
        tried, rest = lines[: self._tried_of_buffer], lines[self._tried_of_buffer :]
        try:
            batch = self._understand(rest)
            rows, folded = fold_events(batch.events, f"{self._process_id} {self.counts.seen}")
            rest = [Kept(Kind.EVENT, encode(row)) for row in rows]
        finally:
            buffer.put_back([*tried, *rest])
        self._note_fold(folded, self._set_aside(batch.unreadable))

    def _note_fold(self, folded: int, set_aside: int) -> None:
        if folded:
            _log.error("calls_counted_by_the_hour", calls=folded, reason="the space for waiting calls is used up")
        self.counts.folded += folded
        self._tally.stored(Stored(0, set_aside))

    def _open_spool(self) -> None:
        if self._intake.open() and (spool := self._intake.spool) is not None:
            self._process_id = spool.owner
            self._flood = Flood(spool.owner)
            self._reader = self._drain_spools.reader(spool.folder, Position())

    def _close_spool(self, *, stored: bool) -> None:
        spool, self._intake.spool = self._intake.spool, None
        if spool is None:
            return
        spool.close(stored=stored)
        self._reader = None
        with self._guard.stage("spool"):
            if stored:  # last: without its mark a spool would be read from its begin
                self._writer.forget(spool.owner)

    def _failed(self, error: Exception) -> None:
        self._tally.failed(error)
        if not self._failing:
            self._failing, self._beat_due = True, 0.0
            reason = str(error) if isinstance(error, StoreError) else describe(error)
            _log.error("usage_is_not_recorded", waiting=self._tally.waiting, reason=reason)
        self._guard.count("store")

    def _recovered(self) -> None:
        if self._failing:
            self._failing, self._beat_due = False, 0.0
            if self._intake.spool is None:
                self._open_spool()
            self._tally.recovered()
            _log.warning("usage_is_recorded_again", stored=self.counts.stored)

    def _beat_when_due(self) -> None:
        """Beat, but not after each of many small batches."""
        if time.monotonic() >= self._beat_due:
            self._beat()

    def _beat(self, *, stopped: bool = False) -> None:
        self._beat_due = time.monotonic() + BEAT_EVERY_S
        beat = self.heartbeat(stopped=stopped)
        with self._guard.stage("heartbeat"):
            write_heartbeat_anywhere(state_dirs(self.settings), beat)
        with self._guard.stage("account"):
            self._account.keep(beat, reachable=not self._failing)
