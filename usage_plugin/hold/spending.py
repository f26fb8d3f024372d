"""Budgets and stored calls in, what the gate knows of spend out: the part of the budgets that reads the database.

It runs in the thread that stores calls: what a batch brought is counted before its calls give back what they had
reserved, so that no call is ever missing between the two.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from usage_plugin.clock import Clock
from usage_plugin.gate import Account, Beyond, Gate, Limit, Plan
from usage_plugin.periods import Period, Span, span_of
from usage_plugin.store.budgets import Action, Budget, ancestors, budgets
from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.spend import Mass, Seen, lately, spent_exactly, spent_since

BUDGETS_EVERY_S: Final = 5.0
COUNT_EVERY_S: Final = 1.0
EXACTLY_EVERY_S: Final = 60.0
"""Corrections, withdrawn rows and calls of transactions that took longer than a minute."""
FORGOTTEN_AFTER_S: Final = 60.0
MOST_CALLS_REMEMBERED: Final = 1000
"""A mean moves with so many calls of a model group."""
_BEYOND = {Action.BLOCK: Beyond.BLOCK, Action.DEGRADE: Beyond.DEGRADE}
_WORDS = {Period.DAY: "a day", Period.WEEK: "a week", Period.MONTH: "a month"}
_WORDS |= {Period.QUARTER: "a quarter", Period.YEAR: "a year"}


@dataclass(slots=True)
class _Due:
    """When each thing is to be done next, on the monotonic clock."""

    budgets: float = 0.0
    exactly: float = 0.0
    count: float = 0.0


@dataclass(slots=True)
class _Learned:
    """What newer calls say of model groups: cost and number of those that cost something, and whom they asked."""

    costs: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    targets: dict[str, Counter[tuple[str, str]]] = field(default_factory=lambda: defaultdict(Counter))

    def take(self, masses: Iterable[Mass]) -> None:
        """Learn from some calls; the oldest are forgotten by halves."""
        for mass in masses:
            group = mass.model_group or ""
            self.costs[group] += mass.cost_nano_usd
            self.calls[group] += mass.paid_calls
            if mass.model_group and mass.model and mass.provider:
                self.targets[group][mass.model, mass.provider] += max(mass.paid_calls, 1)
            while self.calls[group] > MOST_CALLS_REMEMBERED:
                self.costs[group] //= 2
                self.calls[group] //= 2
                halves = {target: calls // 2 for target, calls in self.targets[group].items()}
                self.targets[group] = Counter({target: calls for target, calls in halves.items() if calls})

    @property
    def means_nano_usd(self) -> Mapping[str, int]:
        """Of each model group, what one call costs."""
        return {group: max(self.costs[group], 0) // calls for group, calls in self.calls.items() if calls}

    @property
    def usual_nano_usd(self) -> int:
        """What a call of any group costs."""
        return max(self.costs.total(), 0) // max(self.calls.total(), 1)


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
        self._accounts: dict[int, tuple[Budget, Account]] = {}
        self._spans: dict[int, Span] = {}
        self._stored: list[str] = []
        self._seen = Seen()
        self._learned = _Learned()
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

    def attend(self, engine: Engine, *, all_is_stored: bool) -> None:
        """Do what is due.

        Args:
            engine: Of a migrated database that answered just now.
            all_is_stored: No call waits for the database.

        Raises:
            StoreError: The database does not answer any more.
        """
        now_s = self._ticks_s()
        changed = now_s >= self._due.budgets and self._read_budgets(engine)
        self._due.budgets = now_s + BUDGETS_EVERY_S if now_s >= self._due.budgets else self._due.budgets
        if not self._accounts:
            self._open()
        elif changed or now_s >= self._due.exactly or self._is_over():
            self._count_exactly(engine, all_is_stored=all_is_stored)
        elif self._stored or now_s >= self._due.count:
            self._count_news(engine)

    def _read_budgets(self, engine: Engine) -> bool:
        """Look for changes; says whether there are limits that have to be counted anew."""
        found = {each.id: each for each in budgets(engine)}
        if found == self._budgets:
            return False
        if not self._accounts:
            self._learned = _Learned()
            self._learned.take(lately(engine))
        self._budgets = found
        limiting = {number: each for number, each in found.items() if number is not None and _limits(each)}
        kept = {number: pair for number, pair in self._accounts.items() if number in limiting}
        self._renew(limiting, kept)
        # Until that succeeds: accounts that were never counted would have room for everything.
        self._due.exactly = 0.0
        return bool(limiting)

    def _open(self) -> None:
        """Limit nothing, and hold nothing."""
        if not self._gate.is_open:
            self._gate.put_up(Plan())
        if len(self._gate):
            self._gate.count({}, self._gate.forgotten(lambda _key: False, 0.0))
        self._stored.clear()

    def _renew(self, limiting: Mapping[int, Budget], kept: Mapping[int, tuple[Budget, Account]]) -> None:
        """Make accounts for the present periods; one of the same calls goes on with what is reserved in it."""
        now = self._clock()
        self._accounts, self._spans = {}, {}
        for number, budget in limiting.items():
            span = self._spans[number] = span_of(budget.period, now, self._zone, budget.rolling_days)
            limit = _limit(budget, span)
            before, account = kept.get(number, (budget, None))
            if account is None or before.part != budget.part:
                account = Account(limit)
            self._accounts[number] = (budget, account)

    def _is_over(self) -> bool:
        now = self._clock()
        return any(now >= span.end for span in self._spans.values())

    def _count_exactly(self, engine: Engine, *, all_is_stored: bool) -> None:
        self._renew({number: budget for number, (budget, _) in self._accounts.items()}, self._accounts)
        keys = self._take_stored()
        if all_is_stored:
            keys += self._gate.forgotten(self._is_in_flight, FORGOTTEN_AFTER_S)
        parts = [(budget.part, self._spans[number]) for number, (budget, _) in self._accounts.items()]
        questions = [part.question(span.start, span.end, self._zone) for part, span in parts]
        before = self._seen
        try:
            sums, seen = spent_exactly(engine, questions)
            if before.row_id:
                self._learned.take(spent_since(engine, before, (), ()).masses)
        except BaseException:
            self._stored = keys + self._stored
            raise
        self._seen = seen
        spent = dict(zip((account for _, account in self._accounts.values()), sums, strict=True))
        # Before a new period begins: the old one's spend would refuse calls for all of it.
        self._gate.count(spent, keys, anew=True)
        for number, (budget, account) in self._accounts.items():
            account.renew(_limit(budget, self._spans[number]))
        self._gate.put_up(self._plan())
        self._due.exactly = self._ticks_s() + EXACTLY_EVERY_S
        self._due.count = self._ticks_s() + COUNT_EVERY_S

    def _count_news(self, engine: Engine) -> None:
        keys = self._take_stored()
        bounds = sorted({moment for span in self._spans.values() for moment in (span.start, span.end)})
        try:
            news = spent_since(engine, self._seen, self._dimensions(), bounds)
        except BaseException:
            self._stored = keys + self._stored
            raise
        self._seen = news.seen
        spent = Counter[Account]()
        for number, (budget, account) in self._accounts.items():
            spent[account] += sum(_of(budget, self._spans[number], bounds, news.masses))
        self._gate.count({account: amount for account, amount in spent.items() if amount}, keys)
        if news.masses:
            self._learned.take(news.masses)
            self._gate.put_up(self._plan())
        self._due.count = self._ticks_s() + COUNT_EVERY_S

    def _take_stored(self) -> list[str]:
        keys, self._stored = self._stored, []
        return keys

    def _dimensions(self) -> tuple[Dimension, ...]:
        named = {budget.part.dimension for budget, _ in self._accounts.values()}
        return tuple(dimension for dimension in Dimension if dimension in named)

    def _plan(self) -> Plan:
        """Say of whose calls each account is: of its own budget's, and of those of all budgets below it."""
        everybody = dict[Account, None]()
        members: dict[Dimension, dict[str, dict[Account, None]]] = defaultdict(lambda: defaultdict(dict))
        for budget in (each for each in self._budgets.values() if each.is_enabled):
            part = budget.part
            mine = everybody if part.dimension is None else members[part.dimension][part.member or ""]
            for each in (budget, *ancestors(budget, self._budgets)):
                if each.id in self._accounts:
                    mine[self._accounts[each.id][1]] = None
        limited = {
            dimension: {member: accounts for member, accounts in found.items() if accounts}
            for dimension, found in members.items()
        }
        limited = {dimension: found for dimension, found in limited.items() if found}
        return Plan(
            everybody=everybody,
            dimensions=tuple(dimension.value for dimension in limited),
            members=tuple(limited.values()),
            means_nano_usd=self._learned.means_nano_usd,
            usual_nano_usd=self._learned.usual_nano_usd,
            only_target={group: next(iter(them)) for group, them in self._learned.targets.items() if len(them) == 1},
        )


def _limits(budget: Budget) -> bool:
    return budget.is_enabled and budget.action in _BEYOND


def _limit(budget: Budget, span: Span) -> Limit:
    is_rolling = budget.period is Period.ROLLING
    words = f"in {budget.rolling_days} days" if is_rolling else _WORDS[budget.period]
    return Limit(
        budget_id=budget.id or 0,
        name=budget.name,
        amount_nano_usd=budget.amount_nano_usd,
        beyond=_BEYOND[budget.action],
        degrade_to=budget.degrade_to,
        period=words,
        starts_at=span.start,
        ends_at=span.end,
        is_rolling=is_rolling,
    )


def _of(budget: Budget, span: Span, bounds: Sequence[datetime], masses: Iterable[Mass]) -> Iterable[int]:
    """Give what counts for a budget: of its calls, those that ended in its period."""
    eras = range(bisect_right(bounds, span.start), bisect_right(bounds, span.end))
    dimension, member = budget.part.dimension, budget.part.member
    for mass in masses:
        if mass.era in eras and (dimension is None or member in mass.members[dimension]):
            yield mass.cost_nano_usd
