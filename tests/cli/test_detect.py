"""``usage-plugin detect`` at the command line."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Cli
from tests.detect.calls import HOUR, Hour, company
from usage_plugin.clock import utc_now
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.turn import Turn


def test_what_is_found_is_told_in_words(cli: Cli, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run says the same and keeps nothing; the second run finds nothing new and still shows it."""
    monkeypatch.setenv("USAGE_DATABASE_URL", sqlite_url)
    engine = connect(sqlite_url)
    migrate(engine)
    now = utc_now()
    begin = now.replace(minute=0, second=0, microsecond=0) - 30 * HOUR
    company(engine, until=now, days=35, extra=tuple(Hour("alpha", begin + number * HOUR, 400) for number in range(4)))
    dry = cli("detect", "--dry-run")
    assert dry.code == 0
    assert "Would keep 1 new anomaly" in dry.out
    assert "[runaway] Cost of key “alpha”" in dry.out
    found = cli("detect", "--days", "7")
    assert (found.code, found.out.replace("Kept", "Would keep")) == (0, dry.out)
    again = cli("detect")
    assert again.out.startswith("No hour is over since the last look.")
    assert "[runaway] Cost of key “alpha”" in again.out
    assert cli("detect", "--dry-run").out == again.out
    result = json.loads(cli("detect", "--json").out)
    (entry,) = result["anomalies"]
    assert (entry["label"], entry["state"]) == ("alpha", "open")
    assert entry["explanation"]["actual"] - entry["explanation"]["expected"] == entry["at_stake_nano_usd"]


def test_beside_a_worker_it_shows_what_that_found(cli: Cli, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One at a time looks."""
    monkeypatch.setenv("USAGE_DATABASE_URL", sqlite_url)
    engine = connect(sqlite_url)
    migrate(engine)
    turn = Turn(engine)
    assert turn.take()
    ran = cli("detect")
    turn.give_back()
    assert ran.code == 0
    assert "A worker is looking after this database" in ran.out


def test_a_database_without_tables_is_sent_to_migrate(cli: Cli) -> None:
    """A file that was not there has no anomalies."""
    ran = cli("detect")
    assert ran.code == 1
    assert "usage-plugin migrate" in ran.error_line


def test_days_are_a_number(cli: Cli) -> None:
    """Used wrongly is 2."""
    assert cli("detect", "--days", "0").code == 2
