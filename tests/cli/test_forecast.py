"""``usage-plugin forecast`` at the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.conftest import Cli
from usage_plugin import clock
from usage_plugin.clock import utc_now
from usage_plugin.store.database import connect
from usage_plugin.store.prune import prune
from usage_plugin.store.retention import Retention
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event


@pytest.fixture
def spent(migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the blue team spend a dollar each two hours for 40 days."""
    monkeypatch.setenv("USAGE_DATABASE_URL", migrated_sqlite_url)
    engine, now = connect(migrated_sqlite_url), utc_now()
    moments = [now - timedelta(hours=2 * number) for number in range(480)]
    write_events(engine, [make_event(completed_at=moment, cost_usd="1", team_id="blue") for moment in moments])
    engine.dispose()
    return migrated_sqlite_url


def test_several_periods_are_told(cli: Cli, spent: str) -> None:
    """A line for each, and one that says how wrong that has been."""
    ran = cli("forecast", "--scope", "team=blue")
    assert ran.code == 0, ran.err
    title, *lines = ran.out.splitlines()
    assert title == "team=blue"
    assert [line.split()[0] for line in lines[::2]] == ["day", "week", "month", "quarter"]
    assert all("expected (80 %: $" in line for line in lines[::2])
    assert all("of what was to come" in line for line in lines[1::2])


def test_programs_read_it_as_json(cli: Cli, spent: str) -> None:
    """The amounts are in order, and the days ahead add up."""
    (month,) = json.loads(cli("forecast", "--period", "month", "--json").out)["forecasts"]
    assert month["scope"] == "total"
    names = ("spent_usd", "low_95_usd", "low_80_usd", "expected_usd", "high_80_usd", "high_95_usd")
    assert [month[name] for name in names] == sorted(month[name] for name in names)
    ahead = sum(day["expected_usd"] for day in month["days_ahead"])
    assert month["spent_usd"] + ahead == pytest.approx(month["expected_usd"], abs=1e-6)
    assert month["recorded"] is None


def test_too_little_is_said_to_be_too_little(cli: Cli, spent: str) -> None:
    """In words and for programs."""
    text = cli("forecast", "--scope", "team=red", "--period", "week").out
    assert ": no calls; no forecast: not enough data, 0 of 28 days are known" in text
    (week,) = json.loads(cli("forecast", "--scope", "team=red", "--period", "week", "--json").out)["forecasts"]
    assert week["no_forecast"] == "not enough data"
    assert "expected_usd" not in week


def test_a_scope_that_there_is_not_is_one_line(cli: Cli, spent: str) -> None:
    """With a close one."""
    ran = cli("forecast", "--scope", "teams=blue")
    assert ran.code == 1
    assert "Did you mean team" in ran.error_line


def test_a_period_whose_first_days_are_gone_hides_no_other(
    cli: Cli, migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has a line that says so, and none that is too small; alone it is an error with its remedy."""
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    monkeypatch.setenv("USAGE_DATABASE_URL", migrated_sqlite_url)
    monkeypatch.setattr(clock, "utc_now", lambda: now)
    engine, days = connect(migrated_sqlite_url), [now - timedelta(days=day) for day in reversed(range(60))]
    write_events(engine, [make_event(completed_at=day, cost_usd="1", team_id="blue") for day in days])
    prune(engine, Retention(1, 1, 0), now)
    engine.dispose()
    ran = cli("forecast", "--scope", "team=blue")
    assert ran.code == 0, ran.err
    assert " quarter: its first days are no longer kept, see USAGE_RETAIN_SHEETS_DAYS" in ran.out
    assert "day to " in ran.out
    assert "quarter" in json.loads(cli("forecast", "--scope", "team=blue", "--json").out)["no_longer_kept"]
    alone = cli("forecast", "--scope", "team=blue", "--period", "quarter")
    assert alone.code == 1
    assert "are no longer kept by the hour. Ask about a later time" in alone.err
