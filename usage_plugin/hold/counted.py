"""A limiting budget in, its account with what it is counted for, and when it is to be counted exactly again, out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from usage_plugin.gate import Account, Beyond, Limit
from usage_plugin.periods import Period, Span, span_of
from usage_plugin.store.budgets import Action, Budget
from usage_plugin.store.spend import Mass

EXACTLY_EVERY_S: Final = 60.0
"""Corrections, withdrawn rows and calls of transactions that took longer than a minute."""
_DAY = timedelta(days=1)
_BEYOND = {Action.BLOCK: Beyond.BLOCK, Action.DEGRADE: Beyond.DEGRADE}
_WORDS = {Period.DAY: "a day", Period.WEEK: "a week", Period.MONTH: "a month"}
_WORDS |= {Period.QUARTER: "a quarter", Period.YEAR: "a year"}


def limits(budget: Budget) -> bool:
    """Say whether a budget limits calls at all."""
    return budget.is_enabled and budget.action in _BEYOND


@dataclass(slots=True)
class Counted:
    """A budget's account."""

    budget: Budget
    account: Account
    span: Span
    """What the account is counted for."""
    days: dict[date, int] = field(default_factory=dict)
    """Its spend by the day with which it drops out, at the latest; what lies behind the span is the next one's."""
    is_counted: bool = False
    is_changed: bool = False
    """It has another kind of period, of which nothing is counted yet."""
    due_s: float = 0.0
    """When it is to be counted exactly again, on the monotonic clock."""

    @classmethod
    def of(cls, budget: Budget, before: Counted | None, now: datetime, zone: ZoneInfo) -> Counted:
        """Make one; of the same calls it goes on with what is spent and reserved, and with other limits at once."""
        if before is None or before.budget.part != budget.part:
            span = span_of(budget.period, now, zone, budget.rolling_days)
            return cls(budget, Account(_limit(budget, span)), span)
        if (before.budget.period, before.budget.rolling_days) != (budget.period, budget.rolling_days):
            return replace(before, budget=budget, is_changed=True, due_s=0.0)
        before.account.renew(_limit(budget, before.span))
        return replace(before, budget=budget)

    @property
    def is_rolling(self) -> bool:
        """Say whether its days drop out one by one."""
        return self.budget.period is Period.ROLLING

    @property
    def spent_nano_usd(self) -> int:
        """What is known to be spent in its span."""
        return sum(amount for day, amount in self.days.items() if self.span.first_day <= day <= self.span.last_day)

    def present(self, now: datetime, zone: ZoneInfo) -> Span:
        """Give the span to go on with: the next one as soon as the moment is there, since that needs no exact sum."""
        if now < self.span.end:
            return self.span
        return span_of(self.budget.period, now, zone, self.budget.rolling_days)

    def take(self, span: Span, masses: Iterable[Mass], bounds: Sequence[datetime]) -> bool:
        """Go on with a span, without what dropped out, and add what counts for it of some calls.

        Args:
            span: The same as before or a later one.
            masses: The calls. Those that ended after the span, by the clock of another machine, are for the next one.
            bounds: Of the eras of the calls, with begin and end of the span among them.

        Returns:
            Whether anything is other than before.
        """
        is_other = span != self.span
        if is_other:
            self.span, self.days = span, {day: cost for day, cost in self.days.items() if day >= span.first_day}
        first, behind = bisect_right(bounds, span.start), bisect_right(bounds, span.end)
        dimension, member = self.budget.part.dimension, self.budget.part.member
        for mass in masses:
            if mass.era >= first and (dimension is None or member in mass.members[dimension]):
                day = span.last_day if mass.era < behind else span.last_day + _DAY
                self.days[day] = self.days.get(day, 0) + mass.cost_nano_usd
                is_other = True
        return is_other

    def correct(self, span: Span, told: int | Mapping[date, int] | None) -> None:
        """Put an exact sum, or exact sums by day, of a span in the place of what is known; where there is none, go on.

        What is spent then, of another kind of period, drops out with the end of the span.
        """
        if told is None and self.is_counted and not self.is_changed:
            return
        known = self.spent_nano_usd if told is None else told
        later = {day: amount for day, amount in self.days.items() if day > span.last_day}
        self.days = later | ({span.last_day: known} if isinstance(known, int) else dict(known))
        self.span, self.is_changed = span, False

    def renew(self, now_s: float, phase: float) -> None:
        """Go on after an exact count was tried.

        Args:
            now_s: On the monotonic clock.
            phase: Its place among all budgets, above 0 and up to 1, so that they are not all counted at once.
        """
        if not self.is_counted:
            self.due_s = now_s + EXACTLY_EVERY_S * phase
        elif self.due_s <= now_s:
            self.due_s += EXACTLY_EVERY_S * ((now_s - self.due_s) // EXACTLY_EVERY_S + 1)
        self.is_counted = True

    def put_up(self) -> None:
        """Tell the gate of its span."""
        self.account.renew(_limit(self.budget, self.span))


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
