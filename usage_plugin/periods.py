"""A moment, a time zone and a kind of period in, the days and moments of the period that it lies in out."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from usage_plugin.store.zones import midnight

_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_DAY = timedelta(days=1)


class Period(StrEnum):
    """What spend is added up over; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ROLLING = "rolling"
    """Today and the days before it, as many as are asked for."""


LONGEST_DAYS: Final = {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 31, Period.QUARTER: 92, Period.YEAR: 366}
"""Of each period of the calendar."""


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days of a time zone: ``start`` is inside, in UTC, and ``end`` is not."""

    first_day: date
    last_day: date
    start: datetime
    end: datetime

    @classmethod
    def of_days(cls, first: date, last: date, zone: ZoneInfo) -> Span:
        """Give the moments of some days."""
        return cls(first, last, midnight(first, zone), midnight(last + _DAY, zone))

    def elapsed_share(self, now: datetime) -> float:
        """Say which share of it is over, from 0 to 1."""
        return min(max((now - self.start) / (self.end - self.start), 0.0), 1.0)


def span_of(period: Period, now: datetime, zone: ZoneInfo, rolling_days: int | None = None) -> Span:
    """Give the period that a moment lies in.

    Args:
        period: Its kind.
        now: The moment.
        zone: Whose days.
        rolling_days: Length of a rolling one, which ends with the day of the moment.

    Raises:
        ValueError: A rolling period has no length of at least a day.
    """
    today = now.astimezone(zone).date()
    if period is Period.ROLLING:
        if rolling_days is None or rolling_days < 1:
            msg = f"a rolling period of {rolling_days} days has no begin; give it 1 day or more"
            raise ValueError(msg)
        return Span.of_days(today - (rolling_days - 1) * _DAY, today, zone)
    return Span.of_days(*_days_of(period, today), zone)


def _days_of(period: Period, day: date) -> tuple[date, date]:
    if period is Period.DAY:
        return day, day
    if period is Period.WEEK:
        monday = day - day.weekday() * _DAY
        return monday, monday + 6 * _DAY
    months = _MONTHS[period]
    first = (day.month - 1) // months * months + 1
    last = first + months - 1
    return date(day.year, first, 1), date(day.year, last, calendar.monthrange(day.year, last)[1])
