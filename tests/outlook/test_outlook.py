"""What periods are going to cost, beside calls that are counted by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from usage_plugin.analysis.forecast import NoForecast, Reason
from usage_plugin.errors import NoLongerKept
from usage_plugin.outlook import CALENDAR, Outlook, PeriodForecast, outlook, outlooks
from usage_plugin.periods import Period
from usage_plugin.store.part import Part
from usage_plugin.store.prune import prune
from usage_plugin.store.retention import Retention
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

NEW_YORK = ZoneInfo("America/New_York")
# 10:59 of a Wednesday in New York, ten days after clocks were put back there.
NOW = datetime(2026, 11, 11, 15, 59, tzinfo=UTC)
TEAM = Part.read("team=blue")


@pytest.fixture
def spent(engine: Engine) -> Engine:
    """Let the blue team spend a dollar in the middle of each hour from 9 to 18 o'clock in New York, for 70 days."""
    begins = datetime(2026, 9, 2, 9, 30, tzinfo=NEW_YORK)
    moments = [(begins + timedelta(days=day, hours=hour)) for day in range(71) for hour in range(9)]
    known = [moment for moment in moments if moment <= NOW]
    write_events(engine, [make_event(completed_at=moment, cost_usd="1", team_id="blue") for moment in known])
    return engine


def made(found: Outlook) -> PeriodForecast:
    assert isinstance(found.forecast, PeriodForecast)
    return found.forecast


@pytest.mark.parametrize(
    ("period", "spent_usd", "expected_usd"),
    [(Period.DAY, 2, 9), (Period.WEEK, 20, 63), (Period.MONTH, 92, 270), (Period.QUARTER, 371, 828)],
)
def test_what_is_spent_and_what_is_to_come(spent: Engine, period: Period, spent_usd: int, expected_usd: int) -> None:
    """Two hours of today are over, on clocks that were changed in the history."""
    found = outlook(spent, TEAM, period, NOW, NEW_YORK)
    assert found.spent_nano_usd == spent_usd * 10**9
    forecast = made(found)
    assert forecast.expected_nano_usd == pytest.approx(expected_usd * 1e9, rel=0.02)
    bounds = [
        found.spent_nano_usd,
        forecast.low_95_nano_usd,
        forecast.low_80_nano_usd,
        forecast.expected_nano_usd,
        forecast.high_80_nano_usd,
        forecast.high_95_nano_usd,
    ]
    assert bounds == sorted(bounds)
    days = [each.day for each in forecast.days_ahead]
    assert (days[0], days[-1]) == (NOW.date(), found.span.last_day)
    to_come = sum(each.expected_nano_usd for each in forecast.days_ahead)
    assert found.spent_nano_usd + to_come == pytest.approx(forecast.expected_nano_usd, abs=len(days))
    assert forecast.past_error == pytest.approx(0, abs=0.02)


def test_when_an_amount_is_reached(spent: Engine) -> None:
    """One that is, one of the day after tomorrow, one that the period does not see."""
    found = outlook(spent, TEAM, Period.MONTH, NOW, NEW_YORK)
    assert found.reaches(92 * 10**9) is None
    moment = found.reaches((92 + 7 + 9 + 4) * 10**9)
    assert moment is not None
    assert moment.astimezone(NEW_YORK).date() == NOW.date() + timedelta(days=2)
    assert found.reaches(300 * 10**9) is None


def test_a_scope_without_a_history_is_honest(spent: Engine) -> None:
    """Nobody knows of the red team; a call whose price nobody knows is counted beside."""
    write_events(spent, [make_event(completed_at=NOW, cost_usd=None, team_id="red")])
    found = outlook(spent, Part.read("team=red"), Period.MONTH, NOW + timedelta(seconds=1), NEW_YORK)
    assert (found.spent_nano_usd, found.requests, found.unpriced_requests) == (0, 1, 1)
    assert isinstance(found.forecast, NoForecast)
    assert found.forecast.reason is Reason.SHORT
    assert (found.expected_nano_usd, found.reaches(1)) == (None, None)


def test_days_of_which_nobody_knows_the_cost_are_not_free(spent: Engine) -> None:
    """A month of calls without a price is a month that is missing."""
    calls = [make_event(completed_at=NOW - timedelta(hours=hour), cost_usd=None, team_id="grey") for hour in range(720)]
    write_events(spent, [*calls, make_event(completed_at=NOW - timedelta(days=40), cost_usd="1", team_id="grey")])
    found = outlook(spent, Part.read("team=grey"), Period.WEEK, NOW, NEW_YORK)
    assert isinstance(found.forecast, NoForecast)
    assert found.forecast.reason is Reason.GAPS, "waiting does not help"
    assert found.forecast.why == "too many days are missing: on 30 of 40 no call has a price"
    assert found.forecast.days_to_wait == 0


@pytest.mark.parametrize("period", [Period.DAY, Period.WEEK, Period.MONTH, Period.QUARTER])
def test_hours_without_a_price_take_no_forecast_away(spent: Engine, period: Period) -> None:
    """On each day there is one of which nobody knows the cost: the day itself is known, and that hour adds nothing."""
    before = made(outlook(spent, TEAM, period, NOW, NEW_YORK))
    nights = [datetime(2026, 9, 2, 3, 30, tzinfo=NEW_YORK) + timedelta(days=day) for day in range(70)]
    write_events(spent, [make_event(completed_at=night, cost_usd=None, team_id="blue") for night in nights])
    found = outlook(spent, TEAM, period, NOW, NEW_YORK)
    assert found.unpriced_requests or period is Period.DAY
    assert made(found) == before


@pytest.mark.parametrize("period", [Period.DAY, Period.MONTH])
def test_spend_that_began_again_after_a_pause_is_forecast_from_its_days(spent: Engine, period: Period) -> None:
    """Its days are enough, its hours are not: of today is expected what is left of a usual day."""
    last = datetime(2026, 11, 10, 12, tzinfo=NEW_YORK)
    days = [last - timedelta(days=day) for day in (*range(14), *range(100, 120))]
    write_events(spent, [make_event(completed_at=day, cost_usd="24", team_id="green") for day in days])
    forecast = made(outlook(spent, Part.read("team=green"), period, NOW, NEW_YORK))
    today = forecast.days_ahead[0].expected_nano_usd / 1e9
    assert today == pytest.approx(13, abs=1), "dollars, of 24 a day"
    assert forecast.low_80_nano_usd <= forecast.expected_nano_usd <= forecast.high_80_nano_usd
    assert len(forecast.days_ahead) == (1 if period is Period.DAY else 20)


def test_a_history_that_is_kept_for_less_is_a_shorter_one(spent: Engine) -> None:
    """What is gone is no time without spend; a period that begins in it is refused, and others are told."""
    prune(spent, Retention(7, 35, 0), NOW)
    day, week, month = outlooks(spent, TEAM, CALENDAR, NOW, NEW_YORK)
    assert [each.period for each in (day, week, month)] == [Period.DAY, Period.WEEK, Period.MONTH]
    assert made(month).expected_nano_usd == pytest.approx(270e9, rel=0.02)
    with pytest.raises(NoLongerKept, match="2026-10-07 are no longer kept"):
        outlook(spent, TEAM, Period.QUARTER, NOW, NEW_YORK)
    with pytest.raises(NoLongerKept):
        outlooks(spent, TEAM, [Period.QUARTER], NOW, NEW_YORK)


def test_too_short_a_history_is_said_to_be_short(spent: Engine) -> None:
    """Ten days are not four weeks, however long calls have been made."""
    prune(spent, Retention(7, 10, 0), NOW)
    (week,) = outlooks(spent, TEAM, [Period.WEEK], NOW, NEW_YORK)
    assert isinstance(week.forecast, NoForecast)
    assert week.forecast.reason is Reason.SHORT
    assert week.spent_nano_usd == 20 * 10**9
