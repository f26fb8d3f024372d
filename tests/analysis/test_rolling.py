from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usage_plugin.analysis import DAILY, DETECTORS, HOURLY, Detector, Verdict
from usage_plugin.analysis.arrays import FloatArray

DAYS = 90
SEEDS = st.integers(0, 10_000)


def daily_spend(seed: int, days: int = DAYS) -> FloatArray:
    """A tenant's dollars a day: quiet weekends, growth, 15 % noise."""
    day = np.arange(days)
    level = 100 * (1 + 0.004 * day) * np.where(day % 7 >= 5, 0.4, 1.0)
    return np.random.default_rng(seed).gamma(45, level / 45)


def hourly_spend(seed: int, days: int = DAYS) -> FloatArray:
    """The same by hour, with quiet nights."""
    hour = np.arange(days * 24)
    level = 4 * (1.05 + np.sin(2 * np.pi * (hour % 24 - 9) / 24)) * np.where(hour // 24 % 7 >= 5, 0.4, 1.0)
    return np.random.default_rng(seed).gamma(20, level / 20)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_a_day_of_triple_spend_is_flagged(seed: int) -> None:
    """Three times the last week's spend of that weekday and more stands out, above its expectation."""
    spend = daily_spend(seed)
    spend[80] = 3 * spend[73] + 100
    found = DAILY.detect(spend)
    assert found.flagged[0, 80]
    assert found.z[0, 80] > 3.5


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_an_hour_of_fivefold_spend_is_flagged(seed: int) -> None:
    """Five times the usual of that hour of the week stands out."""
    spend = hourly_spend(seed)
    spend[-40] = spend[-40 - 168] * 5 + 10
    assert HOURLY.detect(spend).flagged[0, -40]


def test_a_drop_to_zero_is_flagged_with_a_negative_z() -> None:
    """Nothing where 100 dollars a day were usual is as odd as too much."""
    spend = daily_spend(1)
    spend[80] = 0
    found = DAILY.detect(spend)
    assert found.flagged[0, 80]
    assert found.z[0, 80] < -3.5


def test_quiet_months_hardly_alarm() -> None:
    """Forty ordinary tenants get one false alarm in seven months by day, and in two by hour, at most."""
    days = DAILY.detect(np.stack([daily_spend(seed) for seed in range(40)]))
    hours = HOURLY.detect(np.stack([hourly_spend(seed) for seed in range(40)]))
    tenant_months = 40 * 2.3
    assert days.flagged.sum() / tenant_months < 0.15
    assert hours.flagged.sum() / tenant_months < 0.5


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(25, 85), st.sampled_from(DETECTORS))
def test_the_future_changes_no_score(seed: int, cut: int, detector: Detector) -> None:
    """The scores of a prefix are the prefix of the scores."""
    spend = hourly_spend(seed, days=30) if detector is HOURLY else daily_spend(seed)
    upto = cut * 8 if detector is HOURLY else cut
    whole = detector.detect(spend)
    prefix = detector.detect(spend[:upto])
    np.testing.assert_allclose(prefix.z, whole.z[:, :upto], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(prefix.upper, whole.upper[:, :upto], rtol=1e-9, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.floats(1e-6, 1e6))
def test_the_currency_changes_no_score(seed: int, factor: float) -> None:
    """Cents or dollars: scores stay, the band scales with the unit."""
    spend = daily_spend(seed)
    one, other = DAILY.detect(spend), DAILY.detect(spend * factor)
    np.testing.assert_allclose(one.z, other.z, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(one.upper * factor, other.upper, rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(0, 2))
def test_series_do_not_see_each_other(seed: int, place: int) -> None:
    """A neighbour that is all zeros changes nothing for the others."""
    series = np.stack([daily_spend(seed), daily_spend(seed + 1)])
    with_zeros = DAILY.detect(np.insert(series, place, 0.0, axis=0))
    np.testing.assert_allclose(np.delete(with_zeros.z, place, axis=0), DAILY.detect(series).z)
    assert with_zeros.verdicts[place] is Verdict.ALL_ZERO


def test_many_series_are_each_scored_like_one() -> None:
    """Working in portions leaves no trace."""
    series = np.stack([daily_spend(seed) for seed in range(130)])
    together = DAILY.detect(series)
    for row in (0, 63, 64, 129):
        np.testing.assert_allclose(together.z[row], DAILY.detect(series[row]).z[0])


def test_a_point_is_flagged_exactly_outside_its_band() -> None:
    """What the chart shows and what the list says are one thing."""
    spend = np.stack([daily_spend(seed) * np.random.default_rng(seed).pareto(3, DAYS) for seed in range(20)])
    found = DAILY.detect(spend)
    judged = np.isfinite(found.z)
    outside = (spend > found.upper) | (spend < found.lower)
    np.testing.assert_array_equal(found.flagged[judged], outside[judged])
    assert found.flagged.any()
    assert (found.lower[judged] >= 0).all()
    assert (found.lower[judged] <= found.expected[judged]).all()


def test_a_missing_day_is_not_a_zero_day() -> None:
    """A gap is not flagged, and does not pull down what is expected afterwards."""
    spend = daily_spend(3)
    gap = spend.copy()
    gap[60:64] = np.nan
    found = DAILY.detect(gap)
    assert np.isnan(found.z[0, 60:64]).all()
    assert not found.flagged[0, 60:70].any()
    assert found.expected[0, 60] > 10
    zero = spend.copy()
    zero[60:64] = 0
    assert DAILY.detect(zero).flagged[0, 60]


@pytest.mark.parametrize("partial", [-1, DAYS - 1])
def test_a_day_that_is_not_over_is_expected_but_not_scored(partial: int) -> None:
    """At nine in the morning today's dollars are few, and no alarm."""
    spend = daily_spend(4)
    spend[-1] = 0.5
    found = DAILY.detect(spend, partial=partial)
    assert not found.flagged[0, -1]
    assert np.isnan(found.z[0, -1])
    assert np.isfinite(found.upper[0, -1])
    assert found.values[0, -1] == 0.5
    assert DAILY.detect(spend).flagged[0, -1]


def test_a_partial_point_outside_the_series_is_our_mistake() -> None:
    """It raises, naming the index and the length."""
    with pytest.raises(ValueError, match="partial = 5 lies outside a series of 3 points"):
        DAILY.detect([1.0, 2.0, 3.0], partial=5)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([], Verdict.EMPTY),
        ([np.nan] * DAYS, Verdict.EMPTY),
        ([np.inf] * DAYS, Verdict.EMPTY),
        ([0.0] * DAYS, Verdict.ALL_ZERO),
        ([0.0], Verdict.ALL_ZERO),
        ([7.0] * DAYS, Verdict.CONSTANT),
        ([7.0], Verdict.LEARNING),
        ([1.0, 2.0, 3.0], Verdict.LEARNING),
        ([float(1 + day % 3) for day in range(28)], Verdict.LEARNING),
        ([float(1 + day % 3) for day in range(29)], Verdict.OK),
        ([np.nan] * 63 + [1.0, 2.0, 3.0] * 9, Verdict.LEARNING),
    ],
)
def test_degenerate_series_have_a_name(values: list[float], verdict: Verdict) -> None:
    """No history, nothing at all, always the same: each is a verdict, and none is flagged."""
    found = DAILY.detect(values)
    assert found.verdicts == (verdict,)
    assert not found.flagged.any()
    assert found.values.shape == (1, len(values))


def test_the_first_dollars_after_zeros_are_flagged() -> None:
    """A tenant that never spent anything and now does is worth a look, whatever the amount's unit."""
    found = DAILY.detect([0.0] * 60 + [0.3])
    assert found.flagged[0, 60]
    assert np.isfinite(found.z[0, 60])


def test_cents_on_a_constant_series_are_not_flagged() -> None:
    """Within the floor of the scale nothing alarms: 100 dollars a day, then 101."""
    assert not DAILY.detect([100.0] * 60 + [101.0]).flagged.any()
    assert DAILY.detect([100.0] * 60 + [130.0]).flagged[0, 60]


def test_an_anomaly_does_not_widen_the_band_of_the_next_day() -> None:
    """A spike of ten times neither becomes the new normal nor hides a second one."""
    spend = daily_spend(5)
    spend[70] *= 10
    spend[71] *= 3
    found = DAILY.detect(spend)
    assert found.flagged[0, 70]
    assert found.flagged[0, 71]
    assert found.expected[0, 72] < 2 * DAILY.detect(daily_spend(5)).expected[0, 72]


def test_flagged_points_say_what_was_expected() -> None:
    """The list holds series, place, value, expectation and z of each flag."""
    quiet, loud = daily_spend(6), daily_spend(7)
    loud[80] *= 4
    found = DAILY.detect(np.stack([quiet, loud]))
    point = next(point for point in found.points() if point.index == 80)
    assert (point.series, point.value) == (1, loud[80])
    assert point.expected == found.expected[1, 80]
    assert len(found.points()) == found.flagged.sum()


def test_detectors_have_names_of_their_own() -> None:
    """The registry tells them apart."""
    names = [detector.name for detector in DETECTORS]
    assert names == ["daily", "hourly"]
