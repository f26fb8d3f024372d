"""Work that can be split anywhere in, done in steps so short that a writer beside it never waits long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine

from usage_plugin.store.database import writing

FIRST = 50
# Less does not make a step shorter: its round trips and its commit take as long.
LEAST = 20
LOCK_S = 0.04
# PostgreSQL locks rows, and nobody waits for those that are old enough to go.
ROWS_LOCKED_S = 0.25
MOST = 5000
GROWTH = 1.5
# A step looks at the clock so often: what a cold disk or a busy machine makes slow ends early.
PORTIONS = 16
# Pages of indexes are changed again and again in a step: where they fit into memory, each is written once, at its end.
_KEEP_PAGES = "PRAGMA cache_size = -65536"


def pace_for(engine: Engine) -> Pace:
    """Give the pace that keeps nobody waiting on this kind of database."""
    return Pace() if engine.dialect.name == "sqlite" else Pace(lock_s=ROWS_LOCKED_S)


@dataclass(slots=True)
class Pace:
    """How much of something a step does: as much as the steps before it did in the given time.

    Args:
        lock_s: How long a step may keep the write lock, its commit included.
        rest_s: Shortest rest after a step. SQLite has no queue: who waits asks again after up to 25 ms while it has
            waited for less than 130 ms, so a rest that is longer lets every waiter in.
        first: How much the first step of each kind of work does.
        sleep: Waits.
        clock: Gives seconds.
    """

    lock_s: float = LOCK_S
    rest_s: float = 0.05
    first: int = FIRST
    sleep: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.perf_counter
    size: int = field(init=False)
    longest_s: float = field(init=False, default=0.0)
    _begin: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        """Begin small."""
        self.size = self.first

    def restart(self) -> None:
        """Begin small again: what comes now may be slower."""
        self.size = self.first

    def others_wait(self) -> None:
        """Begin small again, with short steps on any database: from here on they lock what writers need."""
        self.lock_s = min(self.lock_s, LOCK_S)
        self.restart()

    @contextmanager
    def step(self, engine: Engine) -> Iterator[Connection]:
        """Open a transaction that writes, and learn from how long it took."""
        with writing(engine).begin() as connection:
            self._begin = self.clock()
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql(_KEEP_PAGES)
            yield connection
        taken = self.clock() - self._begin
        self.longest_s = max(self.longest_s, taken)
        factor = min(GROWTH, self.lock_s / taken) if taken > 0 else GROWTH
        self.size = min(MOST, max(min(LEAST, self.first), int(self.size * factor)))

    def portions(self) -> Iterator[int]:
        """Give parts of what the step may do, until it is done or the time is up."""
        left, portion = self.size, -(-self.size // PORTIONS)
        while left > 0:
            yield min(portion, left)
            left -= portion
            if self.clock() - self._begin >= self.lock_s:
                return

    def rest(self, since: float) -> None:
        """Leave the database to others for as long as it was used."""
        self.sleep(max(self.rest_s, self.clock() - since))
