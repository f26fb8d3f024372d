"""A look in, how each budget stands out; and what somebody entered in, a budget kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from dashboard.acts import number_in, text_in
from dashboard.data import Data, Look
from dashboard.frames import Course, FloatArray
from dashboard.queries.names import member_in, name_in
from dashboard.theme import NANO_PER_USD, percent
from usage_plugin.budgets import Standing, Untold, standing_of
from usage_plugin.errors import InputError, NoLongerKept
from usage_plugin.money import to_nano_usd
from usage_plugin.outlook import PeriodForecast
from usage_plugin.periods import Period
from usage_plugin.store import read
from usage_plugin.store.budgets import (
    DEFAULT_THRESHOLDS,
    LONGEST_NAME,
    Action,
    Budget,
    budgets,
    remove_budget,
    save_budget,
)
from usage_plugin.store.part import Part

DAY: Final = timedelta(days=1)
LONGEST_LIST: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """What the list shows."""

    now: datetime
    zone: ZoneInfo
    standings: tuple[Standing, ...]
    untold: tuple[Untold, ...] = ()
    """Those of which nobody can tell any more what is spent."""
    names: Mapping[int | None, str] = field(default_factory=dict)
    """What the members of the budgets are called, by the budget's number."""
    is_empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OneBudget:
    """What a budget's page shows."""

    now: datetime
    zone: ZoneInfo
    number: int | None
    standing: Standing | Untold | None
    """``None`` where there is none of this number."""
    course: Course | None
    """``None`` where nobody can tell it."""
    name: str = ""
    """What its member is called."""
    parents: tuple[Budget, ...] = ()
    parts: tuple[Budget, ...] = ()
    is_empty: bool = False


def all_budgets(look: Look) -> Budgets:
    """Say how every budget stands, those that are spent most first."""
    found = [_standing_or_why(look, budget) for budget in look.ask_found(budgets)]
    standings = [each for each in found if isinstance(each, Standing)]
    standings.sort(key=lambda each: (not each.budget.is_enabled, -each.used_share, each.budget.name))
    untold = tuple(each for each in found if isinstance(each, Untold))
    names = {each.budget.id: _name(look, each.budget) for each in found}
    return Budgets(now=look.now, zone=look.zone, standings=tuple(standings), untold=untold, names=names)


def one_budget(look: Look, number: int | None) -> OneBudget:
    """Say how a budget stands, with the course of its period."""
    known = {budget.id: budget for budget in look.ask_found(budgets)}
    budget = known.get(number)
    if budget is None:
        return OneBudget(now=look.now, zone=look.zone, number=number, standing=None, course=None)
    standing = _standing_or_why(look, budget)
    above = known.get(budget.parent_id) if budget.parent_id is not None else None
    return OneBudget(
        now=look.now,
        zone=look.zone,
        number=number,
        standing=standing,
        course=course_of(look, standing) if isinstance(standing, Standing) else None,
        name=_name(look, budget),
        parents=() if above is None else (above,),
        parts=tuple(each for each in known.values() if each.parent_id == number),
    )


def course_of(look: Look, standing: Standing) -> Course:
    """Add the days of a budget's period up."""
    span, budget = standing.outlook.span, standing.budget
    days = tuple(read.bucket_starts(budget.part.question(span.start, span.end, look.zone)))
    spent = _spent(look, standing, days)
    forecast, likely = _forecast(standing, days)
    limit = budget.amount_nano_usd / NANO_PER_USD
    even = np.linspace(limit / len(days), limit, len(days)) if budget.period is not Period.ROLLING else None
    return Course(
        days=days,
        spent_usd=spent,
        forecast_usd=forecast,
        pace_usd=np.full(len(days), np.nan) if even is None else even,
        limit_usd=limit,
        thresholds=budget.thresholds,
        likely_usd=likely,
        zone=look.zone,
    )


def _name(look: Look, budget: Budget) -> str:
    return name_in(look, budget.part.name, budget.part.member)


def _standing(look: Look, budget: Budget) -> Standing:
    # To the minute, so that the answer can be used again.
    return look.ask_heavy(standing_of, budget, look.now.replace(second=0, microsecond=0), look.zone)


def _standing_or_why(look: Look, budget: Budget) -> Standing | Untold:
    try:
        return _standing(look, budget)
    except NoLongerKept as error:
        return Untold(budget, error, look.now)


def _spent(look: Look, standing: Standing, days: tuple[datetime, ...]) -> FloatArray:
    span = standing.outlook.span
    found = look.ask_heavy(read.cost_series, standing.budget.part.question(span.start, span.end, look.zone))
    summed = np.cumsum(np.nan_to_num(found.cost_usd))
    return np.where([day <= look.now for day in days], summed, np.nan)


def _forecast(standing: Standing, days: tuple[datetime, ...]) -> tuple[FloatArray, tuple[float, float] | None]:
    found, sums = standing.forecast, np.full(len(days), np.nan)
    if not isinstance(found, PeriodForecast):
        return sums, None
    spent = standing.spent_nano_usd
    by_day = {each.span.start: each.expected_nano_usd for each in found.days_ahead}
    for place, day in enumerate(days):
        if day in by_day:
            spent += by_day[day]
            sums[place] = spent / NANO_PER_USD
    return sums, (found.low_80_nano_usd / NANO_PER_USD, found.high_80_nano_usd / NANO_PER_USD)


# What somebody enters.


def entered(look: Look, budget: Budget | None) -> dict[str, Any]:
    """Give what the fields of the form hold: those of a budget, or of a new one."""
    if budget is None:
        thresholds = shares_text(DEFAULT_THRESHOLDS)
        fresh = {"dimension": "total", "period": Period.MONTH.value, "action": Action.ALERT.value, "is_enabled": True}
        empty = dict.fromkeys(("name", "member", "degrade_to", "owner", "amount", "rolling_days"), "")
        return {**empty, **fresh, "parent": "", "thresholds": thresholds}
    return {
        "name": budget.name,
        "dimension": budget.part.name,
        "member": name_in(look, budget.part.name, budget.part.member),
        "amount": budget.amount_nano_usd / NANO_PER_USD,
        "period": budget.period.value,
        "rolling_days": budget.rolling_days or "",
        "thresholds": shares_text(budget.thresholds),
        "action": budget.action.value,
        "degrade_to": budget.degrade_to or "",
        "parent": "" if budget.parent_id is None else str(budget.parent_id),
        "owner": budget.owner or "",
        "is_enabled": budget.is_enabled,
    }


def keep_budget(data: Data, number: int | None, given: Mapping[str, Any]) -> str:
    """Keep what was entered: as a new budget, or in the place of one.

    Raises:
        InputError: It cannot work: says what and why.
        StoreUnavailable: The database does not take it.
    """
    dimension, member = member_in(data.look(), given["dimension"], given["member"])
    amount = to_nano_usd(number_in(given["amount"]))
    if amount is None:
        raise InputError("the amount is missing", "Give the dollars that may be spent in a period")
    rolling = number_in(given["rolling_days"])
    parent = text_in(given["parent"])
    budget = Budget(
        id=number,
        name=text_in(given["name"], LONGEST_NAME),
        part=Part.of(dimension, member),
        amount_nano_usd=amount,
        period=_one_of(Period, given["period"], "period"),
        rolling_days=int(rolling) if rolling is not None and given["period"] == Period.ROLLING.value else None,
        thresholds=shares_in(given["thresholds"]),
        action=_one_of(Action, given["action"], "action"),
        degrade_to=text_in(given["degrade_to"]) if given["action"] == Action.DEGRADE.value else None,
        parent_id=int(parent) if parent.isdigit() else None,
        owner=text_in(given["owner"], LONGEST_LIST) or None,
        is_enabled=given["is_enabled"] is True,
    )
    kept = save_budget(data.engine, budget, data.clock())
    return f"Budget {kept.name} is kept"


def drop_budget(data: Data, number: int | None) -> str:
    """Delete a budget.

    Raises:
        InputError: There is none of this number.
        StoreUnavailable: The database does not take it.
    """
    if number is None or not remove_budget(data.engine, number, data.clock()):
        raise InputError(f"there is no budget {number}", "It may have been removed already")
    return "The budget is removed"


def shares_in(value: Any) -> tuple[float, ...]:
    """Read percents like ``50, 80, 100``.

    Raises:
        InputError: One of them is no number.
    """
    words = text_in(value, LONGEST_LIST).replace("%", " ").replace(";", ",").split(",")
    try:
        return tuple(float(word) / 100 for word in words if word.strip())
    except ValueError:
        raise InputError(f"thresholds {value!r} are not numbers", "Write percents like 50, 80, 100") from None


def shares_text(shares: tuple[float, ...]) -> str:
    """Write them back."""
    return ", ".join(percent(share, 1).removesuffix("%").removesuffix(".0") for share in shares)


def _one_of(kinds: Any, value: Any, name: str) -> Any:
    if value not in set(kinds):
        raise InputError(f"the {name} is missing", f"Choose one of {', '.join(kinds)}")
    return kinds(value)
