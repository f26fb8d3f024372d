"""A part of the calls in, its dollars by day, by hour, and of today so far out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Engine

from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.periods import Period, Span, span_of
from usage_plugin.store.part import Part
from usage_plugin.store.read import Granularity, cost_series

HOURS_A_DAY = 24
HOURLY_DAYS = 56
"""Eight weeks: what is left of a day is tested on them."""


@dataclass(frozen=True, slots=True)
class History:
    """Dollars by the days of a zone; NaN where there were calls and none has a price."""

    daily: FloatArray
    """Shape ``(days,)``, oldest first, yesterday last."""
    hours: FloatArray
    """Shape ``(days, 24)`` by the hour on the wall clock, yesterday last.

    All of a day whose cost nobody knows is NaN; on other days an hour whose cost nobody knows adds nothing.
    """
    today: float
    """So far; an hour whose cost nobody knows adds nothing."""
    elapsed_hours: float
    """Of today, on the wall clock."""


def read_history(engine: Engine, part: Part, now: datetime, zone: ZoneInfo, days: int) -> History:
    """Read so many whole days up to yesterday, as far as they are kept, and today up to now.

    Raises:
        StoreError: The database does not answer.
    """
    today = span_of(Period.DAY, now, zone)
    daily = cost_series(engine, replace(part.question(_back(today, days, zone), today.start, zone), as_kept=True))
    start = _back(today, HOURLY_DAYS, zone)
    hourly = cost_series(engine, replace(part.question(start, now, zone, Granularity.HOUR), as_kept=True))
    first = start.astimezone(zone).date()
    hours = np.zeros((HOURLY_DAYS + 1, HOURS_A_DAY))
    places = [(each.astimezone(zone)) for each in hourly.buckets]
    np.add.at(hours, ([(each.date() - first).days for each in places], [each.hour for each in places]), hourly.cost_usd)
    clock = now.astimezone(zone)
    elapsed = clock.hour + clock.minute / 60 + clock.second / 3600
    return History(daily.cost_usd, _by_day(hours[:-1], daily.cost_usd), float(np.nansum(hours[-1])), elapsed)


def _by_day(hours: FloatArray, daily: FloatArray) -> FloatArray:
    """Judge hours by their days: a call without a price takes nothing from those that have one."""
    known: FloatArray = np.where(np.isnan(daily[-HOURLY_DAYS:, None]), np.nan, np.nan_to_num(hours))
    return known


def _back(today: Span, days: int, zone: ZoneInfo) -> datetime:
    first = today.first_day - timedelta(days=days)
    return Span.of_days(first, first, zone).start
