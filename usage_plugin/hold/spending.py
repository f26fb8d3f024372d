"""Budgets and stored calls in, what the gate knows of spend out: the part of the budgets that reads the database.

It runs in the thread that stores calls: what a batch brought is counted before its calls give back what they had
reserved, so that no call is ever missing between the two.

All accounts are counted up to one and the same row. What came since goes to each account that it belongs to, but for
those that are counted exactly in the same look at the database. An exact count may take many milliseconds, in which
the event loop computes nothing: so a few accounts have their turn at a time. A new period needs none: it begins with
what came since, and a rolling one with the days that stay in it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
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
from usage_plugin.store.spend import Exactly, Seen, lately, spent_since

_log = get_logger(__name__)
BUDGETS_EVERY_S: Final = 5.0
COUNT_EVERY_S: Final = 1.0
TURN_EVERY_S: Final = 0.25
HURRIED_TURN_EVERY_S: Final = 0.05
"""While some budget was never counted, so that its calls have no limit yet."""
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
        return TURN_EVERY_S if all(each.is_counted for each in self._counted.values()) else HURRIED_TURN_EVERY_S

    def _waiting(self, now_s: float) -> list[Counted]:
        """Give those that are to be counted exactly: first whose calls have no limit yet."""
        if now_s < self._due.turn:
            return []
        waiting = [each for each in self._counted.values() if not each.is_counted or each.due_s <= now_s]
        return sorted(waiting, key=lambda each: (each.is_counted, each.due_s))

    def _count(self, engine: Engine, waiting: list[Counted], now_s: float, *, all_is_stored: bool) -> None:
        """Count what is news for all, and some exactly."""
        keys = self._take_stored()
        if all_is_stored and now_s >= self._due.forgotten:
            keys += self._gate.forgotten(self._is_in_flight, FORGOTTEN_AFTER_S)
            self._due.forgotten = now_s + FORGOTTEN_EVERY_S
        now = self._clock()
        going_on = [(each, each.present(now, self._zone)) for each in self._counted.values() if each.is_counted]
        bounds = sorted({moment for _, span in going_on for moment in (span.start, span.end)})
        asked = list[tuple[Counted, Span]]()
        try:
            questions = self._questions(waiting, asked, now, now_s + TURN_S)
            news = spent_since(engine, self._seen, _dimensions(each for each, _ in going_on), bounds, questions)
        except BaseException:
            self._stored = keys + self._stored
            raise
        self._seen = news.seen
        turned = [each for each, span in going_on if span != each.span and not any(each is one for one, _ in asked)]
        others = [each for each, span in going_on if each.take(span, news.masses, bounds)]
        for (each, span), told in zip(asked, news.sums_nano_usd, strict=True):
            each.correct(span, told)
        known = {each.account: each.spent_nano_usd for each in (*others, *(each for each, _ in asked))}
        # Before a new period begins: the old one's spend would refuse calls for all of it.
        self._gate.count({}, keys, known)
        for each in turned:
            each.put_up()
        is_new = not all(each.is_counted for each, _ in asked)
        for (each, _), told in zip(asked, news.sums_nano_usd, strict=True):
            self._go_on(each, now_s, is_exact=told is not None)
        if asked:
            self._due.turn = self._ticks_s() + self.rest_s
        self._learned.take(news.masses)
        if is_new or news.masses:
            self._put_up(anew=is_new)
        self._due.count = now_s + COUNT_EVERY_S

    def _questions(
        self, waiting: list[Counted], asked: list[tuple[Counted, Span]], now: datetime, until_s: float
    ) -> Iterator[Exactly]:
        """Ask about one after the other, at least one, until that has taken long enough."""
        for each in waiting:
            if asked and self._ticks_s() >= until_s:
                return
            budget = each.budget
            span = span_of(budget.period, now, self._zone, budget.rolling_days)
            asked.append((each, span))
            question = budget.part.question(span.start, span.end, self._zone)
            # At first what is kept is better than nothing; what is counted already is never less.
            yield Exactly(replace(question, as_kept=not each.is_counted), by_day=each.is_rolling)

    def _go_on(self, each: Counted, now_s: float, *, is_exact: bool) -> None:
        """Let one limit calls after an exact count was tried; the log says once that there is none."""
        number, numbers = each.account.limit.budget_id, list(self._counted)
        each.put_up()
        each.renew(now_s, (numbers.index(number) + 1) / len(numbers))
        if is_exact:
            self._untold.discard(number)
        elif number not in self._untold:
            self._untold.add(number)
            _log.warning("budget_not_counted_exactly", budget=each.budget.name, reason="its calls are pruned")

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
