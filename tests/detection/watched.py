"""Generated spend in, alarms of the shipped detectors out: dollars alone, and dollars with what they are made of."""

from __future__ import annotations

import numpy as np

from tests.detection.scoring import Alarms
from tests.detection.spend import HOURS_A_DAY, Spend, by_day
from usage_plugin.analysis.arrays import BoolArray, SingleArray
from usage_plugin.analysis.memory import PER_CALL_BY_DAY, SPEND_BY_DAY, SPEND_BY_HOUR, run

LEAST_CALLS = 5
"""A day with fewer calls has no cost per call: one large prompt is half of it."""


def daily_dollars(spend: Spend) -> BoolArray:
    """Judge each tenant's dollars by day."""
    return run(SPEND_BY_DAY, by_day(spend.cost_usd)).alarms


def daily_watch(spend: Spend) -> BoolArray:
    """Judge dollars, calls and dollars per call by day; that calls become cheaper is nothing to be told."""
    calls = run(SPEND_BY_DAY, by_day(spend.requests)).alarms
    return daily_dollars(spend) | calls | (per_call_by_day(spend) > 1)


def per_call_by_day(spend: Spend) -> SingleArray:
    """Score dollars per call by day; NaN where there are too few calls."""
    cost, calls = by_day(spend.cost_usd), by_day(spend.requests)
    per_call = np.divide(cost, calls, out=np.full_like(cost, np.nan), where=calls >= LEAST_CALLS)
    return run(PER_CALL_BY_DAY, per_call).severity


def hourly_dollars(spend: Spend) -> BoolArray:
    """Judge each tenant's dollars by hour."""
    return run(SPEND_BY_HOUR, spend.cost_usd).alarms


def hourly_watch(spend: Spend) -> Alarms:
    """Judge dollars by hour, with the daily detector of dollars and of dollars per call beside it."""
    hours, days = hourly_dollars(spend), daily_dollars(spend) | (per_call_by_day(spend) > 1)
    told = hours.copy()
    told[:, HOURS_A_DAY - 1 :: HOURS_A_DAY] |= days
    return Alarms(hours | np.repeat(days, HOURS_A_DAY, axis=1), told)
