"""Forecasts of histories that have a name, and what holds for all of them."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.forecast.measure import Asked, generated, measure
from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.analysis.forecast import Forecast, Model, NoForecast, Period, Reason, forecast, forecast_period
from usage_plugin.analysis.forecast.backtest import back_test
from usage_plugin.analysis.forecast.intervals import LEAST_CHANGE, weekly_change, widths

WEEK = np.array([4.0, 5, 6, 5, 4, 1, 0.5])


def made(daily: FloatArray, days: int = 14) -> Forecast:
    result = forecast(daily, days)
    assert isinstance(result, Forecast)
    return result


def noisy(days: int, seed: int = 1) -> FloatArray:
    rng = np.random.default_rng(seed)
    values: FloatArray = np.resize(WEEK, days) * rng.gamma(20, 1 / 20, days)
    return values


@st.composite
def histories(draw: st.DrawFn) -> FloatArray:
    """Spend with a week, zeros, gaps and huge days in any mixture."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = np.resize(WEEK, draw(st.integers(28, 160))) * 10.0 ** draw(st.integers(-6, 6))
    values = values * rng.gamma(3, 1 / 3, values.size)
    values[rng.random(values.size) < draw(st.sampled_from([0, 0.5, 0.97]))] = 0
    values[rng.random(values.size) < draw(st.sampled_from([0, 0, 0.1]))] = np.nan
    values[rng.random(values.size) < draw(st.sampled_from([0, 0.02]))] *= 1000
    return values


@settings(max_examples=40, deadline=None)
@given(histories(), st.integers(1, 92))
@example(np.zeros(40), 30)
@example(np.r_[np.ones(27), 1e9], 92)
def test_a_forecast_is_in_order(daily: FloatArray, days: int) -> None:
    """Every history has an answer: finite, not below zero, 80 % within 95 %, days adding up to the sum."""
    result = forecast(daily, days)
    if isinstance(result, NoForecast):
        return
    (low_80, high_80), (low_95, high_95) = result.interval_80, result.interval_95
    bounds = [0, low_95, low_80, result.remaining, high_80, high_95]
    slack = 1e-9 * max(high_95, 1e-300)
    assert all(below <= above + slack for below, above in pairwise(bounds))
    assert np.isfinite(high_95)
    assert result.daily.shape == (days,)
    assert result.daily.sum() == pytest.approx(result.remaining)


@settings(max_examples=25, deadline=None)
@given(histories(), st.sampled_from([1, 7, 30]), st.integers(-20, 20))
def test_cents_are_forecast_as_dollars(daily: FloatArray, days: int, power: int) -> None:
    """The unit of the values changes amounts and nothing else. Powers of two, since these lose no digit."""
    one, other = forecast(daily, days), forecast(daily * 2.0**power, days)
    if isinstance(one, NoForecast):
        assert one == other
        return
    assert isinstance(other, Forecast)
    assert other.model == one.model
    assert other.past_error == pytest.approx(one.past_error)
    for mine, theirs in ((one.remaining, other.remaining), *zip(one.interval_95, other.interval_95, strict=True)):
        assert theirs == pytest.approx(mine * 2.0**power, rel=1e-9)


@settings(max_examples=15, deadline=None)
@given(histories(), st.integers(0, 30))
def test_a_back_test_sees_only_the_past(daily: FloatArray, cut: int) -> None:
    """What a window expects does not change with the days that it is compared with."""
    filled = np.nan_to_num(daily)
    known = np.ones(filled.size, dtype=np.bool_)
    changed = filled.copy()
    changed[-1] += 1 + filled.max()  # the last day is only ever compared with
    one, other = back_test(filled, known, cut + 1), back_test(changed, known, cut + 1)
    for model in Model:
        assert np.array_equal(one.expected[model], other.expected[model])
    assert one.actual[0] != other.actual[0]


def test_what_came_before_the_first_dollar_is_no_history() -> None:
    """A new key is new, however many zeros are put before it."""
    late = noisy(60)
    one, other = made(late), made(np.r_[np.zeros(50), late])
    assert (one.remaining, one.interval_95) == (other.remaining, other.interval_95)
    assert isinstance(forecast(np.r_[np.zeros(300), noisy(20)], 7), NoForecast)


@pytest.mark.parametrize(
    ("daily", "reason"),
    [
        (np.array([]), Reason.SHORT),
        (np.full(90, np.nan), Reason.SHORT),
        (noisy(27), Reason.SHORT),
        (np.where(np.arange(90) % 2 == 0, np.nan, 1.0), Reason.GAPS),
        (np.r_[noisy(90), np.full(14, np.nan)], Reason.GAPS),
        (-noisy(90), Reason.NEGATIVE),
    ],
    ids=["empty", "nothing known", "27 days", "every other day", "a fortnight ago", "below zero"],
)
def test_no_forecast_says_why(daily: FloatArray, reason: Reason) -> None:
    """What cannot be known has a name."""
    result = forecast(daily, 14)
    assert isinstance(result, NoForecast)
    assert result.reason is reason
    assert result.least_days == 28


def test_only_our_own_mistakes_raise() -> None:
    """Two series, or no day ahead, is no question."""
    with pytest.raises(ValueError, match="one series"):
        forecast(np.ones((2, 40)), 7)
    with pytest.raises(ValueError, match="at least one day"):
        forecast(np.ones(40), 0)


def test_nothing_stays_nothing() -> None:
    """All zeros are forecast as zero, with no error to be told."""
    result = made(np.zeros(90))
    assert (result.remaining, tuple(result.interval_95), result.past_error) == (0.0, (0.0, 0.0), None)


def test_a_regular_week_is_foretold() -> None:
    """Weeks without noise have no error, and an interval all the same: three stretches prove little."""
    result = made(np.resize(WEEK, 70))
    assert result.remaining == pytest.approx(2 * WEEK.sum(), rel=1e-9)
    assert result.past_error == pytest.approx(0, abs=1e-9)
    assert result.interval_95.high > 1.02 * result.remaining


def test_one_huge_day_moves_little() -> None:
    """A thousand times a day's spend, once, is not forecast for every week."""
    daily = noisy(120)
    usual = made(daily).remaining
    daily[-3] *= 1000
    assert made(daily).remaining == pytest.approx(usual, rel=0.5)


def test_growth_is_foretold() -> None:
    """Spend that grows by 5 % a week is expected above what it was."""
    daily = noisy(120) * 1.05 ** (np.arange(120) / 7)
    assert made(daily, 14).remaining > 1.02 * daily[-14:].sum()


def test_intermittent_spend_has_a_wide_interval() -> None:
    """One day in ten says little about the next two weeks."""
    rng = np.random.default_rng(5)
    daily = np.where(rng.random(150) < 0.1, rng.gamma(3, 1, 150), 0.0)
    daily[0] = 1.0
    result = made(daily, 14)
    assert result.interval_80.low < 0.5 * daily.mean() * 14
    assert result.interval_80.high > 1.5 * daily.mean() * 14


def test_a_missing_day_is_not_a_zero() -> None:
    """A week with two gaps is forecast as if they had been ordinary days."""
    daily = noisy(90)
    gaps = daily.copy()
    gaps[[-5, -4]] = np.nan
    zeros = np.nan_to_num(gaps)
    usual = made(daily).remaining
    assert abs(made(gaps).remaining - usual) < 0.5 * abs(made(zeros).remaining - usual)


def test_few_stretches_make_wide_intervals() -> None:
    """The same errors are worth less where windows overlap more; more is expected above than below."""
    errors = np.random.default_rng(2).normal(0, 0.3, 40)
    both = [widths(errors, 7, stretches, 0.5, 0.95) for stretches in (2, 4, 10, 40)]
    for sides in zip(*both, strict=True):
        assert list(sides) == sorted(sides, reverse=True)
        assert sides[-1] > np.quantile(np.abs(errors), 0.9)
    assert all(above > below for below, above in both)


def test_regular_series_have_narrow_intervals() -> None:
    """Where days are as a week before, little is expected to change, but not nothing."""
    regular, restless = np.resize(WEEK, 70), noisy(70)
    assert weekly_change(regular, 0.1) == LEAST_CHANGE
    assert weekly_change(restless, 0.1) > 2 * LEAST_CHANGE
    assert weekly_change(restless * 100, 10) == pytest.approx(weekly_change(restless, 0.1))
    assert weekly_change(np.zeros(70), 0.0) == LEAST_CHANGE
    nothing = np.zeros(40)
    assert 0 < widths(nothing, 7, 4, 0.1, 0.8).above < widths(nothing, 7, 4, 0.4, 0.8).above


def test_a_period_is_its_days() -> None:
    """The rest of a month is as many days."""
    daily = noisy(90)
    month = forecast_period(daily, date(2026, 11, 20), Period.MONTH)
    assert isinstance(month, Forecast)
    assert (month.days, month.remaining) == (10, made(daily, 10).remaining)


def test_the_model_that_fits_is_chosen() -> None:
    """Steady growth favours who follows a trend; rare days of no week, who forgets nothing."""
    growing = (1.2 ** np.arange(30)[:, None] * WEEK).ravel()
    assert made(growing, 14).model is Model.HOLT_WINTERS
    rare = np.where(np.arange(300) % 11 == 0, 1.0, 0.0)
    assert made(rare, 14).model is Model.RUN_RATE


def test_generated_spend_is_within_its_intervals() -> None:
    """On tenants that nothing was chosen on, two weeks ahead; ``make bench-forecast`` has the figures."""
    asked: list[Asked] = list(generated((104,), 40, 90, 14))
    outcome = measure(asked)
    assert outcome.smape("ours") < outcome.smape("run-rate of 30 days")
    assert 0.66 <= outcome.within_80 <= 0.94
    assert outcome.within_95 >= 0.85
