"""``usage-plugin backup`` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import SchemaState, schema_state


def test_a_backup_is_a_database(cli: Cli, tmp_path: Path) -> None:
    """And says how large it is; the second of the same name is refused."""
    cli("migrate")
    copy = tmp_path / "copy.db"
    saved = json.loads(cli("backup", str(copy), "--json").out)
    assert (saved["file"], saved["bytes"]) == (str(copy), copy.stat().st_size)
    assert schema_state(connect(f"sqlite:///{copy}")) is SchemaState.CURRENT
    again = cli("backup", str(copy))
    assert again.code == 2
    assert "is there already" in again.error_line
    assert cli("backup", str(tmp_path / "second.db")).out.startswith("Saved ")


def test_what_cannot_be_saved_is_one_line(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is not there, a folder that is not there, and PostgreSQL, which has its own program."""
    missing = cli("backup", str(tmp_path / "copy.db"))
    assert missing.code == 1
    assert "unable to open database file" in missing.error_line
    cli("migrate")
    nowhere = cli("backup", str(tmp_path / "no" / "copy.db"))
    assert nowhere.code == 2
    assert "is not there" in nowhere.error_line
    monkeypatch.setenv("USAGE_DATABASE_URL", "postgresql://u:hush@h/d")
    theirs = cli("backup", str(tmp_path / "copy.db"))
    assert theirs.code == 2
    assert "pg_dump" in theirs.error_line
    assert "hush" not in theirs.error_line
