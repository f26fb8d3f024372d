"""Events in at any moment, rows in the store soon after: the buffer, the thread that empties it, and its account."""

from __future__ import annotations

import atexit
import os
import socket
import threading
from dataclasses import dataclass, field
from datetime import datetime

from usage_plugin import __version__
from usage_plugin.clock import Clock, utc_now
from usage_plugin.errors import StoreError
from usage_plugin.event import UsageEvent
from usage_plugin.guard import Guard, describe
from usage_plugin.hold.buffer import Buffer
from usage_plugin.hold.heartbeat import Heartbeat, Role, fingerprint, state_dirs, write_heartbeat_anywhere
from usage_plugin.hold.writer import Writer
from usage_plugin.logs import get_logger
from usage_plugin.settings import Settings

_log = get_logger(__name__)
BEAT_EVERY_S = 2.0
RETRY_AT_MOST_EVERY_S = 5.0
FLUSH_AT_EXIT_S = 5.0


@dataclass(slots=True)
class Counts:
    """What became of the events since the start."""

    seen: int = 0
    stored: int = 0
    lost: int = 0
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
        self._buffer = Buffer(settings.buffer_size)
        self._writer = Writer(settings)
        self._signals = _Signals()
        self._started_at = clock()
        self._thread: threading.Thread | None = None
        self._failing = False

    def start(self) -> None:
        """Start the thread; a daemon, so that it never keeps a process from ending."""
        self._thread = threading.Thread(target=self._run, name="usage-plugin-writer", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def put(self, event: UsageEvent) -> None:
        """Take an event. Costs an append; an event without room is counted as lost and said so in the log."""
        if self._thread is None:
            return
        self.counts.seen += 1
        self._signals.idle.clear()
        if not self._buffer.put(event):
            self.counts.lost += 1
            self._guard.note("buffer_full", BufferError(f"{self.settings.buffer_size} calls wait for the database"))
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
                self._signals.stop.wait(self.settings.flush_every_s if len(self._buffer) else 0)
            self._signals.wake.clear()
            pause_s = 0.0 if self._drain() else min(pause_s * 2 or 0.25, RETRY_AT_MOST_EVERY_S)
            self._beat()
        self._drain()
        self._beat(stopped=True)
        self._writer.close()

    def _drain(self) -> bool:
        """Write all that waits; ``False`` when the database is to be tried again later."""
        try:
            self._writer.prepare()
            while events := self._buffer.take(self.settings.batch_size):
                if not self._write(events):
                    return False
        except Exception as error:  # noqa: BLE001 - the thread must outlive whatever happens in it
            self._failed(error)
            return False
        self._recovered()
        if not len(self._buffer):
            self._signals.idle.set()
        return True

    def _write(self, events: list[UsageEvent]) -> bool:
        try:
            refused = self._writer.write(events)
        except Exception as error:  # noqa: BLE001 - as above
            self._buffer.put_back(events)
            self._failed(error)
            return False
        self.counts.stored += len(events) - refused
        self.counts.lost += refused
        self.counts.last_stored_at = self._clock()
        return True

    def _failed(self, error: Exception) -> None:
        self.counts.last_error, self.counts.last_error_at = describe(error), self._clock()
        if not self._failing:
            self._failing = True
            reason = str(error) if isinstance(error, StoreError) else describe(error)
            _log.error("usage_is_not_recorded", waiting=len(self._buffer), reason=reason)
        self._guard.count("store")

    def _recovered(self) -> None:
        if self._failing:
            self._failing = False
            self.counts.last_error = self.counts.last_error_at = None
            _log.warning("usage_is_recorded_again", stored=self.counts.stored)

    def _beat(self, *, stopped: bool = False) -> None:
        with self._guard.stage("heartbeat"):
            write_heartbeat_anywhere(state_dirs(self.settings), self.heartbeat(stopped=stopped))

    def heartbeat(self, *, stopped: bool = False) -> Heartbeat:
        """Give the process's account of itself."""
        now = self._clock()
        return Heartbeat(
            role=self._role,
            pid=os.getpid(),
            host=socket.gethostname(),
            safe_url=self.settings.safe_url,
            database_fingerprint=fingerprint(self.settings.url),
            version=__version__,
            started_at=self._started_at,
            beat_at=now,
            seen=self.counts.seen,
            stored=self.counts.stored,
            waiting=len(self._buffer),
            lost=self.counts.lost,
            last_stored_at=self.counts.last_stored_at,
            last_error=self.counts.last_error,
            last_error_at=self.counts.last_error_at,
            litellm_config=self._config,
            stopped_at=now if stopped else None,
        )
