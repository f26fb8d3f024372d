"""What may be written as a setting, and what becomes of it."""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path

import pytest

from usage_plugin.database_url import sqlite_url
from usage_plugin.errors import SettingsError
from usage_plugin.settings import Settings, default_data_dir, load_settings, settings_without_recording
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("USAGE_")]:
        monkeypatch.delenv(name)


def test_a_relative_file_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two working directories have two files, and two URLs that tell them apart."""
    settings = load_settings({"database_url": "sqlite:///y.db"})
    here = settings.url
    assert here == f"sqlite:///{tmp_path / 'y.db'}"
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert settings.url != here
    assert load_settings({"database_url": "sqlite:///../y.db"}).url == here


@pytest.mark.parametrize("url", ["sqlite:///~/deep/y.db", "sqlite+pysqlite:///~/deep/y.db"])
def test_a_tilde_is_the_users_home_for_the_folder_and_for_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Both are made in the same place, and none is called "~"."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    engine = connect(load_settings({"database_url": url}).url)
    migrate(engine)
    engine.dispose()
    assert (tmp_path / "home" / "deep" / "y.db").exists()
    assert not (tmp_path / "~").exists()


def test_a_data_folder_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative or in the user's home."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USAGE_DATA_DIR", "data")
    assert load_settings().data_dir == tmp_path / "data"
    monkeypatch.setenv("USAGE_DATA_DIR", "~/data")
    assert load_settings().data_dir == tmp_path / "home" / "data"
    assert load_settings().url == f"sqlite:///{tmp_path / 'home' / 'data' / 'usage.db'}"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_an_empty_value_is_no_value(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the environment and in the config."""
    monkeypatch.setenv(f"USAGE_{name.upper()}", "")
    assert load_settings({name: ""}) == load_settings() == load_settings({name: None})
    assert load_settings().data_dir == default_data_dir()


@pytest.mark.parametrize("name", ["100% sure.db", "what?.db", "a#b c.db", "a:b.db"])
def test_a_file_may_be_called_as_it_likes(tmp_path: Path, name: str) -> None:
    """A URL says it so that it is opened under that name, however often it is read."""
    settings = load_settings({"database_url": sqlite_url(tmp_path / name)})
    again = load_settings({"database_url": settings.url})
    assert again.url == settings.url
    engine = connect(again.url)
    migrate(engine)
    engine.dispose()
    with sqlite3.connect(tmp_path / name) as connection:
        assert connection.execute("SELECT count(*) FROM usage_schema_version").fetchone() == (1,)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@ss/w:o#rd@127.0.0.1:5999/x",
        "postgresql://u:p@ss@host/x",
        "postgresql://u:p@ss#rd@host/x",
        "postgresql://u:p@s?s@host/x",
        "postgres://u:x@ss/w/host/x",
    ],
)
def test_a_password_that_is_not_encoded_is_refused_and_hidden(url: str) -> None:
    """Else its end would be taken for a host, and shown."""
    with pytest.raises(SettingsError, match="percent-encode the password") as caught:
        load_settings({"database_url": url})
    for part in ("ss/w", "ss@", "ss#", "s?s", "o#rd"):
        assert part not in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql://u:hush", "postgresql://h/d?user=u&password=hush", "mysql://u:hush@h/d"])
def test_no_refusal_quotes_a_password(url: str) -> None:
    """Wherever in the URL it stands."""
    with pytest.raises(SettingsError, match="USAGE_DATABASE_URL") as caught:
        load_settings({"database_url": url})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p%40ss%2Fw%3Ao%23rd@127.0.0.1:5999/x",
        "postgresql://u:p#s/s?:w@host/x",
        "postgresql://u:p@[::1]:5432/x",
        "postgres://u@host/x?sslmode=require&application_name=a/b",
        "postgresql:///x?host=/var/run/postgresql",
        "postgresql://postgres:@/postgres?host=/tmp/socket",
    ],
)
def test_a_url_that_can_be_understood_is_taken(url: str) -> None:
    """Its password is not in the one that is shown."""
    settings = load_settings({"database_url": url})
    assert settings.url.startswith("postgresql+psycopg://")
    for part in ("p%40ss", "rd", "p#s"):
        assert part not in settings.safe_url.partition("@")[0]


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file::memory:?uri=true&cache=shared"]
)
def test_a_database_in_memory_is_refused(url: str) -> None:
    """Everything in it would be gone, and nobody else could read it."""
    with pytest.raises(SettingsError, match="in memory") as caught:
        load_settings({"database_url": url})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "says"), [("sqlite://usage.db", "three slashes"), ("sqlite:///file:usage.db?uri=true", "name the file")]
)
def test_other_spellings_of_a_file_are_explained(url: str, says: str) -> None:
    """Two slashes make it a host; a file: URI has a second path in it."""
    with pytest.raises(SettingsError, match=says):
        load_settings({"database_url": url})


def test_a_misspelt_key_of_the_config_is_named_with_close_ones() -> None:
    """It is no environment variable, and its value stays hidden."""
    with pytest.raises(SettingsError) as caught:
        load_settings({"databse_url": "postgresql://u:hush@h/d"})
    assert caught.value.problem.startswith("unknown setting databse_url under callback_settings.usage_plugin")
    assert "Did you mean database_url" in caught.value.remedy
    assert "hush" not in str(caught.value)


def test_a_key_like_no_other_is_named_alone() -> None:
    """There is nothing to suggest."""
    with pytest.raises(SettingsError) as caught:
        load_settings({"zzz": 1})
    assert caught.value.problem.startswith("unknown setting zzz")
    assert "Did you mean" not in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("berlin", "did you mean Europe/Berlin?"),
        ("Europe/Berln", "did you mean Europe/Berlin or"),
        ("New York", "did you mean America/New_York?"),
        ("../etc/passwd", "it has to be a name like Europe/Berlin"),
    ],
)
def test_a_time_zone_that_there_is_not_is_named_with_a_close_one(
    name: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, with the value; one that there is gives its days."""
    assert load_settings({"timezone": "Asia/Kathmandu"}).zone.key == "Asia/Kathmandu"
    monkeypatch.setenv("USAGE_TIMEZONE", name)
    with pytest.raises(SettingsError, match=re.escape(says)) as caught:
        load_settings()
    assert caught.value.problem.startswith(f"setting USAGE_TIMEZONE = {name!r} cannot be used: ")


def test_settings_that_cannot_work_still_name_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without usable settings leaves its reason where doctor looks; the environment wins."""
    assert settings_without_recording().data_dir == default_data_dir()
    assert not settings_without_recording().enabled
    assert settings_without_recording({"data_dir": "mine", "batch_size": 0}).data_dir == tmp_path / "mine"
    monkeypatch.setenv("USAGE_DATABASE_URL", "nonsense")
    monkeypatch.setenv("USAGE_DATA_DIR", "theirs")
    assert settings_without_recording({"data_dir": "mine"}).data_dir == tmp_path / "theirs"
