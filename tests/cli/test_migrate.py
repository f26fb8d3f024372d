from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.cli.conftest import Cli
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import VERSION_TABLE, SchemaState, head_revision, schema_state


def test_the_first_run_makes_the_tables_and_the_second_says_so(
    cli: Cli, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On both databases; the result can be read by a program."""
    monkeypatch.setenv("USAGE_DATABASE_URL", database_url)
    first = cli("migrate", "--json")
    assert first.code == 0
    assert json.loads(first.out)["before"] == "empty"
    assert json.loads(first.out)["revision"] == head_revision()
    assert schema_state(connect(database_url)) is SchemaState.CURRENT
    assert "is up to date" in cli("migrate").out


def test_the_default_is_a_file_in_the_data_folder(cli: Cli, tmp_path: Path) -> None:
    """Wherever the command is run."""
    assert str(tmp_path / "data" / "usage.db") in cli("migrate").out
    assert (tmp_path / "data" / "usage.db").exists()


def test_the_proxys_config_may_name_the_database(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``callback_settings`` count as they do for the proxy, ``os.environ/...`` is looked up; the environment wins."""
    monkeypatch.setenv("MY_URL", f"sqlite:///{tmp_path / 'config.db'}")
    Path("litellm_config.yaml").write_text("callback_settings: {usage_plugin: {database_url: os.environ/MY_URL}}")
    assert "config.db" in cli("migrate").out
    monkeypatch.setenv("USAGE_DATABASE_URL", f"sqlite:///{tmp_path / 'environment.db'}")
    assert "environment.db" in cli("migrate").out


@pytest.mark.parametrize(
    "url", ["postgresql://ada:secret@127.0.0.1:9/usage", "sqlite:////proc/none/usage.db", "sqlite:////"]
)
def test_a_database_that_cannot_be_used_is_one_line(cli: Cli, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where, why, and what to do; never the password."""
    monkeypatch.setenv("USAGE_DATABASE_URL", url)
    ran = cli("migrate")
    assert ran.code == 1
    assert "cannot be used" in ran.error_line
    assert "USAGE_DATABASE_URL" in ran.error_line
    assert "secret" not in ran.error_line


def test_a_newer_schema_is_left_alone(cli: Cli, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy is to upgrade the package."""
    monkeypatch.setenv("USAGE_DATABASE_URL", sqlite_url)
    cli("migrate")
    with connect(sqlite_url).begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    ran = cli("migrate")
    assert ran.code == 1
    assert "newer version" in ran.error_line


def test_a_role_gets_to_read(cli: Cli, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what later versions add; nothing else is granted. A role that is not there is named."""
    monkeypatch.setenv("USAGE_DATABASE_URL", f"{postgres_url}&schema=usage")
    ran = cli("migrate", "--grant-read", "an odd reader")
    assert ran.code == 1
    assert 'role "an odd reader" does not exist' in ran.error_line
    assert "CREATE ROLE" in ran.error_line
    engine = connect(f"{postgres_url}&schema=usage")
    with engine.begin() as connection:
        connection.execute(text('CREATE ROLE "an odd reader" LOGIN'))
    assert '"read_by": "an odd reader"' in cli("migrate", "--grant-read", "an odd reader", "--json").out
    assert "an odd reader may read the schema usage" in cli("migrate", "--grant-read", "an odd reader").out
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE of_the_next_version (number INTEGER)"))
        connection.execute(text('SET LOCAL ROLE "an odd reader"'))
        for table in ("usage_record", "usage_daily", VERSION_TABLE, "of_the_next_version"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() >= 0
            rights = text("SELECT has_table_privilege(:table, 'INSERT, UPDATE, DELETE, TRUNCATE')")
            assert connection.execute(rights, {"table": table}).scalar_one() is False
    engine.dispose()


def test_a_file_has_no_roles(cli: Cli) -> None:
    """The option is PostgreSQL's."""
    ran = cli("migrate", "--grant-read", "reader")
    assert ran.code == 2
    assert "has no roles" in ran.error_line
