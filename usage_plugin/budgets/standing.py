"""Budgets in, how each stands out: spent and unpriced, beside plan and forecast, and when it runs out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from usage_plugin.analysis.forecast import NoForecast
from usage_plugin.errors import NoLongerKept
from usage_plugin.outlook import Outlook, PeriodForecast, outlook
from usage_plugin.periods import Period
from usage_plugin.store.budgets import Budget, budgets
from usage_plugin.store.retention import KEPT_BY_THE_HOUR


@dataclass(frozen=True, slots=True)
class Standing:
    """How a budget stands in the period that its outlook is of."""

    budget: Budget
    outlook: Outlook

    @property
    def period_start(self) -> datetime:
        """First moment of the period, in UTC."""
        return self.outlook.span.start

    @property
    def period_end(self) -> datetime:
        """First moment after it; of a rolling one the next moment at which a day drops out of it."""
        return self.outlook.span.end

    @property
    def spent_nano_usd(self) -> int:
        """The costs that are known, with those that are estimated or too small; ``unpriced_requests`` stand beside."""
        return self.outlook.spent_nano_usd

    @property
    def unpriced_requests(self) -> int:
        """Requests that cost something, and nobody knows what."""
        return self.outlook.unpriced_requests

    @property
    def left_nano_usd(self) -> int:
        """What may still be spent; below zero where more was."""
        return self.budget.amount_nano_usd - self.spent_nano_usd

    @property
    def used_share(self) -> float:
        """Spent as a share of the amount."""
        return self.spent_nano_usd / self.budget.amount_nano_usd

    @property
    def pace_nano_usd(self) -> int | None:
        """What would be spent by now at an even pace; ``None`` of a rolling period, which is never at its begin."""
        if self.budget.period is Period.ROLLING:
            return None
        return round(self.budget.amount_nano_usd * self.outlook.span.elapsed_share(self.outlook.asked_at))

    @property
    def is_over(self) -> bool:
        """Whether the amount is spent."""
        return self.left_nano_usd <= 0

    @property
    def forecast(self) -> PeriodForecast | NoForecast:
        """What the whole period is expected to cost."""
        return self.outlook.forecast

    @property
    def projected_over(self) -> bool | None:
        """Whether more than the amount is expected at the end, or is spent; ``None`` where nothing is forecast."""
        expected = self.outlook.expected_nano_usd
        if self.spent_nano_usd > self.budget.amount_nano_usd:
            return True
        return None if expected is None else expected > self.budget.amount_nano_usd

    @property
    def runs_out_at(self) -> datetime | None:
        """When the amount is expected to be spent; ``None`` where it is already, or not in this period."""
        return self.outlook.reaches(self.budget.amount_nano_usd)

    @property
    def crossed(self) -> tuple[float, ...]:
        """The thresholds that spend has reached, lowest first."""
        amount = self.budget.amount_nano_usd
        return tuple(each for each in self.budget.thresholds if self.spent_nano_usd >= each * amount)


@dataclass(frozen=True, slots=True)
class Untold:
    """A budget of whose period nobody can add the spend up any more: its first days are gone."""

    budget: Budget
    error: NoLongerKept
    asked_at: datetime

    @property
    def why(self) -> str:
        """What is gone, and of which time it can be told: a budget is not asked about another one."""
        if self.error.since is None:
            return str(self.error)
        when = (
            "over fewer days" if self.budget.period is Period.ROLLING else "in its next period, or over a shorter one"
        )
        return f"{self.error.problem}. The budget can be added up {when}; {KEPT_BY_THE_HOUR}"


def standing(engine: Engine, now: datetime, zone: ZoneInfo) -> list[Standing | Untold]:
    """Say how every budget stands, those that are switched off too, by name.

    Args:
        engine: Of a migrated database.
        now: The present moment.
        zone: Whose days.

    Raises:
        StoreError: The database does not answer.
    """
    return [_standing_or_why(engine, budget, now, zone) for budget in budgets(engine)]


def _standing_or_why(engine: Engine, budget: Budget, now: datetime, zone: ZoneInfo) -> Standing | Untold:
    try:
        return standing_of(engine, budget, now, zone)
    except NoLongerKept as error:
        return Untold(budget, error, now)


def standing_of(engine: Engine, budget: Budget, now: datetime, zone: ZoneInfo) -> Standing:
    """Say how a budget stands, also one that is not kept yet.

    Raises:
        StoreError: The database does not answer.
        NoLongerKept: The first days of its period are gone.
    """
    return Standing(budget, outlook(engine, budget.part, budget.period, now, zone, rolling_days=budget.rolling_days))
