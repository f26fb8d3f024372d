"""A number of calls in, how many of them fall on each of 400 days out: growth, weekends, and no day without any."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from tests.bench.scale.population import Floats, Ints

END = datetime(2026, 11, 20, 15, 7, 30, tzinfo=UTC)
DAYS = 400
START = END - timedelta(days=DAYS)
GROWTH_A_DAY = 0.004
_WEEKEND = (1.0, 1.02, 1.0, 0.98, 0.93, 0.42, 0.38)
_DAY = timedelta(days=1)
_DAY_S = 86_400.0


def calendar() -> tuple[datetime, ...]:
    """Give the starts of the UTC days; the first and the last one are not whole."""
    first = START.replace(hour=0, minute=0, second=0)
    return tuple(first + number * _DAY for number in range(DAYS + 1))


def parts(day: datetime) -> tuple[float, float]:
    """Say from where to where a day belongs to the time, as shares of the day."""
    begin, end = max(day, START) - day, min(day + _DAY, END) - day
    return begin.total_seconds() / _DAY_S, end.total_seconds() / _DAY_S


def calls_of_days(count: int, seed: int) -> Ints:
    """Spread the calls over the days of the calendar."""
    days = calendar()
    weights = np.array([_WEEKEND[day.weekday()] * (1 + GROWTH_A_DAY) ** at for at, day in enumerate(days)])
    weights *= np.array([end - begin for begin, end in map(parts, days)])
    weights *= np.random.default_rng((seed, 1)).lognormal(0, 0.08, len(days))
    exact: Floats = np.cumsum(weights / weights.sum()) * count
    until: Ints = np.round(exact).astype(np.int64)
    sizes: Ints = until - np.concatenate([[0], until[:-1]])
    return sizes
