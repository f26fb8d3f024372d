"""What is left of a day, on days whose rest is known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.analysis.forecast import NoForecast, Reason, RestOfDay, forecast_rest_of_day

OFFICE = np.array([0.0] * 8 + [1, 2, 3, 3, 1, 3, 3, 2, 1] + [0.0] * 7)


def days_of(count: int, seed: int = 1) -> FloatArray:
    rng = np.random.default_rng(seed)
    weekday = np.array([1, 1, 1, 1, 1, 0.1, 0.1])[np.arange(count) % 7]
    days: FloatArray = (
        OFFICE * weekday[:, None] * rng.gamma(60, 1 / 60, (count, 1)) * rng.gamma(20, 1 / 20, (count, 24))
    )
    return days


def rest(hours: FloatArray, so_far: float, elapsed_hours: float) -> RestOfDay:
    made = forecast_rest_of_day(hours, so_far, elapsed_hours)
    assert isinstance(made, RestOfDay)
    return made


def test_a_regular_day_goes_on_as_ever() -> None:
    """In the middle of an hour half of it is to come; the interval holds it and is not nothing."""
    made = rest(np.tile(OFFICE, (42, 1)), OFFICE[:10].sum() + 1.5, 10.5)
    assert made.remaining == pytest.approx(OFFICE[10:].sum() - 1.5)
    assert made.interval_80.low < made.remaining < made.interval_80.high < made.interval_95.high
    assert made.past_error == pytest.approx(0, abs=1e-9)


def test_a_weekday_is_not_a_sunday() -> None:
    """After a Sunday comes a working day."""
    hours = days_of(56)
    assert rest(hours, 0, 8).remaining == pytest.approx(OFFICE.sum(), rel=0.2)
    assert rest(hours[:-2], 0, 8).remaining == pytest.approx(0.1 * OFFICE.sum(), rel=0.4)


def test_a_day_of_twice_the_spend_is_expected_to_go_on_above_the_usual() -> None:
    """Days whose mornings tell their afternoons."""
    rng = np.random.default_rng(3)
    hours = OFFICE * rng.choice([0.3, 1, 2], 56)[:, None]
    made = rest(hours, 2 * OFFICE[:12].sum(), 12)
    assert made.remaining > 1.5 * OFFICE[12:].sum()
    assert "scaled" in made.model


def test_at_midnight_nothing_is_left() -> None:
    """And at the first moment of a day all of it."""
    hours = days_of(56)
    end = rest(hours, 20, 24)
    assert (end.remaining, end.interval_95.high) == pytest.approx((0, 0), abs=1e-9)
    assert rest(hours, 0, 0).remaining == pytest.approx(OFFICE.sum(), rel=0.2)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 24), st.floats(0, 50), st.sampled_from([0, 0.3, 0.95]))
def test_a_rest_is_in_order(seed: int, elapsed: float, so_far: float, empty: float) -> None:
    """Finite, not below zero, 80 % within 95 %, and cents are as dollars."""
    hours = days_of(45, seed)
    hours[np.random.default_rng(seed).random(hours.shape) < empty] = 0
    made, in_other_unit = (
        forecast_rest_of_day(hours, so_far, elapsed),
        forecast_rest_of_day(hours * 64, so_far * 64, elapsed),
    )
    if isinstance(made, NoForecast):
        assert isinstance(in_other_unit, NoForecast)
        return
    assert isinstance(in_other_unit, RestOfDay)
    bounds = (
        0.0,
        made.interval_95.low,
        made.interval_80.low,
        made.remaining,
        made.interval_80.high,
        made.interval_95.high,
    )
    slack = 1e-9 * max(bounds[-1], 1e-300)
    assert all(below <= above + slack for below, above in pairwise(bounds))
    assert np.isfinite(bounds[-1])
    assert in_other_unit.remaining == pytest.approx(made.remaining * 64, rel=1e-9, abs=1e-290)


def test_days_tell_how_often_they_were_within() -> None:
    """Of 200 days that nothing was fitted on, about 80 and 95 in 100 are within their intervals."""
    hours = days_of(256, seed=9)
    made = [(rest(hours[day - 56 : day], hours[day, :11].sum(), 11), hours[day, 11:].sum()) for day in range(56, 256)]
    within_80 = np.mean([each.interval_80.low <= came <= each.interval_80.high for each, came in made])
    within_95 = np.mean([each.interval_95.low <= came <= each.interval_95.high for each, came in made])
    assert 0.74 <= within_80 <= 0.86
    assert 0.91 <= within_95 <= 0.99


@pytest.mark.parametrize(
    ("hours", "reason"),
    [
        (np.zeros((0, 24)), Reason.SHORT),
        (days_of(27), Reason.SHORT),
        (np.r_[days_of(50), np.full((14, 24), np.nan)], Reason.GAPS),
        (np.r_[np.zeros((50, 24)), days_of(20)], Reason.SHORT),
    ],
    ids=["empty", "27 days", "a fortnight is missing", "twenty days after nothing"],
)
def test_no_forecast_says_why(hours: FloatArray, reason: Reason) -> None:
    """What cannot be known has a name."""
    made = forecast_rest_of_day(hours, 0, 12)
    assert isinstance(made, NoForecast)
    assert made.reason is reason


def test_only_our_own_mistakes_raise() -> None:
    """A day has 24 hours."""
    with pytest.raises(ValueError, match="24 hours"):
        forecast_rest_of_day(np.zeros((40, 23)), 0, 12)
    with pytest.raises(ValueError, match="0 to 24"):
        forecast_rest_of_day(np.zeros((40, 24)), 0, 25)
