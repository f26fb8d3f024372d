"""What a worker does from time to time: a name, how often, and a function that says in a sentence what it did."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from usage_plugin.clock import Clock, utc_now
from usage_plugin.settings import Settings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Stopped(BaseException):
    """The worker was asked to stop: no error, and nobody else's to catch."""


@dataclass(frozen=True, slots=True)
class JobContext:
    """What a run works on.

    Args:
        engine: Of a migrated database.
        settings: Of the worker.
        stop: Set from outside, it ends the run at its next `breathe`.
        clock: The present moment.
        progress: Told what is done and what there is in all.
        counts: What the run did in numbers, for programs; filled by the run.
        environment: Where ``os.environ/NAME`` of the alerts file is looked up.
    """

    engine: Engine
    settings: Settings
    stop: threading.Event = field(default_factory=threading.Event)
    clock: Clock = utc_now
    progress: Callable[[int, int], None] = lambda _done, _all: None
    counts: dict[str, int] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def zone(self) -> ZoneInfo:
        """Whose days and hours are asked for."""
        return self.settings.zone

    def breathe(self, done: int = 0, total: int = 0) -> None:
        """Say how far the run is. To be called between two pieces of work, each of some seconds at most.

        Raises:
            Stopped: The worker was asked to stop.
        """
        if total:
            self.progress(done, total)
        if self.stop.is_set():
            raise Stopped


@dataclass(frozen=True, slots=True)
class Job:
    """Something that the worker does again and again, never twice at once.

    Args:
        name: As it stands in ``job_run``.
        every: It is due at whole multiples of this since 1970 in UTC: each full minute, hour or day.
        run: Does it, and says in a sentence what it did; nothing where there was nothing to do.
        after: Later than that by so much.
        is_quiet: Whether only those runs are recorded that did something, or failed.
    """

    name: str
    every: timedelta
    run: Callable[[JobContext], str]
    after: timedelta = timedelta()
    is_quiet: bool = False

    def due_by(self, now: datetime) -> datetime:
        """Give the last moment at which it was due."""
        since = now - _EPOCH - self.after
        return _EPOCH + self.after + since // self.every * self.every

    @property
    def first_due(self) -> datetime:
        """A moment at which it is due, from which others are counted."""
        return _EPOCH + self.after
