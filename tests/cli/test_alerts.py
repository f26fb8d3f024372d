"""``usage-plugin alerts`` at the command line."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

import pytest

from tests.alerts.findings import HOUR, NOW, RUNAWAY
from tests.alerts.receiving import webhook
from tests.cli.conftest import Cli
from tests.upstream.process import free_port
from usage_plugin.alerts import Channel, Routing, Source, raise_alerts, tell
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate


def test_a_channel_can_be_tried(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real message; one that is not taken says why, without the address."""
    with webhook() as hook:
        monkeypatch.setenv("USAGE_ALERT_URLS", hook.url)
        assert cli("alerts", "--test", "webhook").out == "The channel webhook took a message.\n"
        assert json.loads(cli("alerts", "--test", "webhook", "--json").out) == {"channel": "webhook", "delivered": True}
    assert [body["kind"] for body in hook.bodies] == ["test", "test"]
    monkeypatch.setenv("USAGE_ALERT_URLS", f"http://127.0.0.1:{free_port()}/T0psecret")
    ran = cli("alerts", "--test", "webhook")
    assert ran.code == 1
    assert "it cannot be reached" in ran.error_line
    assert "T0psecret" not in ran.error_line
    ran = cli("alerts", "--test", "pager")
    assert (ran.code, "there is no channel 'pager'. Channels: webhook" in ran.error_line) == (1, True)


def test_what_is_open_is_listed_with_who_is_told(cli: Cli, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of channels only."""
    monkeypatch.setenv("USAGE_DATABASE_URL", database_url)
    engine = connect(database_url)
    migrate(engine)
    assert cli("alerts").out.splitlines() == [
        "Told: nobody: set USAGE_ALERT_URLS or USAGE_ALERTS_FILE",
        "No alert is open.",
    ]
    raise_alerts(engine, Source.RULE, [RUNAWAY], NOW)
    engine.dispose()
    monkeypatch.setenv("USAGE_ALERT_URLS", "slack://T0psecret/b/c")
    assert cli("alerts").out.splitlines() == [
        "Told: slack",
        f"   1  critical 2026-03-04 12:30 UTC  {RUNAWAY.title}",
    ]
    found = json.loads(cli("alerts", "--json").out)
    assert (found["channels"], found["alerts"][0]["at_stake_nano_usd"]) == (["slack"], 3_800_000_000)
    assert found["alerts"][0]["untaken_at"] is None


def test_what_no_channel_takes_says_so(cli: Cli, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the worker has found it."""
    monkeypatch.setenv("USAGE_DATABASE_URL", database_url)
    engine = connect(database_url)
    migrate(engine)
    raise_alerts(engine, Source.RULE, [RUNAWAY], NOW)
    assert tell(engine, Routing(), NOW + HOUR, ZoneInfo("UTC")) == 0
    engine.dispose()
    assert cli("alerts").out.splitlines()[-1].endswith(f"{RUNAWAY.title} (no channel takes it)")
    assert json.loads(cli("alerts", "--json").out)["alerts"][0]["untaken_at"] == (NOW + HOUR).isoformat()


def test_somebody_can_look_after_an_alert(cli: Cli, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list says who, and nobody is reminded; one that does not go on is refused."""
    monkeypatch.setenv("USAGE_DATABASE_URL", database_url)
    engine = connect(database_url)
    migrate(engine)
    raise_alerts(engine, Source.RULE, [RUNAWAY], NOW)
    ops = Routing(channels={"ops": Channel(name="ops", url="json://127.0.0.1/never")})
    assert tell(engine, ops, NOW + HOUR * 5, ZoneInfo("UTC")) == 1
    ran = cli("alerts", "--acknowledge", "1", "--by", "ana")
    assert ran.out.splitlines()[-1].endswith(f"{RUNAWAY.title} (ana looks after it)")
    assert tell(engine, ops, NOW + HOUR * 10, ZoneInfo("UTC")) == 0
    engine.dispose()
    assert "--by ana says who" in cli("alerts", "--by", "ana").error_line
    ran = cli("alerts", "--acknowledge", "9")
    assert (ran.code, "there is no alert 9 that goes on" in ran.error_line) == (1, True)


def test_a_database_without_tables_is_sent_to_migrate(cli: Cli) -> None:
    """A file that was not there has no alerts."""
    ran = cli("alerts")
    assert ran.code == 1
    assert "usage-plugin migrate" in ran.error_line
