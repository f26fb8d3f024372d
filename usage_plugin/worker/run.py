"""A database in, its jobs done out: again and again, by one worker at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from usage_plugin.clock import Clock, utc_now
from usage_plugin.errors import StoreError
from usage_plugin.guard import Guard
from usage_plugin.logs import get_logger
from usage_plugin.settings import Settings
from usage_plugin.store.jobs import settle_runs
from usage_plugin.store.migrate import require_current
from usage_plugin.store.turn import Turn
from usage_plugin.worker.jobs import Job, JobContext, Stopped
from usage_plugin.worker.once import Result, run_job
from usage_plugin.worker.registry import all_jobs
from usage_plugin.worker.term import Term

_log = get_logger(__name__)
# How soon a worker notices that the turn is free, that it has lost it, or that the database is back.
LOOK_EVERY_S: Final = 5.0
# A clock that is kept right goes back by milliseconds now and then.
SLIGHT: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker works on.

    Args:
        engine: Of the database.
        settings: Of the worker.
        stop: Set from outside, it ends the work between two pieces of it.
        clock: The present moment.
        jobs: What is to be done.
        look_every_s: Rest between two looks at whose turn it is.
        guard: Around each run.
        environment: Where the alerts file finds its secrets.
    """

    engine: Engine
    settings: Settings
    stop: threading.Event = field(default_factory=threading.Event)
    clock: Clock = utc_now
    jobs: tuple[Job, ...] = field(default_factory=all_jobs)
    look_every_s: float = LOOK_EVERY_S
    guard: Guard = field(default_factory=Guard)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def context(self, stop: threading.Event, progress: Callable[[int, int], None] | None = None) -> JobContext:
        """Give what a run works on."""
        told = progress or (lambda _done, _all: None)
        return JobContext(self.engine, self.settings, stop, self.clock, told, environment=self.environment)


@dataclass(frozen=True, slots=True)
class Once:
    """What was done by running every job once."""

    results: tuple[Result, ...]
    counts: dict[str, int]


def run_once(work: Work, progress: Callable[[int, int], None]) -> Once | None:
    """Run every job once, one after the other; one that fails does not keep the others from it.

    Args:
        work: On what.
        progress: Told how far a job is.

    Returns:
        What was done; ``None`` where another worker is at it.

    Raises:
        StoreError: The database does not answer, or its schema is another version's.
        Stopped: As asked.
    """
    turn = Turn(work.engine)
    context = work.context(work.stop, progress)
    try:
        require_current(work.engine)
        if not turn.take():
            return None
        settle_runs(work.engine, work.clock())
        return Once(tuple(_each(work, context)), context.counts)
    finally:
        turn.give_back()


def _each(work: Work, context: JobContext) -> list[Result]:
    results = []
    for job in work.jobs:
        results.append(run_job(job, context, work.guard, job.due_by(work.clock())))
        if work.stop.is_set():
            raise Stopped
    return results


def run(work: Work) -> None:
    """Run each job when it is due, until asked to stop. An outage is told once and waited out."""
    zone = work.settings.zone.key
    _log.info("worker_ready", database=work.engine.url.render_as_string(hide_password=True), zone=zone)
    shift = _Shift(work, Turn(work.engine))
    try:
        shift.look()
        while not work.stop.wait(work.look_every_s):
            shift.look()
    finally:
        shift.end_term()
        shift.turn.give_back()
        _log.info("worker_stopped")


@dataclass(slots=True)
class _Shift:
    """A worker's time, with its turns, and what it said last: the same is not said twice."""

    work: Work
    turn: Turn
    term: Term | None = None
    trouble: str = ""
    looked_at: datetime | None = None

    def look(self) -> None:
        """Work for as long as it is our turn and the database is there."""
        try:
            self._look()
        except StoreError as error:
            self.end_term()
            self._say("database_unavailable", error=str(error))

    def end_term(self) -> None:
        """Stop working."""
        if self.term is not None:
            self.term.end()
            self.term = None

    def _look(self) -> None:
        term = self.term
        if term is not None and term.broken is not None:
            raise term.broken
        if term is not None and term.trouble is not None:
            raise term.trouble
        self._mind_the_clock()
        is_new = self.term is None
        if is_new:
            require_current(self.work.engine)
        if not self.turn.take():
            self.end_term()
            self._say("another_worker_is_at_it")
        elif is_new:
            self.term = self._begin_term()
            self._say("")

    def _mind_the_clock(self) -> None:
        """Begin anew where the clock was set back: what was due next is not due for as long as that."""
        now = self.work.clock()
        if self.looked_at is not None and now < self.looked_at - SLIGHT:
            _log.warning("clock_was_set_back", seconds=round((self.looked_at - now).total_seconds()))
            self.end_term()
        self.looked_at = now

    def _begin_term(self) -> Term:
        term = Term(self.work.jobs, self.work.context(threading.Event()), self.work.guard)
        term.begin()
        return term

    def _say(self, trouble: str, **details: str) -> None:
        """Log what keeps us from working when it begins, and its end."""
        if trouble == self.trouble:
            return
        before, self.trouble = self.trouble, trouble
        if not trouble:
            _log.info("working_again", after=before)
        elif details:
            _log.warning(trouble, **details)
        else:
            _log.info(trouble)
