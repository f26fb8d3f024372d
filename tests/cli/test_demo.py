from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from usage_plugin.clock import utc_now
from usage_plugin.store import read
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.sheets.backlog import not_added_up
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A company of two days, so that a test is short."""
    monkeypatch.setattr("usage_plugin.demo.refresh._fill", _fill_two_days)


def test_the_demo_lies_beside_the_real_database(cli: Cli, small: None, tmp_path: Path) -> None:
    """It is filled up to now and added up; the real one is not touched."""
    ran = cli("demo", "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["calls_written"] > 500
    engine = connect(f"sqlite:///{tmp_path / 'data' / 'demo.db'}")
    with engine.connect() as connection:
        assert not_added_up(connection, utc_now() - timedelta(hours=2), 0) == 0
    newest = read.newest(engine).completed_at
    assert newest is not None
    assert timedelta() <= utc_now() - newest < timedelta(hours=2)
    assert not (tmp_path / "data" / "usage.db").exists()


def test_a_fresh_demo_is_kept_until_asked_otherwise(cli: Cli, small: None) -> None:
    """Starting the demo twice does not wait twice."""
    written = json.loads(cli("demo", "--json").out)["calls_written"]
    assert "is kept; --fresh fills it anew" in cli("demo").out
    anew = cli("demo", "--fresh")
    assert f"{written:,}"[:1] == anew.out[:1]
    assert "are in sqlite:///" in anew.out


def test_an_old_or_half_filled_demo_is_filled_anew(cli: Cli, small: None, tmp_path: Path) -> None:
    """Its last call is long ago."""
    engine = connect(f"sqlite:///{tmp_path / 'data' / 'demo.db'}")
    migrate(engine)
    write_events(engine, [make_event(completed_at=utc_now() - timedelta(days=2))])
    engine.dispose()
    assert json.loads(cli("demo", "--json").out)["calls_written"] > 500


def test_a_file_that_is_no_database_is_replaced(cli: Cli, small: None, tmp_path: Path) -> None:
    """The demo's file is the demo's own."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "demo.db").write_text("not a database " * 100)
    assert json.loads(cli("demo", "--json").out)["calls_written"] > 500


def test_the_real_database_is_refused(cli: Cli, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Generated calls must not mix with real ones."""
    monkeypatch.setenv("USAGE_DATABASE_URL", sqlite_url)
    ran = cli("demo", "--database-url", sqlite_url)
    assert ran.code == 1
    assert "is the real database" in ran.error_line


def test_another_database_is_filled_only_while_it_is_empty(cli: Cli, small: None, database_url: str) -> None:
    """On both databases; what holds calls is left as it is."""
    assert cli("demo", "--database-url", database_url).code == 0
    ran = cli("demo", "--database-url", database_url)
    assert ran.code == 1
    assert "holds calls already" in ran.error_line


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "it is not a database URL"),
        ("mysql://ada:secret@host/demo", "mysql is not supported"),
        ("postgresql://ada:se@secret@host/demo", "percent-encode the password"),
        ("sqlite://", "in memory"),
    ],
)
def test_a_url_that_cannot_be_used_is_wrong_use(cli: Cli, url: str, says: str) -> None:
    """Reason and remedy, no traceback and no password."""
    ran = cli("demo", "--database-url", url)
    assert ran.code == 2
    assert says in ran.error_line
    assert "--database-url" in ran.error_line
    assert "Give sqlite:///FILE" in ran.error_line
    assert "secret" not in ran.error_line


def _fill_two_days(url: str, now: object, progress: object, seed: int, days: int) -> object:
    from usage_plugin.demo import fill

    engine = connect(url)
    result = fill(engine, now, seed=seed, days=2, progress=progress)  # type: ignore[arg-type]
    engine.dispose()
    return result
