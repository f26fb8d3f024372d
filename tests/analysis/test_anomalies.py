"""Alarms that belong together become one anomaly that says what, when and how much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.analysis.series import daily_spend, hourly_spend
from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.analysis.memory import SPEND_BY_DAY, SPEND_BY_HOUR, Channel, Kind, anomalies, metric_every, run


def _with(spend: FloatArray, first: int, factors: FloatArray) -> FloatArray:
    changed = spend.copy()
    changed[first : first + len(factors)] *= factors
    return changed


@pytest.mark.parametrize(
    ("factors", "kind"),
    [
        (np.full(1, 8.0), Kind.SPIKE),
        (np.full(7, 5.0), Kind.RUNAWAY),
        (np.full(20, 0.0), Kind.DROP),
        (1 + 4 * np.arange(1, 193) / 192, Kind.LEAK),
        (np.full(24 * 6, 4.0), Kind.LEVEL_SHIFT),
    ],
)
def test_anomalies_have_a_kind_a_begin_an_end_and_dollars(factors: FloatArray, kind: Kind) -> None:
    """What was put in is what is said of it."""
    spend = hourly_spend(12, days=60)
    first = 45 * 24 + 9
    changed = _with(spend, first, factors)
    found = anomalies(SPEND_BY_HOUR, changed, run(SPEND_BY_HOUR, changed))
    assert found
    worst = max(found, key=lambda each: abs(each.at_stake))
    assert worst.kind is kind
    assert first - 12 <= worst.start <= first + (24 * 4 if kind is Kind.LEAK else 12)
    assert worst.start <= worst.peak <= worst.end <= first + len(factors) + 24
    put_in = float((changed - spend).sum())
    assert worst.at_stake == pytest.approx(put_in, rel=0.6 if len(factors) > 24 else 0.35)
    assert worst.start <= worst.told[0] <= worst.end


def test_a_metric_that_moves_more_than_usual_is_volatile() -> None:
    """The same mean, ten times the noise."""
    rng = np.random.default_rng(13)
    latency = 100 + rng.normal(0, 1, 24 * 40)
    latency[-48:] += np.tile([-6.0, 6.0], 24)
    quiet = replace(metric_every(60), channels=(Channel(1, 50.0), Channel(12, 50.0)))
    found = anomalies(quiet, latency, run(quiet, latency))
    assert [each.kind for each in found] == [Kind.VOLATILITY]


def test_alarms_close_together_are_one_and_told_again_when_much_worse() -> None:
    """A loop that runs away is told at its begin and when it doubles its distance, not each hour."""
    spend = hourly_spend(14)
    changed = _with(spend, 30 * 24 + 9, np.array([4.0] * 5 + [60.0] * 3))
    found = anomalies(SPEND_BY_HOUR, changed, run(SPEND_BY_HOUR, changed))
    assert len(found) == 1
    assert 2 <= len(found[0].told) <= 3
    assert found[0].peak >= 30 * 24 + 9 + 5


def test_nothing_unusual_is_no_anomaly() -> None:
    """An empty list, not an empty anomaly."""
    spend = daily_spend(15)
    assert anomalies(SPEND_BY_DAY, spend, run(SPEND_BY_DAY, spend)) == []
