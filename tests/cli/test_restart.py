"""PostgreSQL is stopped in the middle of a command: one line, exit code 1, and nothing half done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import Engine, text

from tests.cli.conftest import Cli, Ran
from tests.own_server import OwnServer
from tests.store.oracle import expected, found
from usage_plugin.cli import history, prune, verify
from usage_plugin.clock import utc_now
from usage_plugin.history.run import BATCH
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

Stops = Callable[[ModuleType, str], None]
CALLS = 2 * BATCH + BATCH // 2


@pytest.fixture
def engine(own_server_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Give a migrated database of that server, which is the one of the settings."""
    monkeypatch.setenv("USAGE_DATABASE_URL", own_server_url)
    engine = connect(own_server_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def stops(stoppable: OwnServer, monkeypatch: pytest.MonkeyPatch) -> Stops:
    """Let a command stop the server when it first says how far it is."""
    stopped: list[bool] = []

    def stop(*_: object) -> None:
        if not stopped:
            stopped.append(True)
            stoppable.stop()

    @contextmanager
    def bar(_label: str) -> Iterator[Callable[..., None]]:
        yield stop

    return lambda module, name: monkeypatch.setattr(module, name, bar if name == "progress_bar" else stop)


def assert_one_line(ran: Ran) -> None:
    assert ran.code == 1
    assert "database server" in ran.error_line
    assert ran.out == ""


def test_verify_goes_on_when_it_is_started_again(cli: Cli, stoppable: OwnServer, engine: Engine, stops: Stops) -> None:
    """It had only read."""
    write_events(engine, [make_event(completed_at=utc_now() - timedelta(days=day)) for day in range(4)])
    engine.dispose()
    stops(verify, "progress_bar")
    assert_one_line(cli("verify"))
    stoppable.start()
    assert "all agree" in cli("verify").out


def test_prune_goes_on_where_it_was(
    cli: Cli, stoppable: OwnServer, engine: Engine, stops: Stops, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was deleted is gone, and the totals still agree with the rest."""
    monkeypatch.setenv("USAGE_RETAIN_RECORDS_DAYS", "30")
    write_events(engine, [make_event(completed_at=utc_now() - timedelta(days=40 + n % 9)) for n in range(3000)])
    write_events(engine, [make_event(completed_at=utc_now()) for _ in range(5)])
    engine.dispose()
    stops(prune, "progress_bar")
    assert_one_line(cli("prune"))
    stoppable.start()
    assert cli("verify").code == 0
    assert cli("prune").code == 0
    assert cli("verify").out.startswith("5 calls")


def test_an_import_goes_on_where_it_was(
    cli: Cli, stoppable: OwnServer, engine: Engine, stops: Stops, tmp_path: Path
) -> None:
    """Each line is a call, once."""
    file = tmp_path / "calls.csv"
    lines = (f"2026-03-01T10:00:00Z,gpt-4o-mini,{number},1" for number in range(CALLS))
    file.write_text("\n".join(["time,model,tokens_in,tokens_out", *lines]) + "\n", encoding="utf-8")
    engine.dispose()
    stops(history, "_no_progress")
    assert_one_line(cli("import", "csv", str(file)))
    stoppable.start()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM usage_record")).scalar_one() == BATCH
    assert cli("import", "csv", str(file)).code == 0
    with engine.connect() as connection:
        assert connection.execute(text("SELECT COUNT(DISTINCT prompt_tokens) FROM usage_record")).scalar_one() == CALLS
    assert found(engine) == expected(engine)
