"""Forecasts that are kept each day, and what became of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from usage_plugin.outlook import keep_outlooks, outlook, recorded_error, settle_outlooks
from usage_plugin.periods import Period
from usage_plugin.settings import Settings
from usage_plugin.store.budgets import Budget, save_budget
from usage_plugin.store.forecasts import Forecasted, keep_forecasts, open_forecasts, settle, settled, was_made
from usage_plugin.store.part import Part
from usage_plugin.store.prune import prune
from usage_plugin.store.retention import Retention
from usage_plugin.store.write import write_events
from usage_plugin.testing import FakeClock, make_event
from usage_plugin.worker import JobContext
from usage_plugin.worker.forecasting import forecasts_kept

BERLIN = ZoneInfo("Europe/Berlin")
# A Friday; in Berlin it is a quarter past midnight.
NOW = datetime(2026, 11, 19, 23, 15, tzinfo=UTC)
QUIET: Callable[[int, int], None] = lambda _done, _all: None  # noqa: E731
ONE = Forecasted(
    part=Part.read("team=blue"),
    period=Period.MONTH,
    starts_on=date(2026, 11, 1),
    made_on=date(2026, 11, 19),
    made_at=NOW,
    model="Theta",
    spent_nano_usd=100,
    expected_nano_usd=200,
    low_80_nano_usd=180,
    high_80_nano_usd=230,
    low_95_nano_usd=150,
    high_95_nano_usd=2**60,
)


def dollars(engine: Engine, first: datetime, last: datetime) -> None:
    """Let the blue team spend a dollar every six hours."""
    moments = [first + number * timedelta(hours=6) for number in range(int((last - first) / timedelta(hours=6)))]
    write_events(engine, [make_event(completed_at=moment, cost_usd="1", team_id="blue") for moment in moments])


def test_a_forecast_is_kept_once_and_settled(engine: Engine) -> None:
    """Every field comes back; a part without a member is not one with any."""
    others = [replace(ONE, part=Part()), replace(ONE, period=Period.WEEK), replace(ONE, made_on=date(2026, 11, 18))]
    assert keep_forecasts(engine, [ONE, *others]) == 4
    assert keep_forecasts(engine, [replace(ONE, model="another"), *others]) == 0
    assert was_made(engine, date(2026, 11, 18))
    assert not was_made(engine, date(2026, 11, 17))
    first = open_forecasts(engine)[0]
    assert replace(first, id=None) == ONE
    assert first.id is not None
    settle(engine, {first.id: 250})
    assert settled(engine, ONE.part, Period.MONTH) == [replace(first, actual_nano_usd=250)]
    assert settled(engine, Part(), Period.MONTH) == []
    assert len(open_forecasts(engine)) == 3


def test_how_wrong_kept_forecasts_were(engine: Engine) -> None:
    """A miss of 50 where 150 were to come, and one of 10 where 10 were: 60 of 160; one of the two was within."""
    assert recorded_error(engine, ONE.part, Period.MONTH) is None
    earlier = replace(ONE, starts_on=date(2026, 10, 1), made_on=date(2026, 10, 30), spent_nano_usd=190)
    keep_forecasts(engine, [ONE, earlier])
    amounts = {each.id: 250 if each.starts_on.month == 11 else 200 for each in open_forecasts(engine) if each.id}
    settle(engine, amounts)
    found = recorded_error(engine, ONE.part, Period.MONTH)
    assert found is not None
    assert (found.forecasts, found.within_80, found.within_95) == (2, 1, 2)
    assert found.error == pytest.approx(50 / 160)


def test_each_day_is_forecast_once_and_settled_when_it_is_over(engine: Engine) -> None:
    """Of all calls, of the largest teams and of budgets; as the outlook says at that moment."""
    dollars(engine, NOW - timedelta(days=60), NOW)
    save_budget(engine, Budget(name="b", part=Part.read("tag=x"), amount_nano_usd=1, period=Period.DAY), NOW)
    assert keep_outlooks(engine, NOW, BERLIN, QUIET) == 8  # nothing is known of the tag
    assert keep_outlooks(engine, NOW + timedelta(hours=20), BERLIN, QUIET) == 0
    kept = {(str(each.part), each.period): each for each in open_forecasts(engine)}
    assert {part for part, _ in kept} == {"total", "team=blue"}
    today = kept["team=blue", Period.DAY]
    assert (today.starts_on, today.made_on) == (date(2026, 11, 20), date(2026, 11, 19))
    assert today.expected_nano_usd == outlook(engine, Part.read("team=blue"), Period.DAY, NOW, BERLIN).expected_nano_usd
    dollars(engine, NOW, NOW + timedelta(days=4))
    midnight = datetime(2026, 11, 20, 23, tzinfo=UTC)
    assert settle_outlooks(engine, midnight + timedelta(hours=5), BERLIN) == 0
    assert settle_outlooks(engine, midnight + timedelta(hours=7), BERLIN) == 2
    (day,) = settled(engine, Part.read("team=blue"), Period.DAY)
    assert day.actual_nano_usd == 4 * 10**9
    assert settle_outlooks(engine, midnight + timedelta(days=3), BERLIN) == 2  # the week ends on Sunday


def test_a_period_that_nobody_knows_the_cost_of_stays_open(engine: Engine) -> None:
    """It has not cost nothing: only a period without any call has."""
    dollars(engine, NOW - timedelta(days=60), NOW)
    keep_outlooks(engine, NOW, BERLIN, QUIET)
    write_events(engine, [make_event(completed_at=NOW + timedelta(hours=2), cost_usd=None, team_id="blue")])
    days_end = datetime(2026, 11, 20, 23, tzinfo=UTC)
    assert settle_outlooks(engine, days_end + timedelta(hours=7), BERLIN) == 0
    assert settled(engine, Part(), Period.DAY) == []
    write_events(engine, [make_event(completed_at=NOW + timedelta(hours=3), cost_usd="1", team_id="red")])
    assert settle_outlooks(engine, days_end + timedelta(hours=7), BERLIN) == 1
    assert [each.actual_nano_usd for each in settled(engine, Part(), Period.DAY)] == [10**9]
    assert settled(engine, Part.read("team=blue"), Period.DAY) == []


def test_a_period_without_any_call_has_cost_nothing(engine: Engine) -> None:
    """That is known."""
    dollars(engine, NOW - timedelta(days=60), NOW)
    keep_outlooks(engine, NOW, BERLIN, QUIET)
    assert settle_outlooks(engine, NOW + timedelta(days=1, hours=7), BERLIN) == 2
    assert [each.actual_nano_usd for each in settled(engine, Part(), Period.DAY)] == [0]


def test_the_worker_keeps_them(engine: Engine) -> None:
    """Once a day, and says what it did; nothing where there was nothing to do."""
    dollars(engine, NOW - timedelta(days=40), NOW)
    clock = FakeClock(NOW)
    context = JobContext(engine, Settings(timezone="Europe/Berlin"), clock=clock)
    assert forecasts_kept(context) == "Kept 8 forecasts, and wrote down what 0 earlier ones came to."
    assert forecasts_kept(context) == ""
    clock.advance(36 * 3600)
    assert forecasts_kept(context).endswith("and wrote down what 2 earlier ones came to.")


def test_what_nobody_can_tell_any_more_stays_open(engine: Engine) -> None:
    """Forecasts of other periods are kept and settled all the same."""
    dollars(engine, NOW - timedelta(days=60), NOW)
    week = replace(ONE, period=Period.WEEK, starts_on=date(2026, 11, 9))
    keep_forecasts(engine, [replace(ONE, starts_on=date(2026, 10, 1)), week])
    save_budget(engine, Budget(name="all", part=Part(), amount_nano_usd=1, period=Period.YEAR), NOW)
    prune(engine, Retention(7, 34, 0), NOW)
    assert settle_outlooks(engine, NOW, BERLIN) == 1
    assert [each.period for each in open_forecasts(engine)] == [Period.MONTH]
    assert keep_outlooks(engine, NOW + timedelta(days=1), BERLIN, QUIET) > 0
    assert Period.QUARTER not in {each.period for each in open_forecasts(engine)}
