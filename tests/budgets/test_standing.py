"""How budgets stand beside calls that are counted by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from usage_plugin.alerts.budgets import budget_findings
from usage_plugin.analysis.forecast import NoForecast
from usage_plugin.budgets import Standing, Untold, standing
from usage_plugin.outlook import PeriodForecast
from usage_plugin.periods import Period
from usage_plugin.store.budgets import Budget, budgets, save_budget
from usage_plugin.store.part import Part
from usage_plugin.store.prune import prune
from usage_plugin.store.retention import Retention
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DOLLAR = 10**9
MONTH = Budget(name="m", part=Part.read("team=blue"), amount_nano_usd=30 * DOLLAR, period=Period.MONTH)
# The first moment of the month in Berlin.
FIRST = datetime(2026, 10, 31, 23, tzinfo=UTC)


def told(engine: Engine, now: datetime, zone: ZoneInfo) -> list[Standing]:
    found = standing(engine, now, zone)
    known = [each for each in found if isinstance(each, Standing)]
    assert known == found
    return known


def spend_dollars_a_day(engine: Engine, days: int) -> None:
    """Let the blue team spend a dollar at 9 and another at 21 o'clock of each day up to today."""
    moments = [NOW - timedelta(days=day, hours=hours) for day in range(days) for hours in (3, -9) if day or hours > 0]
    write_events(engine, [make_event(completed_at=moment, cost_usd="1", team_id="blue") for moment in moments])


def test_only_its_own_calls_of_its_period_count(engine: Engine) -> None:
    """Others, the last month, tags that a call does not have; a call at the first moment of the month counts."""
    write_events(
        engine,
        [
            make_event(completed_at=FIRST, cost_usd="1", team_id="blue"),
            make_event(completed_at=FIRST - timedelta(microseconds=1), cost_usd="2", team_id="blue"),
            make_event(completed_at=NOW, cost_usd="4", team_id="blue", tags=("a", "b")),
            make_event(completed_at=NOW, cost_usd="8", team_id="red", tags=("b",)),
            make_event(completed_at=NOW, cost_usd=None, team_id="blue"),
        ],
    )
    month = save_budget(engine, MONTH, NOW)
    for name, part in (("total", Part()), ("tag a", Part.read("tag=a")), ("tag b", Part.read("tag=b"))):
        save_budget(engine, replace(MONTH, name=name, part=part), NOW)
    mine, tag_a, tag_b, total = told(engine, NOW + timedelta(seconds=1), BERLIN)
    assert mine.budget == month
    assert (mine.period_start, mine.period_end) == (FIRST, datetime(2026, 11, 30, 23, tzinfo=UTC))
    assert (mine.spent_nano_usd, mine.unpriced_requests) == (5 * DOLLAR, 1)
    assert [each.spent_nano_usd // DOLLAR for each in (tag_a, tag_b, total)] == [4, 12, 13]


def test_a_young_scope_has_no_forecast_and_says_so(engine: Engine) -> None:
    """What was spent is exact all the same, and plan and thresholds need no history."""
    spend_dollars_a_day(engine, 10)
    save_budget(engine, replace(MONTH, thresholds=(0.5, 0.6, 1.0)), NOW)
    (mine,) = told(engine, NOW, BERLIN)
    assert mine.spent_nano_usd == 19 * DOLLAR
    assert isinstance(mine.forecast, NoForecast)
    assert (mine.projected_over, mine.runs_out_at, mine.crossed) == (None, None, (0.5, 0.6))
    assert mine.pace_nano_usd == pytest.approx(30 * DOLLAR * (19.5 + 1 / 24) / 30, rel=1e-9)


def test_a_budget_that_will_not_last_says_when_it_runs_out(engine: Engine) -> None:
    """Two dollars a day: 39 are spent by noon of the 20th, and 45 on the 23rd."""
    spend_dollars_a_day(engine, 60)
    for name, dollars in (("a", 39), ("b", 45), ("c", 70)):
        save_budget(engine, replace(MONTH, name=name, amount_nano_usd=dollars * DOLLAR), NOW)
    spent, short, enough = told(engine, NOW, BERLIN)
    assert (spent.is_over, spent.runs_out_at, spent.left_nano_usd) == (True, None, 0)
    assert isinstance(short.forecast, PeriodForecast)
    assert short.forecast.expected_nano_usd == pytest.approx(60 * DOLLAR, rel=0.02)
    assert short.forecast.low_80_nano_usd < 60 * DOLLAR < short.forecast.high_95_nano_usd
    assert short.projected_over is True
    assert short.runs_out_at is not None
    assert datetime(2026, 11, 22, 23, tzinfo=UTC) <= short.runs_out_at <= datetime(2026, 11, 23, 23, tzinfo=UTC)
    assert (enough.projected_over, enough.runs_out_at) == (False, None)


def test_a_rolling_budget_has_no_begin_to_be_ahead_of(engine: Engine) -> None:
    """Its days are today and those before it; what is expected is up to midnight."""
    spend_dollars_a_day(engine, 60)
    rolling = replace(MONTH, period=Period.ROLLING, rolling_days=7)
    save_budget(engine, rolling, NOW)
    (mine,) = told(engine, NOW, BERLIN)
    assert mine.spent_nano_usd == 13 * DOLLAR
    assert mine.pace_nano_usd is None
    assert mine.period_end == datetime(2026, 11, 20, 23, tzinfo=UTC)
    assert isinstance(mine.forecast, PeriodForecast)
    assert mine.forecast.expected_nano_usd == pytest.approx(14 * DOLLAR, rel=0.02)


@pytest.fixture
def pruned(engine: Engine) -> Engine:
    """Let two dollars a day go for 60 days, of which ten are kept, and a new team begin four days ago."""
    spend_dollars_a_day(engine, 60)
    young = [make_event(completed_at=NOW - timedelta(days=day), cost_usd="1", team_id="green") for day in range(1, 4)]
    write_events(engine, young)
    week = replace(MONTH, name="week", period=Period.WEEK)
    green = replace(MONTH, name="green", part=Part.read("team=green"))
    for each in (MONTH, week, green):
        save_budget(engine, each, NOW)
    prune(engine, Retention(7, 10, 0), NOW)
    return engine


def test_a_budget_whose_first_days_are_gone_is_not_less(pruned: Engine) -> None:
    """Others go on: one of a shorter period, and one of a team that had no call yet in the time that is gone."""
    green, month, week = standing(pruned, NOW, ZoneInfo("UTC"))
    assert isinstance(month, Untold)
    assert (month.budget.name, month.error.since) == ("m", datetime(2026, 11, 10, tzinfo=UTC))
    assert isinstance(week, Standing)
    assert isinstance(green, Standing)
    assert week.spent_nano_usd == 9 * DOLLAR
    assert green.spent_nano_usd == 3 * DOLLAR


def test_it_is_said_over_what_a_budget_can_be_added_up(pruned: Engine) -> None:
    """A rolling budget has no next period; and nobody asks a budget about a later time."""
    save_budget(pruned, replace(MONTH, name="rolling", period=Period.ROLLING, rolling_days=30), NOW)
    _, month, rolling, _ = standing(pruned, NOW, ZoneInfo("UTC"))
    for each, when in ((month, "in its next period, or over a shorter one"), (rolling, "over fewer days")):
        assert isinstance(each, Untold)
        assert each.why == (
            f"calls before 2026-11-10 are no longer kept by the hour. The budget can be added up {when}; "
            "USAGE_RETAIN_SHEETS_DAYS says how long totals by the hour are kept"
        )


def test_somebody_hears_of_a_budget_that_nobody_can_add_up(pruned: Engine) -> None:
    """It says what to set; one that is switched off is nobody's concern."""
    (found,) = [each for each in budget_findings(standing(pruned, NOW, BERLIN), BERLIN) if "added up" in each.title]
    assert "calls before 2026-11-10 are no longer kept" in found.body
    assert "USAGE_RETAIN_SHEETS_DAYS" in found.body
    for each in budgets(pruned):
        save_budget(pruned, replace(each, is_enabled=False), NOW)
    assert not budget_findings(standing(pruned, NOW, BERLIN), BERLIN)
