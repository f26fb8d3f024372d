"""Hours in, how busy each of them usually is out: day and night, weekday and weekend, growth."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

HOURS_PER_DAY = 24
_SATURDAY = 5
_HOUR = np.arange(HOURS_PER_DAY)


def _bump(peak: float, width: float, floor: float) -> NDArray[np.float64]:
    """Give shares of a day's calls by hour: one hill around *peak*, at least *floor* of its height elsewhere."""
    distance = np.minimum(np.abs(_HOUR - peak), HOURS_PER_DAY - np.abs(_HOUR - peak))
    height = np.maximum(np.exp(-((distance / width) ** 2) / 2), floor)
    shares: NDArray[np.float64] = height / height.sum()
    return shares


# Shares of a day by hour (UTC; the company sits in Europe), and what a weekend day has of a weekday.
RHYTHMS = {
    "office": (_bump(13, 2.8, 0.002), 0.06),
    "customers": (_bump(17, 4.5, 0.08), 0.7),
    "night_batch": (_bump(2, 0.8, 0.0), 1.0),
    "always": (np.full(HOURS_PER_DAY, 1 / HOURS_PER_DAY), 1.0),
}


def hours_until(now: datetime, days: int) -> list[datetime]:
    """List the starts of the hours of *days* days up to *now*, the last one being the hour that is not over yet."""
    last = now.replace(minute=0, second=0, microsecond=0)
    count = days * HOURS_PER_DAY
    return [last - timedelta(hours=back) for back in range(count - 1, -1, -1)]


def calls_by_hour(hours: list[datetime], rhythm: str, per_day: float, growth: float) -> NDArray[np.float64]:
    """Give the calls to expect in each hour.

    Args:
        hours: Starts of consecutive hours.
        rhythm: A name of ``RHYTHMS``.
        per_day: Calls of a weekday at the end.
        growth: Share by which a day has fewer calls than the next.
    """
    shares, weekend = RHYTHMS[rhythm]
    days_before_end = np.array([(hours[-1] - hour) / timedelta(days=1) for hour in hours])
    is_weekend = np.array([hour.weekday() >= _SATURDAY for hour in hours])
    by_hour = shares[[hour.hour for hour in hours]]
    rates: NDArray[np.float64] = per_day * by_hour * (1 - growth) ** days_before_end
    return rates * np.where(is_weekend, weekend, 1.0)
