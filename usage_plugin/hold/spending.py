"""Budgets and stored calls in, what the gate knows of spend out: the part of the budgets that reads the database.

It runs in the thread that stores calls: what a batch brought is counted before its calls give back what they had
reserved, so that no call is ever missing between the two.

All accounts are counted up to one and the same row. What came since goes to each account that it belongs to, but for
those that are counted exactly in the same look at the database. An exact count may take many milliseconds, in which
the event loop computes nothing: so a few accounts have their turn at a time.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from usage_plugin.clock import Clock
from usage_plugin.gate import Account, Gate, Plan
from usage_plugin.hold.counted import Counted, limits
from usage_plugin.hold.learned import Learned
from usage_plugin.logs import get_logger
from usage_plugin.periods import Span, span_of
from usage_plugin.store.budgets import Budget, ancestors, budgets
from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.read.question import Question
from usage_plugin.store.spend import Seen, lately, spent_since

_log = get_logger(__name__)
BUDGETS_EVERY_S: Final = 5.0
COUNT_EVERY_S: Final = 1.0
TURN_EVERY_S: Final = 0.25
HURRIED_TURN_EVERY_S: Final = 0.05
"""While the calls of some budget have no limit yet."""
TURN_S: Final = 0.03
"""After so long no further account is counted exactly in the same turn."""
AGAIN_AFTER_S: Final = 1.0
"""A database that is away is not asked more often."""
FORGOTTEN_EVERY_S: Final = 60.0
FORGOTTEN_AFTER_S: Final = 60.0


@dataclass(slots=True)
class _Due:
    """When each thing is to be done next, on the monotonic clock."""

    budgets: float = 0.0
    count: float = 0.0
    turn: float = 0.0
    forgotten: float = 0.0
    again: float = 0.0
    """After what failed; nothing is asked before."""


class Spending:
    """Tells a gate what limits there are and what is spent of them.

    Args:
        gate: The one that the event loop asks.
        zone: Whose days periods are of.
        is_in_flight: Says whether a call is not reported yet.
        clock: The present moment.
        ticks_s: Seconds that only grow.
    """

    def __init__(
        self,
        gate: Gate,
        zone: ZoneInfo,
        is_in_flight: Callable[[str], object],
        clock: Clock,
        ticks_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gate, self._zone, self._is_in_flight, self._clock = gate, zone, is_in_flight, clock
        self._ticks_s = ticks_s
        self._budgets: Mapping[int | None, Budget] = {}
        self._counted: dict[int, Counted] = {}
        self._untold: set[int] = set()
        self._stored: list[str] = []
        self._seen: Seen | None = None
        self._learned = Learned()
        self._due = _Due()

    def stored(self, keys: Iterable[str]) -> None:
        """Note calls that are in the store now, refused ones too: the next count has what they cost."""
        if len(self._gate):
            self._stored.extend(key for key in keys if self._gate.knows(key))

    def understood(self, costs: Iterable[tuple[str, int | None]]) -> None:
        """Note what calls cost that are going to be stored, for the case that this takes long."""
        if len(self._gate):
            for key, cost_nano_usd in costs:
                if cost_nano_usd is not None:
                    self._gate.correct(key, cost_nano_usd)

    def attend(self, engine: Engine, *, all_is_stored: bool) -> bool:
        """Do what is due; ``False`` where the database was away a moment ago, so that it is not asked.

        Args:
            engine: Of a migrated database that answered just now.
            all_is_stored: No call waits for the database.

        Raises:
            StoreError: The database does not answer any more.
        """
        now_s = self._ticks_s()
        if now_s < self._due.again:
            return False
        self._due.again = now_s + AGAIN_AFTER_S
        if now_s >= self._due.budgets:
            self._read_budgets(engine)
            self._due.budgets = now_s + BUDGETS_EVERY_S
        if not self._counted:
            self._open()
        elif (waiting := self._waiting(now_s)) or self._stored or now_s >= self._due.count:
            self._count(engine, waiting, now_s, all_is_stored=all_is_stored)
        self._due.again = 0.0
        return True

    def _read_budgets(self, engine: Engine) -> None:
        """Look for changes; what limits is counted, and what does not is not."""
        found = {each.id: each for each in budgets(engine)}
        if found == self._budgets:
            return
        if not self._counted:
            learned = Learned()
            learned.take(lately(engine))
            self._learned, self._seen = learned, None
        self._budgets, now = found, self._clock()
        self._counted = {
            number: Counted.of(each, self._counted.get(number), now, self._zone)
            for number, each in found.items()
            if number is not None and limits(each)
        }
        if self._counted:
            self._put_up(anew=True)

    def _open(self) -> None:
        """Limit nothing, and hold nothing."""
        if not self._gate.is_open:
            self._gate.put_up(Plan())
        if len(self._gate):
            self._gate.count({}, self._gate.forgotten(lambda _key: False, 0.0))
        self._stored.clear()

    @property
    def rest_s(self) -> float:
        """How long the thread may rest until there may be something to do."""
        now = self._clock()
        return HURRIED_TURN_EVERY_S if any(each.is_unlimited(now) for each in self._counted.values()) else TURN_EVERY_S

    def _waiting(self, now_s: float) -> list[Counted]:
        """Give those that are to be counted exactly: first whose calls have no limit yet, and whose period is over."""
        if now_s < self._due.turn:
            return []
        now, waiting = self._clock(), list[tuple[float, Counted]]()
        for each in self._counted.values():
            if each.is_unlimited(now):
                waiting.append((0.0, each))
            elif each.due_s <= now_s:
                waiting.append((each.due_s, each))
        return [each for _, each in sorted(waiting, key=lambda found: found[0])]

    def _count(self, engine: Engine, waiting: list[Counted], now_s: float, *, all_is_stored: bool) -> None:
        """Count what is news for all, and some exactly."""
        keys = self._take_stored()
        if all_is_stored and now_s >= self._due.forgotten:
            keys += self._gate.forgotten(self._is_in_flight, FORGOTTEN_AFTER_S)
            self._due.forgotten = now_s + FORGOTTEN_EVERY_S
        going_on = [each for each in self._counted.values() if each.is_counted]
        bounds = sorted({moment for each in going_on for moment in (each.span.start, each.span.end)})
        asked = list[tuple[Counted, Span]]()
        try:
            questions = self._questions(waiting, asked, now_s + TURN_S)
            news = spent_since(engine, self._seen, _dimensions(going_on), bounds, questions)
        except BaseException:
            self._stored = keys + self._stored
            raise
        self._seen = news.seen
        told = {each.account: amount for (each, _), amount in zip(asked, news.sums_nano_usd, strict=True)}
        exactly = {account: amount for account, amount in told.items() if amount is not None}
        # Before a new period begins: the old one's spend would refuse calls for all of it.
        self._gate.count({each.account: each.of_news(news.masses, bounds) for each in going_on}, keys, exactly)
        is_new = not all(each.is_counted for each, _ in asked)
        self._begin(asked, exactly, now_s)
        self._learned.take(news.masses)
        if is_new or news.masses:
            self._put_up(anew=is_new)
        self._due.count = now_s + COUNT_EVERY_S

    def _questions(
        self, waiting: list[Counted], asked: list[tuple[Counted, Span]], until_s: float
    ) -> Iterator[Question]:
        """Ask about one after the other, at least one, until that has taken long enough."""
        now = self._clock()
        for each in waiting:
            if asked and self._ticks_s() >= until_s:
                return
            span = span_of(each.budget.period, now, self._zone, each.budget.rolling_days)
            asked.append((each, span))
            yield each.budget.part.question(span.start, span.end, self._zone)

    def _begin(self, asked: list[tuple[Counted, Span]], exactly: Mapping[Account, int], now_s: float) -> None:
        """Let those go on that were counted, in their present periods."""
        places = {number: place for place, number in enumerate(self._counted, 1)}
        for each, span in asked:
            number = each.account.limit.budget_id
            each.renew(span, now_s, places[number] / len(places))
            if each.account in exactly:
                self._untold.discard(number)
            elif number not in self._untold:
                self._untold.add(number)
                _log.warning("budget_not_counted_exactly", budget=each.budget.name, reason="its calls are pruned")
        if asked:
            self._due.turn = self._ticks_s() + self.rest_s

    def _take_stored(self) -> list[str]:
        keys, self._stored = self._stored, []
        return keys

    def _put_up(self, *, anew: bool) -> None:
        """Tell the gate what was learned, and where limits are others of whose calls they are."""
        plan = self._plan() if anew else self._gate.plan
        learned = self._learned
        means, targets = learned.means_nano_usd, learned.only_target
        self._gate.put_up(
            replace(plan, means_nano_usd=means, usual_nano_usd=learned.usual_nano_usd, only_target=targets)
        )

    def _plan(self) -> Plan:
        """Say of whose calls each account is: of its own budget's, and of those of all budgets below it."""
        everybody = dict[Account, None]()
        members: dict[Dimension, dict[str, dict[Account, None]]] = defaultdict(lambda: defaultdict(dict))
        accounts = {number: each.account for number, each in self._counted.items() if each.is_counted}
        for budget in (each for each in self._budgets.values() if each.is_enabled):
            part = budget.part
            mine = everybody if part.dimension is None else members[part.dimension][part.member or ""]
            mine.update({accounts[n]: None for n in _numbers(budget, self._budgets) if n in accounts})
        limited = {
            dimension: {member: them for member, them in found.items() if them} for dimension, found in members.items()
        }
        limited = {dimension: found for dimension, found in limited.items() if found}
        names = tuple(dimension.value for dimension in limited)
        return Plan(everybody=everybody, dimensions=names, members=tuple(limited.values()))


def _numbers(budget: Budget, known: Mapping[int | None, Budget]) -> list[int]:
    """Name a budget and all above it."""
    return [each.id for each in (budget, *ancestors(budget, known)) if each.id is not None]


def _dimensions(counted: Iterable[Counted]) -> tuple[Dimension, ...]:
    named = {each.budget.part.dimension for each in counted}
    return tuple(dimension for dimension in Dimension if dimension in named)
