"""A day and a kind of period in, the days that are left of it out."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from enum import StrEnum

MONTHS_A_QUARTER = 3


class Period(StrEnum):
    """What a sum is asked for; weeks begin on Monday."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


def last_day_of(period: Period, day: date) -> date:
    """Name the last day of the period that *day* lies in."""
    if period is Period.WEEK:
        return day + timedelta(days=6 - day.weekday())
    month = day.month
    if period is Period.QUARTER:
        month += -month % MONTHS_A_QUARTER
    return date(day.year, month, calendar.monthrange(day.year, month)[1])


def days_left(period: Period, last_known: date) -> int:
    """Count the days after *last_known* in the period that the next day lies in: at least that day itself."""
    today = last_known + timedelta(days=1)
    return (last_day_of(period, today) - last_known).days
