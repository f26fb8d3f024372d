"""Events in at any moment, rows in the store soon after: the buffer, the thread that empties it, and its account."""

from __future__ import annotations

import atexit
import os
import secrets
import socket
import threading
from dataclasses import dataclass, field
from datetime import datetime

from usage_plugin import __version__
from usage_plugin.account import Role
from usage_plugin.clock import Clock, utc_now
from usage_plugin.errors import StoreError
from usage_plugin.event import UsageEvent
from usage_plugin.guard import Guard, describe
from usage_plugin.hold.buffer import Buffer
from usage_plugin.hold.codec import encode
from usage_plugin.hold.drain import Drain
from usage_plugin.hold.heartbeat import (
    Heartbeat,
    fingerprint,
    prune_heartbeats,
    state_dirs,
    write_heartbeat_anywhere,
)
from usage_plugin.hold.keeper import AccountKeeper
from usage_plugin.hold.recent import Recent
from usage_plugin.hold.spool import Kind, Position, Spool
from usage_plugin.hold.spool_reader import SpoolReader
from usage_plugin.hold.writer import Writer
from usage_plugin.logs import get_logger
from usage_plugin.settings import Settings

_log = get_logger(__name__)
BEAT_EVERY_S = 2.0
RETRY_AT_MOST_EVERY_S = 5.0
SPOOL_ATTEMPTS = 3
FLUSH_AT_EXIT_S = 5.0


@dataclass(slots=True)
class Counts:
    """What became of the events since the start."""

    seen: int = 0
    spooled: int = 0
    stored: int = 0
    folded: int = 0
    set_aside: int = 0
    """Kept in a file of their own, those of killed processes too."""
    lost: int = 0
    adopted: int = 0
    """Stored for processes that were killed."""
    last_stored_at: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None


@dataclass(slots=True)
class _Signals:
    wake: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)
    idle: threading.Event = field(default_factory=threading.Event)


class Recorder:
    """Takes events without waiting and writes them from a thread of its own.

    An event is on disk, safe against a kill of the process, when ``put`` returns; where the disk does not take it, it
    is kept in memory.

    Args:
        settings: Sizes, and where to write.
        role: Whose events these are, for the heartbeat.
        guard: Around everything in the thread.
        litellm_config: The config of the proxy, for ``doctor``.
        clock: The time.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        role: Role,
        guard: Guard,
        litellm_config: str | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self.settings = settings
        self.counts = Counts()
        self._role, self._guard, self._config, self._clock = role, guard, litellm_config, clock
        self._recent = Recent()
        self._buffer = Buffer(settings.buffer_size)
        self._writer = Writer(settings)
        self._account = AccountKeeper(self._writer)
        self._process_id = secrets.token_hex(8)
        self._spool: Spool | None = None
        self._reader: SpoolReader | None = None
        root = settings.data_dir / "spool" / fingerprint(settings.url)
        self._drain_spools = Drain(self._writer, root, settings.batch_size)
        self._root = root
        self._signals = _Signals()
        self._started_at = clock()
        self._settled = 0
        self._waiting_since: datetime | None = None
        self._thread: threading.Thread | None = None
        self._failing = False

    def start(self) -> None:
        """Start the thread; a daemon, so that it never keeps a process from ending."""
        self._open_spool()
        if self._spool is not None:
            self._process_id = self._spool.owner
        with self._guard.stage("heartbeat"):
            prune_heartbeats(state_dirs(self.settings), self._clock())
        self._thread = threading.Thread(target=self._run, name="usage-plugin-writer", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def put(self, event: UsageEvent) -> None:
        """Take an event. Costs one write to a file; an event without room anywhere is counted as lost and logged."""
        if self._thread is None or self._recent.seen_before(event.event_key):
            return
        kept = self._spool is not None and self._spool.append(Kind.EVENT, encode(event))
        self.counts.spooled += kept
        if not kept and not self._buffer.put(event):
            self.counts.lost += 1
            self._settled += 1
            self._guard.note("buffer_full", BufferError(f"{self.settings.buffer_size} calls wait for the database"))
        if self._waiting_since is None:
            self._waiting_since = self._clock()
        self.counts.seen += 1
        self._signals.idle.clear()
        self._signals.wake.set()

    def flush(self, timeout_s: float = FLUSH_AT_EXIT_S) -> bool:
        """Wait until everything taken is written; says whether it is."""
        self._signals.wake.set()
        return self._thread is None or self._signals.idle.wait(timeout_s)

    def stop(self) -> None:
        """Write what is left, as far as the database lets us, and end the thread."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._signals.stop.set()
        self._signals.wake.set()
        thread.join(FLUSH_AT_EXIT_S)
        atexit.unregister(self.stop)

    def _run(self) -> None:
        pause_s = 0.0
        while not self._signals.stop.is_set():
            if pause_s:
                self._signals.stop.wait(pause_s)
            else:
                self._signals.wake.wait(BEAT_EVERY_S)
                self._signals.stop.wait(self.settings.flush_every_s if self._waiting() else 0)
            self._signals.wake.clear()
            pause_s = 0.0 if self._drain() else min(pause_s * 2 or 0.25, RETRY_AT_MOST_EVERY_S)
            self._beat()
        stored = self._drain()
        self._beat(stopped=True)
        self._close_spool(stored=stored)
        self._writer.close()

    def _drain(self) -> bool:
        """Write all that waits; ``False`` when the database is to be tried again later."""
        try:
            self._writer.prepare()
            seen, began_at = self.counts.seen, self._clock()
            self._empty_buffer()
            if self._reader is not None:
                self._drain_spools.empty(self._reader, self._count)
            self._drain_spools.adopt_orphans(self._count_adopted)
        except Exception as error:  # noqa: BLE001 - the thread must outlive whatever happens in it
            self._failed(error)
            return False
        self._recovered()
        self._waiting_since = began_at if self._waiting() else None
        self._signals.idle.set()
        if self.counts.seen != seen:  # one came in between
            self._signals.idle.clear()
        return True

    def _empty_buffer(self) -> None:
        """Write what the disk did not take.

        Raises:
            StoreError: The store does not take more now; the events stay in the buffer.
        """
        while events := self._buffer.take(self.settings.batch_size):
            try:
                refused = self._writer.write(events)
            except BaseException:
                self._buffer.put_back(events)
                raise
            self._count(len(events) - refused, refused)

    def _count(self, stored: int, set_aside: int) -> None:
        self.counts.set_aside += set_aside
        self.counts.stored += stored
        self._settled += stored + set_aside
        if stored:
            self.counts.last_stored_at = self._clock()

    def _count_adopted(self, stored: int, set_aside: int) -> None:
        self.counts.adopted += stored
        self.counts.set_aside += set_aside

    def _waiting(self) -> int:
        return max(self.counts.seen - self._settled, 0)

    def _open_spool(self) -> None:
        for attempt in range(SPOOL_ATTEMPTS):
            try:
                self._spool = Spool(self._root)
            except OSError as error:  # also when another process took the new folder for an orphan's
                if attempt == SPOOL_ATTEMPTS - 1:
                    _log.warning("calls_are_kept_in_memory_only", reason=describe(error))
            else:
                self._reader = SpoolReader(self._spool.folder, Position())
                return

    def _close_spool(self, *, stored: bool) -> None:
        if self._spool is None:
            return
        with self._guard.stage("spool"):
            if stored:
                self._writer.forget(self._spool.owner)
        self._spool.close(stored=stored)
        self._spool = self._reader = None

    def _failed(self, error: Exception) -> None:
        self.counts.last_error, self.counts.last_error_at = describe(error), self._clock()
        if not self._failing:
            self._failing = True
            reason = str(error) if isinstance(error, StoreError) else describe(error)
            _log.error("usage_is_not_recorded", waiting=self._waiting(), reason=reason)
        self._guard.count("store")

    def _recovered(self) -> None:
        if self._failing:
            self._failing = False
            if self._spool is None:
                self._open_spool()
            self.counts.last_error = self.counts.last_error_at = None
            _log.warning("usage_is_recorded_again", stored=self.counts.stored)

    def _beat(self, *, stopped: bool = False) -> None:
        beat = self.heartbeat(stopped=stopped)
        with self._guard.stage("heartbeat"):
            write_heartbeat_anywhere(state_dirs(self.settings), beat)
        with self._guard.stage("account"):
            self._account.keep(beat, reachable=not self._failing)

    def heartbeat(self, *, stopped: bool = False) -> Heartbeat:
        """Give the process's account of itself."""
        now = self._clock()
        waiting = self._waiting()
        return Heartbeat(
            process_id=self._process_id,
            role=self._role,
            pid=os.getpid(),
            host=socket.gethostname(),
            safe_url=self.settings.safe_url,
            database_fingerprint=fingerprint(self.settings.url),
            version=__version__,
            started_at=self._started_at,
            beat_at=now,
            stopped_at=now if stopped else None,
            seen=self.counts.seen,
            spooled=self.counts.spooled,
            stored=self.counts.stored,
            folded=self.counts.folded,
            adopted=self.counts.adopted,
            set_aside=self.counts.set_aside,
            lost=self.counts.lost,
            waiting=waiting,
            oldest_waiting_at=self._waiting_since if waiting else None,
            last_stored_at=self.counts.last_stored_at,
            last_error=self.counts.last_error,
            last_error_at=self.counts.last_error_at,
            litellm_config=self._config,
        )
