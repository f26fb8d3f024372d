"""``usage-plugin verify`` at the command line."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from tests.cli.conftest import Cli
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event


def test_a_difference_is_named_repaired_and_gone(cli: Cli, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 while there is one, 0 once it is repaired; programs read the same as JSON."""
    monkeypatch.setenv("USAGE_DATABASE_URL", database_url)
    engine = connect(database_url)
    migrate(engine)
    write_events(engine, [make_event(team_id="blue")])
    good = cli("verify")
    assert (good.code, good.out) == (0, "1 calls of 1 days, 1 totals, 0 sheets: all agree.\n")
    with engine.begin() as connection:
        connection.execute(text("UPDATE usage_day SET requests = 3"))
    engine.dispose()
    wrong = cli("verify")
    assert wrong.code == 1
    line, summary, remedy = wrong.out.splitlines()
    assert line.startswith("usage_daily day=2026-01-05 team_id=blue ")
    assert line.endswith(": requests is 3, should be 1")
    assert "1 differ" in summary
    assert remedy == "Repair them: usage-plugin verify --repair"
    result = json.loads(cli("verify", "--json").out)
    assert (result["differences"], result["repaired"]) == (1, 0)
    assert result["first"][0]["columns"] == {"requests": {"kept": 3, "expected": 1}}
    assert cli("verify", "--repair").code == 0
    assert "all agree" in cli("verify").out


def test_a_database_that_is_not_there_yet_is_not_called_right(cli: Cli) -> None:
    """The remedy is to migrate."""
    ran = cli("verify")
    assert ran.code == 1
    assert "usage-plugin migrate" in ran.error_line
