"""A seed in, spend of an ordinary tenant out."""

from __future__ import annotations

import numpy as np

from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.analysis.memory import Profile

DAYS = 100


def daily_spend(seed: int, days: int = DAYS) -> FloatArray:
    """A tenant's dollars a day: quiet weekends, growth, 10 % noise."""
    day = np.arange(days)
    level = 100 * (1 + 0.004 * day) * np.where(day % 7 >= 5, 0.4, 1.0)
    return np.random.default_rng(seed).gamma(100, level / 100)


def hourly_spend(seed: int, days: int = 40) -> FloatArray:
    """The same by hour, with quiet nights."""
    hour = np.arange(days * 24)
    level = 4 * (1.05 + np.sin(2 * np.pi * (hour % 24 - 9) / 24)) * np.where(hour // 24 % 7 >= 5, 0.4, 1.0)
    return np.random.default_rng(seed).gamma(20, level / 20)


def some_series(profile: Profile, seed: int, count: int = 3) -> FloatArray:
    """Series with gaps and outliers, long enough to be scored."""
    rng = np.random.default_rng(seed)
    make = daily_spend if profile.day == 1 else hourly_spend
    values = np.stack([make(seed + each) for each in range(count)])[:, :420]
    values[rng.random(values.shape) < 0.02] *= 6
    values[rng.random(values.shape) < 0.03] = np.nan
    return values
