"""``usage-plugin prune`` at the command line."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.cli.conftest import Cli
from usage_plugin.clock import utc_now
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event


def test_what_would_go_is_what_goes(cli: Cli, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings decide; a dry run deletes nothing; totals stay, and verify agrees."""
    monkeypatch.setenv("USAGE_DATABASE_URL", database_url)
    monkeypatch.setenv("USAGE_RETAIN_RECORDS_DAYS", "30")
    engine = connect(database_url)
    migrate(engine)
    for days in (50, 40, 29, 1):
        write_events(engine, [make_event(completed_at=utc_now() - timedelta(days=days))])
    engine.dispose()
    for _ in range(2):
        dry = cli("prune", "--dry-run")
        assert (dry.code, dry.out.splitlines()[0]) == (0, "Would delete:")
        assert dry.out.splitlines()[1].startswith("2 calls and their tags of 2")
    going = json.loads(cli("prune", "--dry-run", "--json").out)["going"]
    assert [(each["kind"], each["rows"]) for each in going] == [("records", 2), ("sheets", 0), ("daily", 0)]
    assert json.loads(cli("prune", "--json").out)["deleted"] == {"records": 2, "sheets": 0, "daily": 0}
    assert cli("prune").out == "Nothing is older than it is kept for.\n"
    assert cli("verify").out.startswith("2 calls")


def test_days_that_cannot_be_kept_are_one_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is deleted by a mistyped setting."""
    monkeypatch.setenv("USAGE_RETAIN_RECORDS_DAYS", "-1")
    ran = cli("prune")
    assert ran.code == 1
    assert "USAGE_RETAIN_RECORDS_DAYS = '-1'" in ran.error_line


def test_a_database_without_tables_is_sent_to_migrate(cli: Cli) -> None:
    """A file that was not there is nothing to prune."""
    ran = cli("prune", "--dry-run")
    assert ran.code == 1
    assert "usage-plugin migrate" in ran.error_line
