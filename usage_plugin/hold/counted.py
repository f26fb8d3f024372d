"""A limiting budget in, its account with what it is counted for, and when it is to be counted exactly again, out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from usage_plugin.gate import Account, Beyond, Limit
from usage_plugin.periods import Period, Span, span_of
from usage_plugin.store.budgets import Action, Budget
from usage_plugin.store.spend import Mass

EXACTLY_EVERY_S: Final = 60.0
"""Corrections, withdrawn rows and calls of transactions that took longer than a minute."""
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
    is_counted: bool = False
    due_s: float = 0.0
    """When it is to be counted exactly again, on the monotonic clock."""

    @classmethod
    def of(cls, budget: Budget, before: Counted | None, now: datetime, zone: ZoneInfo) -> Counted:
        """Make one; of the same calls it goes on with what is spent and reserved, and with other limits at once."""
        if before is None or before.budget.part != budget.part:
            span = span_of(budget.period, now, zone, budget.rolling_days)
            return cls(budget, Account(_limit(budget, span)), span)
        if (before.budget.period, before.budget.rolling_days) != (budget.period, budget.rolling_days):
            return cls(budget, before.account, before.span, before.is_counted)
        before.account.renew(_limit(budget, before.span))
        return cls(budget, before.account, before.span, before.is_counted, before.due_s)

    def is_unlimited(self, now: datetime) -> bool:
        """Say whether its calls have no limit until it is counted: it is new, or its period is over."""
        return not self.is_counted or now >= self.span.end

    def renew(self, span: Span, now_s: float, phase: float) -> None:
        """Go on with what is counted now.

        Args:
            span: That it is counted for.
            now_s: On the monotonic clock.
            phase: Its place among all budgets, above 0 and up to 1, so that they are not all counted at once.
        """
        if not self.is_counted:
            self.due_s = now_s + EXACTLY_EVERY_S * phase
        elif self.due_s <= now_s:
            self.due_s += EXACTLY_EVERY_S * ((now_s - self.due_s) // EXACTLY_EVERY_S + 1)
        self.span, self.is_counted = span, True
        self.account.renew(_limit(self.budget, span))

    def of_news(self, masses: Iterable[Mass], bounds: Sequence[datetime]) -> int:
        """Add up what counts for it: of its calls, those that ended in its period; in billionths of a dollar."""
        eras = range(bisect_right(bounds, self.span.start), bisect_right(bounds, self.span.end))
        dimension, member = self.budget.part.dimension, self.budget.part.member
        return sum(
            mass.cost_nano_usd
            for mass in masses
            if mass.era in eras and (dimension is None or member in mass.members[dimension])
        )


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
