"""The store in, remembered answers out: many open pages cost about as much as one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

from cachetools import LRUCache
from sqlalchemy import Engine

from usage_plugin.clock import Clock, utc_now
from usage_plugin.hold.heartbeat import Heartbeat, fingerprint, read_heartbeats, state_dirs
from usage_plugin.settings import Settings
from usage_plugin.store.migrate import SchemaState, schema_state
from usage_plugin.store.read import Newest, newest

MAX_ANSWERS = 1024
MAX_AGE_S = 30.0
# An answer is kept this many times as long as it took, so that a slow question takes at most 5 % of a core.
REST_FACTOR = 20.0

Question = ParamSpec("Question")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Any
    row_id: int
    asked_at_s: float
    took_s: float

    def is_good(self, row_id: int, now_s: float) -> bool:
        age_s = now_s - self.asked_at_s
        return age_s < self.took_s * REST_FACTOR or (row_id == self.row_id and age_s < MAX_AGE_S)


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
        self.clock = clock
        self.demo = demo
        self._timer_s = timer_s
        self._kept: LRUCache[Hashable, _Kept] = LRUCache(MAX_ANSWERS)
        self._lock = threading.Lock()

    def look(self) -> Look:
        """Take one look: everything drawn from it is about the same moment.

        Raises:
            StoreUnavailable: The database does not answer, or has no tables.
        """
        return Look(self, self.clock(), newest(self.engine))

    def schema(self) -> SchemaState:
        """Say whether the schema is there and fits; raises StoreUnavailable."""
        return schema_state(self.engine)

    def heartbeats(self) -> list[Heartbeat]:
        """Read what proxies and SDK programs say about themselves."""
        beats = [beat for folder in state_dirs(self.settings) for beat in read_heartbeats(folder)]
        return [beat for beat in beats if beat.role != "dashboard"]

    @property
    def fingerprint(self) -> str:
        """Name the database that is shown as heartbeats name theirs."""
        return fingerprint(self.settings.url)

    def recall(self, row_id: int, question: Hashable, ask: Callable[[], Answer]) -> Answer:
        """Give the remembered answer while it is good, else ask."""
        with self._lock:
            kept = self._kept.get(question)
        now_s = self._timer_s()
        if kept is None or not kept.is_good(row_id, now_s):
            answer = ask()
            kept = _Kept(answer, row_id, now_s, self._timer_s() - now_s)
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

    def ask(
        self,
        reader: Callable[Concatenate[Engine, Question], Answer],
        *args: Question.args,
        **options: Question.kwargs,
    ) -> Answer:
        """Ask the read door, or remember what it said; raises StoreUnavailable."""
        question = (reader, args, tuple(sorted(options.items())))
        return self.data.recall(self.newest.row_id, question, lambda: reader(self.data.engine, *args, **options))
