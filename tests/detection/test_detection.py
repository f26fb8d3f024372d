"""The shipped detectors on a little of what ``make bench-detection`` measures in full."""

from __future__ import annotations

import numpy as np
import pytest

from tests.detection import baselines
from tests.detection.__main__ import by_day_score, by_hour_score
from tests.detection.spend import by_day, generate
from tests.detection.watched import daily_watch, hourly_watch


def test_days_are_judged_better_than_by_three_sigma() -> None:
    """Forty tenants: most events are found, with a fraction of the false alarms of a rolling z-score."""
    spend = generate(201, 40)
    ours = by_day_score(spend, daily_watch(spend))
    plain = by_day_score(spend, baselines.rolling_z(by_day(spend.cost_usd), 28))
    assert ours.f1 > max(0.7, plain.f1)
    assert ours.false_alarms < min(0.1, plain.false_alarms)


def test_hours_are_judged_better_than_by_three_sigma() -> None:
    """Fifteen tenants: a rolling z-score alarms weekly, ours every few months."""
    spend = generate(202, 15)
    ours = by_hour_score(spend, hourly_watch(spend))
    plain = by_hour_score(spend, baselines.rolling_z(spend.cost_usd, 336))
    assert ours.f1 > max(0.7, plain.f1)
    assert ours.false_alarms < min(0.3, plain.false_alarms / 10)


@pytest.mark.parametrize("period", [7, 24])
def test_baselines_find_what_nobody_could_miss(period: int) -> None:
    """What ours is measured beside works: a tenfold point stands out of a seasonal series, for each of them."""
    at = np.arange(30 * period)
    values = (10 + 3 * np.sin(2 * np.pi * at / period) + np.random.default_rng(1).normal(0, 0.3, at.size))[None]
    values[0, -5] *= 10
    assert baselines.rolling_z(values, 4 * period)[0, -5]
    assert baselines.seasonal_median(values, period)[0, -5]


def test_esd_flags_the_outliers_and_not_the_rest() -> None:
    """Three far points of two hundred, and no other."""
    residual = np.random.default_rng(2).normal(0, 1, 200)
    residual[[20, 90, 150]] = [9.0, -11.0, 14.0]
    assert np.flatnonzero(baselines._esd(residual, 10, 0.05)).tolist() == [20, 90, 150]
