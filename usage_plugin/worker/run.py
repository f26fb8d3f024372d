"""A database in, its closed hours and days added up into sheets out: again and again, by one worker at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from usage_plugin.clock import Clock, utc_now
from usage_plugin.errors import StoreError
from usage_plugin.guard import Guard
from usage_plugin.logs import get_logger
from usage_plugin.store.migrate import require_current
from usage_plugin.store.sheets.build import Made, Progress, add_up
from usage_plugin.store.sheets.patience import Patience
from usage_plugin.store.turn import Turn

_log = get_logger(__name__)
# An hour is due some minutes after its end; until it is added up, pages read its calls.
ROUND_EVERY_S: Final = 60.0
RETRY_EVERY_S: Final = 5.0


class Stopped(BaseException):
    """The worker was asked to stop: no error, and nobody else's to catch."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker works on.

    Args:
        engine: Of the database.
        zone: Whose days are asked for.
        stop: Set from outside, it ends the work between two stretches.
        clock: The present moment.
        every_s: Rest between two rounds.
        retry_every_s: Rest while the database is away, or another worker has the turn.
        guard: Around each round.
    """

    engine: Engine
    zone: ZoneInfo
    stop: threading.Event = field(default_factory=threading.Event)
    clock: Clock = utc_now
    every_s: float = ROUND_EVERY_S
    retry_every_s: float = RETRY_EVERY_S
    guard: Guard = field(default_factory=Guard)


def run_once(work: Work, progress: Progress) -> Made | None:
    """Add up all that is due.

    Args:
        work: On what.
        progress: Told after each stretch.

    Returns:
        What was made; ``None`` where another worker is at it.

    Raises:
        StoreError: The database does not answer, or its schema is another version's.
        Stopped: As asked.
    """
    turn = Turn(work.engine)
    try:
        require_current(work.engine)
        return add_up(work.engine, work.clock(), work.zone, _stoppable(work.stop, progress)) if turn.take() else None
    finally:
        turn.give_back()


def run(work: Work) -> None:
    """Add up what has become due, each minute, until asked to stop. An outage is told once and waited out."""
    _log.info("worker_ready", database=work.engine.url.render_as_string(hide_password=True), zone=work.zone.key)
    shift = _Shift(work, Turn(work.engine))
    try:
        while not work.stop.wait(shift.round()):
            pass
    except Stopped:
        pass
    finally:
        shift.turn.give_back()
        _log.info("worker_stopped")


@dataclass(slots=True)
class _Shift:
    """A worker's rounds, and what it said last: the same is not said twice."""

    work: Work
    turn: Turn
    patience: Patience = field(default_factory=Patience)
    trouble: str = ""

    def round(self) -> float:
        """Work once if it is our turn; gives the seconds to rest. A mistake of ours costs speed, and no process."""
        rest_s = self.work.every_s
        with self.work.guard.stage("adding_up"):
            try:
                rest_s = self._add_up()
            except StoreError as error:
                self._say("database_unavailable", error=str(error))
                rest_s = self.work.retry_every_s
        return rest_s

    def _add_up(self) -> float:
        work = self.work
        require_current(work.engine)
        if not self.turn.take():
            self._say("another_worker_is_at_it")
            return work.retry_every_s
        made = add_up(work.engine, work.clock(), work.zone, _stoppable(work.stop), self.patience)
        self._say("")
        if made.calls:
            _log.info("added_up", calls=made.calls, sheets=made.sheets)
        return work.every_s

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


def _stoppable(stop: threading.Event, progress: Progress = lambda _done, _all: None) -> Callable[[int, int], None]:
    def after_each(done: int, total: int) -> None:
        progress(done, total)
        if stop.is_set():
            raise Stopped

    return after_each
