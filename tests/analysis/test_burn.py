"""Burn rates and runaways over arrays: what a watch would have said, minute by minute."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.analysis.burn import Runaway, burning, runaways, trailing_mean, window_sums

DAY = 24 * 60
WHAT = Runaway(least_per_point=5 / 60)
SERIES = st.lists(st.floats(0, 1e4, allow_subnormal=False), min_size=1, max_size=60)


def steady(seed: int, minutes: int, calls_per_minute: float, usd: float = 0.1) -> tuple[FloatArray, FloatArray]:
    """Draw calls that come at random, each at about the same price; gives dollars and calls by the minute."""
    random = np.random.default_rng(seed)
    calls = random.poisson(calls_per_minute, minutes)
    return np.array([random.lognormal(np.log(usd), 0.5, count).sum() for count in calls]), calls.astype(np.float64)


def alarms(
    values: FloatArray,
    first: int,
    what: Runaway = WHAT,
    seasonal: float = np.nan,
    calls: FloatArray | None = None,
) -> list[int]:
    """Say at which points a series alarms; of calls there are enough where they are not given."""
    calls = np.where(values > 0, 10, 0) if calls is None else calls
    found = runaways(values[None], calls[None], np.full((1, len(values)), seasonal), what, first)
    return np.flatnonzero(found.alarms[0]).tolist()


@given(SERIES, st.integers(1, 70))
def test_windows_are_sums_of_the_last_points(values: list[float], points: int) -> None:
    """At the begin of fewer."""
    expected = [sum(values[max(at - points + 1, 0) : at + 1]) for at in range(len(values))]
    np.testing.assert_allclose(window_sums(values, points), expected, rtol=1e-9, atol=1e-6)


@given(SERIES, st.integers(1, 20), st.integers(1, 20))
def test_means_leave_out_what_comes_right_before(values: list[float], points: int, gap: int) -> None:
    """And are unknown where nothing came before that."""
    for at, mean in enumerate(trailing_mean(values, points, gap).tolist()):
        before = values[max(at - gap - points + 1, 0) : max(at - gap + 1, 0)]
        assert np.isnan(mean) if not before else mean == pytest.approx(np.mean(before), rel=1e-6, abs=1e-6)


def test_a_mean_leaves_out_what_nobody_knows() -> None:
    """It is no zero; where nothing is known, the mean is not either."""
    mean = trailing_mean([np.nan, 2.0, np.nan, 4.0, 9.0], 4, 1)
    np.testing.assert_array_equal(mean, [np.nan, np.nan, 2.0, 2.0, 3.0])


def test_every_window_has_to_burn() -> None:
    """The short one says that it goes on, the long one that it is no blip."""
    values = np.array([1.0] * 10 + [10.0] * 6 + [1.0] * 4)
    assert np.flatnonzero(burning(values, 1.0, (5, 2), (5.0, 5.0))).tolist() == [12, 13, 14, 15, 16]
    blip = np.array([1.0] * 10 + [10.0] + [1.0] * 9)
    assert not burning(blip, 1.0, (5, 2), (5.0, 5.0)).any()
    assert not burning(values, np.nan, (1,), (0.1,)).any()
    assert not burning(np.zeros(5), 0.0, (1,), (1.0,)).any()


@pytest.mark.parametrize("calls_per_minute", [0.5, 3.0, 50.0])
@pytest.mark.parametrize("seed", range(5))
def test_a_loop_at_twenty_times_the_usual_rate_is_seen_within_two_minutes(seed: int, calls_per_minute: float) -> None:
    """Until it ends, and not before it begins."""
    values, calls = steady(seed, 3200, calls_per_minute, usd=0.5)
    start = len(values) - 60
    more, further = steady(seed + 100, 45, 19 * calls_per_minute, usd=0.5)
    values[start : start + 45] += more
    calls[start : start + 45] += further
    found = alarms(values, DAY, calls=calls)
    assert found[0] in (start, start + 1)
    assert len(set(range(start, start + 45)) & set(found)) >= 41
    assert max(found) < start + 45 + max(WHAT.windows)


@pytest.mark.parametrize("calls_per_minute", [0.2, 1.0, 20.0])
def test_random_calls_are_no_runaway(calls_per_minute: float) -> None:
    """Twenty series of a day, with calls of very different prices."""
    values, calls = map(
        np.array, zip(*(steady(seed, 3200, calls_per_minute, usd=0.3) for seed in range(20)), strict=True)
    )
    found = runaways(values, calls, np.full(values.shape, np.nan), WHAT, 1700).alarms
    assert found.sum() <= 2, f"{found.sum()} minutes of 20 days"


def test_a_loop_of_small_change_is_none() -> None:
    """Below so many dollars an hour nobody wants to hear of it."""
    values = np.full(2 * DAY, 0.0001)
    values[-10:] *= 20
    assert alarms(values, DAY) == []
    assert alarms(values * 1000, DAY) != []


def test_a_nightly_batch_is_told_once() -> None:
    """The first time nobody knows it; at the same time of the next day it has a precedent."""
    values = np.full(4 * DAY, 0.02)
    for day in range(1, 4):
        values[day * DAY + 120 : day * DAY + 140] = 2.0
    assert {at // DAY for at in alarms(values, DAY)} == {1}


def test_a_second_loop_on_the_same_day_is_told_too() -> None:
    """The first was an alarm, and so no precedent yet."""
    values = np.full(2 * DAY, 0.02)
    first, second = DAY + 100, DAY + 400
    for start in (first, second):
        values[start : start + 20] = 2.0
    found = alarms(values, DAY)
    assert found[0] == first
    assert second in found


def test_who_never_spent_anything_needs_more() -> None:
    """A new key is no runaway, unless it costs ten times as much as another's may."""
    values = np.zeros(2 * DAY)
    values[-30:] = 0.5
    assert alarms(values, DAY) == []
    assert alarms(2 * values, DAY) != []
    assert alarms(values, DAY, replace(WHAT, new=1.0)) != []


def test_a_monday_morning_is_none_where_other_mondays_were_like_it() -> None:
    """What is usual at this time of the week counts, though the night and yesterday were quiet."""
    values = np.full(2 * DAY, 0.02)
    values[-60:] = 1.0
    assert alarms(values, DAY) != []
    assert alarms(values, DAY, seasonal=0.9) == []


def test_alarms_do_not_change_with_what_comes_later() -> None:
    """Each point is judged by those before it."""
    values, _ = steady(7, 3200, 3.0, usd=0.5)
    values[-100:-60] *= 30
    whole = alarms(values, DAY)
    for cut in (50, 70, 90):
        assert alarms(values[:-cut], DAY) == [at for at in whole if at < len(values) - cut]
