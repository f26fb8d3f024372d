"""What the detector with memory says of a point depends on its own series' past, in any unit, and on nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.series import DAYS, daily_spend, hourly_spend, some_series
from usage_plugin.analysis import Verdict
from usage_plugin.analysis.memory import (
    PER_CALL_BY_DAY,
    SPEND_BY_DAY,
    SPEND_BY_HOUR,
    Channel,
    Profile,
    begin,
    metric_every,
    run,
    step,
    unpack,
)
from usage_plugin.analysis.memory.step import Seen

SEEDS = st.integers(0, 10_000)
HOURLY_METRIC = metric_every(60)
PROFILES = [SPEND_BY_HOUR, SPEND_BY_DAY, PER_CALL_BY_DAY, HOURLY_METRIC]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda each: each.name)
def test_steps_say_exactly_what_a_run_says(profile: Profile) -> None:
    """One point after another, from states that were stored in between, gives the very numbers of the batch."""
    values = some_series(profile, 1)
    whole = run(profile, values)
    state = begin(profile, len(values))
    for slot, column in enumerate(values.T):
        if slot % 20 == 0:
            state = unpack(profile, state.pack())
        state, seen = step(profile, state, column, slot)
        for name in Seen._fields:
            np.testing.assert_array_equal(getattr(seen, name), getattr(whole, name)[:, slot])


@settings(max_examples=8, deadline=None)
@given(SEEDS, st.integers(3, DAYS - 1))
def test_the_future_changes_no_score(seed: int, cut: int) -> None:
    """The scores of a prefix are the prefix of the scores, bit by bit."""
    values = some_series(SPEND_BY_DAY, seed)
    whole, prefix = run(SPEND_BY_DAY, values), run(SPEND_BY_DAY, values[:, :cut])
    for name in Seen._fields:
        np.testing.assert_array_equal(getattr(prefix, name), getattr(whole, name)[:, :cut])


def test_the_future_changes_no_score_by_hour() -> None:
    """A tenfold hour, or the end of the data, leaves every hour before it as it was."""
    for profile in (SPEND_BY_HOUR, HOURLY_METRIC):
        values = some_series(profile, 2)
        changed = values.copy()
        changed[:, 390] *= 10
        before, after, prefix = run(profile, values), run(profile, changed), run(profile, values[:, :390])
        np.testing.assert_array_equal(before.severity[:, :390], after.severity[:, :390])
        np.testing.assert_array_equal(before.severity[:, :390], prefix.severity)
        assert (before.severity[:, 390:] != after.severity[:, 390:]).any()


@settings(max_examples=8, deadline=None)
@given(SEEDS, st.floats(1e-6, 1e6), st.sampled_from([SPEND_BY_DAY, PER_CALL_BY_DAY]))
def test_the_unit_changes_no_score(seed: int, factor: float, profile: Profile) -> None:
    """Cents or dollars: scores stay, the band scales with the unit."""
    values = some_series(profile, seed)
    one, other = run(profile, values), run(profile, values * factor)
    np.testing.assert_allclose(one.severity, other.severity, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(one.upper * factor, other.upper, rtol=1e-6)


def test_the_unit_changes_no_score_by_hour() -> None:
    """Also where seasons, local scales and volatility take part."""
    for profile in (SPEND_BY_HOUR, HOURLY_METRIC):
        values = some_series(profile, 3)
        one, other = run(profile, values), run(profile, values * 1e-3)
        np.testing.assert_allclose(one.severity, other.severity, rtol=1e-6, atol=1e-6)


@settings(max_examples=6, deadline=None)
@given(SEEDS, st.permutations(range(4)))
def test_series_do_not_see_each_other(seed: int, order: list[int]) -> None:
    """Each is scored alone, whatever its place and its neighbours."""
    values = some_series(SPEND_BY_DAY, seed, count=4)
    whole = run(SPEND_BY_DAY, values)
    np.testing.assert_array_equal(run(SPEND_BY_DAY, values[order]).severity, whole.severity[order])
    np.testing.assert_array_equal(run(SPEND_BY_DAY, values[order[0]]).severity[0], whole.severity[order[0]])


@pytest.mark.parametrize("profile", PROFILES, ids=lambda each: each.name)
def test_a_series_of_zeros_changes_nothing_and_says_nothing(profile: Profile) -> None:
    """A neighbour that never spends is no reason to work differently."""
    values = some_series(profile, 4)
    with_zeros = run(profile, np.insert(values, 1, 0.0, axis=0))
    np.testing.assert_array_equal(np.delete(with_zeros.severity, 1, axis=0), run(profile, values).severity)
    assert not with_zeros.alarms[1].any()
    assert with_zeros.verdicts[1] is Verdict.ALL_ZERO


def test_portions_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Working through many series in parts gives the same numbers."""
    values = some_series(SPEND_BY_DAY, 5, count=7)
    whole = run(SPEND_BY_DAY, values)
    monkeypatch.setattr("usage_plugin.analysis.memory.batch.SERIES_AT_ONCE", 3)
    np.testing.assert_array_equal(run(SPEND_BY_DAY, values).severity, whole.severity)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda each: each.name)
def test_what_is_remembered_does_not_grow(profile: Profile) -> None:
    """A state is a few kilobytes for each series, after a year as after an hour."""
    one, _ = step(profile, begin(profile, 2), np.ones(2), 0)
    many = one
    for slot in range(1, 60):
        many, _ = step(profile, many, np.ones(2), slot)
    assert many.pack().shape == one.pack().shape
    assert one.pack()[0].nbytes < 8000


def test_new_series_join_by_their_rows() -> None:
    """A tenant that appears later is scored as if it had been missing until then."""
    values = some_series(SPEND_BY_DAY, 6)
    values[2, :40] = np.nan
    state = begin(SPEND_BY_DAY, 2)
    for slot in range(40):
        state, _ = step(SPEND_BY_DAY, state, values[:2, slot], slot)
    rows = np.concatenate([state.pack(), begin(SPEND_BY_DAY, 1, beside=state).pack()])
    state = unpack(SPEND_BY_DAY, rows)
    whole = run(SPEND_BY_DAY, values)
    for slot in range(40, DAYS):
        state, seen = step(SPEND_BY_DAY, state, values[:, slot], slot)
        np.testing.assert_array_equal(seen.severity, whole.severity[:, slot])


def test_a_state_of_another_profile_is_refused() -> None:
    """Rows that do not fit are our mistake: the message says what they should be."""
    with pytest.raises(ValueError, match="numbers each of 'spend by day'"):
        unpack(SPEND_BY_DAY, begin(SPEND_BY_HOUR, 1).pack())
    early, (late, _) = begin(SPEND_BY_DAY, 1), step(SPEND_BY_DAY, begin(SPEND_BY_DAY, 1), np.ones(1), 0)
    with pytest.raises(ValueError, match="at one step"):
        unpack(SPEND_BY_DAY, np.concatenate([early.pack(), late.pack()]))


def test_a_missing_day_is_not_a_zero_day() -> None:
    """A gap has no score and pulls nothing down; a zero day alarms."""
    spend = daily_spend(3)
    gap, zero = spend.copy(), spend.copy()
    gap[60:64], zero[60] = np.nan, 0
    found = run(SPEND_BY_DAY, np.stack([gap, zero]))
    assert np.isnan(found.severity[0, 60:64]).all()
    assert not found.alarms[0, 60:70].any()
    assert found.expected[0, 60] > 60
    assert found.severity[1, 60] < -1


@pytest.mark.parametrize("profile", PROFILES, ids=lambda each: each.name)
def test_a_missing_point_teaches_nothing(profile: Profile) -> None:
    """After a gap everything is expected as before it: only the window of the last points has moved on."""
    values = some_series(profile, 16)[:, :30]
    state = begin(profile, len(values))
    for slot, column in enumerate(values.T):
        state, _ = step(profile, state, column, slot)
    after, seen = step(profile, state, np.full(len(values), np.nan), 30)
    assert np.isnan(seen.severity).all()
    for name in ("seen", "level", "recent", "scale", "spread", "moves"):
        np.testing.assert_allclose(getattr(after, name), getattr(state, name), rtol=1e-14)
    for name in ("seasons", "visits"):
        for rows, before in zip(getattr(after, name), getattr(state, name), strict=True):
            np.testing.assert_array_equal(rows, before)


def test_a_quiet_quarter_hardly_alarms() -> None:
    """Sixty ordinary tenants: fewer than one false alarm in fifty months by day, in twenty by hour."""
    days = run(SPEND_BY_DAY, np.stack([daily_spend(seed) for seed in range(60)]))
    hours = run(SPEND_BY_HOUR, np.stack([hourly_spend(seed) for seed in range(60)]))
    assert days.alarms.sum() / (60 * 79 / 30.4) < 1 / 50
    assert hours.alarms.sum() / (60 * 26 / 30.4) < 1 / 20


def test_a_holiday_is_no_anomaly_and_an_outage_is() -> None:
    """A Wednesday like a Sunday is a holiday; a Wednesday without a call is not."""
    spend = daily_spend(8)
    holiday, outage = spend.copy(), spend.copy()
    holiday[72], outage[72] = spend[69], 0
    found = run(SPEND_BY_DAY, np.stack([holiday, outage]))
    assert not found.alarms[0].any()
    assert found.severity[1, 72] < -1


@pytest.mark.parametrize("factor", [2.2, 0.12])
def test_what_happens_again_and_again_is_no_news(factor: float) -> None:
    """The first spike or drop alarms, and so may the next ones; those of the fourth month hardly do."""
    spend = np.stack([daily_spend(seed, 190) for seed in range(8)])
    places = range(60, 190, 14)
    spend[:, list(places)] *= factor
    alarms = run(SPEND_BY_DAY, spend).alarms[:, list(places)]
    assert alarms[:, 0].all()
    assert alarms[:, -2:].mean() < 0.25


def test_a_record_is_forgotten_after_months() -> None:
    """A spike like one of two weeks ago is hardly news, like one of half a year ago it is."""
    spend = daily_spend(17, 260)
    spend[60:80] *= np.where(np.arange(20) == 0, 4, 1)
    soon, late = spend.copy(), spend.copy()
    soon[74] *= 4
    late[60 + 182] *= 4
    found = run(replace(SPEND_BY_DAY, raised=100.0), np.stack([soon, late]))
    assert abs(found.severity[0, 74]) < 1.5
    assert found.severity[1, 242] > 2 * abs(found.severity[0, 74])


def test_the_night_is_judged_by_the_night() -> None:
    """Ten dollars at three in the morning are more of an alarm where nights have a scale of their own."""
    spend = hourly_spend(18)
    spend[35 * 24 + 3] += 10
    own, common = (run(replace(SPEND_BY_HOUR, local=local), spend) for local in (0.9, 0.0))
    assert own.severity[0, 35 * 24 + 3] > 1.2 * common.severity[0, 35 * 24 + 3] > 0


def test_an_anomaly_does_not_become_the_new_normal() -> None:
    """A tenfold day hardly moves what is expected of the next ones."""
    spend = daily_spend(9)
    loud = spend.copy()
    loud[70] *= 10
    quiet, after = run(SPEND_BY_DAY, spend), run(SPEND_BY_DAY, loud)
    assert after.alarms[0, 70]
    np.testing.assert_allclose(after.expected[0, 71:78], quiet.expected[0, 71:78], rtol=0.25)


def test_a_point_alarms_exactly_outside_of_its_band() -> None:
    """With the channel of one point alone, what the chart shows and what the list says are one thing."""
    for profile in (SPEND_BY_DAY, replace(SPEND_BY_HOUR, learning=200), replace(HOURLY_METRIC, volatility=None)):
        alone = replace(profile, channels=(Channel(1, 3.0),))
        values = some_series(profile, 10, count=12)
        found = run(alone, values)
        judged = np.isfinite(found.severity) & (np.isfinite(values).cumsum(axis=1) > alone.learning)
        outside = (values > found.upper) | (values < found.lower)
        np.testing.assert_array_equal(found.alarms[judged], outside[judged])
        assert found.alarms[judged].any()


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([], Verdict.EMPTY),
        ([np.nan] * DAYS, Verdict.EMPTY),
        ([np.inf] * DAYS, Verdict.EMPTY),
        ([0.0] * DAYS, Verdict.ALL_ZERO),
        ([7.0] * DAYS, Verdict.CONSTANT),
        ([1.0, 2.0, 3.0], Verdict.LEARNING),
        ([float(1 + day % 3) for day in range(21)], Verdict.LEARNING),
        ([float(1 + day % 3) for day in range(22)], Verdict.OK),
    ],
)
def test_degenerate_series_have_a_name(values: list[float], verdict: Verdict) -> None:
    """No history, nothing at all, always the same: each is a verdict, and none alarms."""
    found = run(SPEND_BY_DAY, values)
    assert found.verdicts == (verdict,)
    assert not found.alarms.any()
    assert found.severity.shape == (1, len(values))


def test_the_first_dollars_after_zeros_alarm() -> None:
    """A tenant that never spent anything and now does is worth a look; how bad it is stays finite."""
    found = run(SPEND_BY_DAY, [0.0] * 60 + [0.3])
    assert found.alarms[0, 60]
    assert np.isfinite(found.severity[0, 60])


def test_cents_on_a_constant_series_do_not_alarm() -> None:
    """100 dollars a day, then 105: nobody asks. 200: somebody does."""
    assert not run(SPEND_BY_DAY, [100.0] * 60 + [105.0]).alarms.any()
    assert run(SPEND_BY_DAY, [100.0] * 60 + [200.0]).alarms[0, 60]


def test_while_it_learns_only_the_outrageous_alarms() -> None:
    """In the second week of a tenant three times the usual is no alarm yet, forty times is."""
    spend = hourly_spend(11)
    usual, outrageous = spend.copy(), spend.copy()
    usual[250] *= 3
    outrageous[250] *= 40
    found = run(SPEND_BY_HOUR, np.stack([usual, outrageous])[:, :330])
    assert not found.alarms[0].any()
    assert found.alarms[1, 250]
    assert found.verdicts == (Verdict.LEARNING, Verdict.LEARNING)


@pytest.mark.parametrize("minutes", [0, 7, 2000])
def test_a_day_must_be_whole_buckets(minutes: int) -> None:
    """Our own mistakes raise."""
    with pytest.raises(ValueError, match=f"whole number of buckets of {minutes} minutes"):
        metric_every(minutes)


@pytest.mark.parametrize("minutes", [1, 5, 10, 15, 30, 60, 240, 1440])
def test_any_bucket_has_a_profile(minutes: int) -> None:
    """From a minute to a day: a steady metric is quiet, a jump alarms."""
    profile = metric_every(minutes)
    values = np.random.default_rng(minutes).normal(50, 2, max(2 * profile.learning, 400))
    jump = values.copy()
    jump[-1] = 90
    found = run(profile, np.stack([values, jump]))
    assert not found.alarms[0].any()
    assert found.alarms[1, -1]
