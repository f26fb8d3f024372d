"""The store in, remembered answers out: many open pages cost about as much as one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Concatenate, Final, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from cachetools import LRUCache
from sqlalchemy import Engine

from usage_plugin.account import RECORDS
from usage_plugin.clock import Clock, utc_now
from usage_plugin.hold.heartbeat import Heartbeat, fingerprint
from usage_plugin.hold.local import local_beats
from usage_plugin.settings import Settings
from usage_plugin.store.migrate import SchemaState, schema_state
from usage_plugin.store.read import Newest, newest
from usage_plugin.watch import State, state_of

MAX_ANSWERS: Final = 1024
MAX_AGE_S: Final = 30.0
# What is made of the calls (anomalies, budgets, alerts) changes without a new call.
MAX_AGE_OF_FINDINGS_S: Final = 5.0
# A heavy question rests this many times as long as it took, so that a busy store spends at most 5 % of a core on it,
REST_FACTOR: Final = 20.0
# but never so long that pages stay behind once the store is quiet: they are drawn once more when it has settled.
MAX_REST_S: Final = 5.0
SETTLED_AFTER_S: Final = 6.0
LOCKS: Final = 32
DOWN: Final = "down"
"""Instead of a version, while the store is away."""

Question = ParamSpec("Question")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Any
    row_id: int
    asked_at_s: float
    rest_s: float
    most_s: float = MAX_AGE_S

    def is_good(self, row_id: int, now_s: float) -> bool:
        age_s = now_s - self.asked_at_s
        return age_s < self.rest_s or (row_id == self.row_id and age_s < self.most_s)


class Data:
    """What the pages ask: the store, the heartbeats and the time.

    Args:
        engine: Of the database that is shown.
        settings: Say where heartbeats lie.
        clock: The present moment.
        demo: Whether the database holds a generated company.
        timer_s: Seconds that only go forward, to tell how old an answer is.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        clock: Clock = utc_now,
        demo: bool = False,
        timer_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self.settings = settings
        self.zone = settings.zone
        self.clock = clock
        self.demo = demo
        self._timer_s = timer_s
        self._kept: LRUCache[Hashable, _Kept] = LRUCache(MAX_ANSWERS)
        self._lock = threading.Lock()
        self._asking = [threading.Lock() for _ in range(LOCKS)]
        self._row_seen: tuple[int, float] = (-1, 0.0)
        self._changes = 0

    def look(self) -> Look:
        """Take one look: everything drawn from it is about the same moment.

        Raises:
            StoreUnavailable: The database does not answer, or has no tables.
        """
        return Look(self, self.clock(), newest(self.engine))

    def version(self, look: Look) -> str:
        """Name what a page would show: another name after a new row, a while after the last one, and each minute."""
        now_s, row_id = self._timer_s(), look.newest.row_id
        with self._lock:
            if row_id != self._row_seen[0]:
                self._row_seen = (row_id, now_s)
            settled = now_s - self._row_seen[1] >= SETTLED_AFTER_S
        return f"{row_id}:{look.now:%d%H%M}:{'settled' if settled else 'new'}"

    def schema(self) -> SchemaState:
        """Say whether the schema is there and fits; raises StoreUnavailable."""
        return schema_state(self.engine)

    def heartbeats(self) -> list[Heartbeat]:
        """Read what proxies and SDK programs say about themselves."""
        return [beat for beat in local_beats(self.settings) if beat.role in RECORDS]

    def workers(self) -> list[Heartbeat]:
        """Read which processes of this machine add this database up now."""
        now = self.clock()
        mine = (beat for beat in local_beats(self.settings) if beat.database_fingerprint == self.fingerprint)
        return [beat for beat in mine if beat.role == "worker" and state_of(beat, now) is State.RUNNING]

    @property
    def fingerprint(self) -> str:
        """Name the database that is shown as heartbeats name theirs."""
        return fingerprint(self.settings.url)

    @property
    def changes(self) -> int:
        """How often somebody has changed something here: what was asked before that is not asked by this name again."""
        return self._changes

    def changed(self) -> None:
        """Note that somebody has changed something, so that the next look shows it."""
        with self._lock:
            self._changes += 1

    def recall(
        self,
        row_id: int,
        question: Hashable,
        ask: Callable[[], Answer],
        *,
        heavy: bool = False,
        most_s: float = MAX_AGE_S,
    ) -> Answer:
        """Give the remembered answer while it is good, else ask; pages that ask the same at once ask once."""
        with self._asking[hash(question) % LOCKS]:
            with self._lock:
                kept = self._kept.get(question)
            now_s = self._timer_s()
            if kept is None or not kept.is_good(row_id, now_s):
                answer = ask()
                rest_s = min((self._timer_s() - now_s) * REST_FACTOR, MAX_REST_S) if heavy else 0.0
                kept = _Kept(answer, row_id, now_s, rest_s, most_s)
                with self._lock:
                    self._kept[question] = kept
        found: Answer = kept.answer
        return found


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the store: when it was, and how far the store had got."""

    data: Data
    now: datetime
    newest: Newest

    @property
    def zone(self) -> ZoneInfo:
        """Whose days and hours are shown."""
        return self.data.zone

    def ask(
        self,
        reader: Callable[Concatenate[Engine, Question], Answer],
        *args: Question.args,
        **options: Question.kwargs,
    ) -> Answer:
        """Ask the read door, or remember what it said since the newest row; raises StoreUnavailable."""
        question = (reader, args, tuple(sorted(options.items())))
        return self.data.recall(self.newest.row_id, question, lambda: reader(self.data.engine, *args, **options))

    def ask_heavy(
        self,
        reader: Callable[Concatenate[Engine, Question], Answer],
        *args: Question.args,
        **options: Question.kwargs,
    ) -> Answer:
        """Ask what may take long and may be some seconds old; raises StoreUnavailable."""
        question = (reader, args, tuple(sorted(options.items())))
        return self.data.recall(
            self.newest.row_id, question, lambda: reader(self.data.engine, *args, **options), heavy=True
        )

    def ask_found(
        self,
        reader: Callable[Concatenate[Engine, Question], Answer],
        *args: Question.args,
        **options: Question.kwargs,
    ) -> Answer:
        """Ask what a worker has found or somebody has set: a few seconds old, never older than a change made here.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        question = (reader, args, tuple(sorted(options.items())), self.data.changes)
        return self.data.recall(
            self.newest.row_id,
            question,
            lambda: reader(self.data.engine, *args, **options),
            most_s=MAX_AGE_OF_FINDINGS_S,
        )
