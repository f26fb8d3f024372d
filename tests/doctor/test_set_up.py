from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.doctor.conftest import GOOD_CONFIG, SetUp
from usage_plugin.doctor import Facts, Verdict
from usage_plugin.doctor.set_up import check_litellm
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import VERSION_TABLE, migrate

OTHERS_CALLBACK = "litellm_settings: {callbacks: [langfuse]}"


@pytest.mark.parametrize(
    ("config", "cause"),
    [
        (OTHERS_CALLBACK, "does not name the callback"),
        ("model_list: []", "does not name the callback"),
        (
            "litellm_settings: {success_callback: [usage_plugin.proxy_handler_instance]}",
            "only a part of it is called",
        ),
        ("litellm_settings: [", "is not YAML: line 1, column 20"),
        ("- a list", "is a list, not a mapping"),
        ("", "is empty, not a mapping"),
        ("litellm_settings: text", "litellm_settings in the LiteLLM config"),
    ],
)
def test_a_config_without_the_callback_is_named(set_up: SetUp, config: str, cause: str) -> None:
    """Each way of not loading the callback is told apart, with the file's name."""
    set_up.configure(config)
    finding = set_up.findings()["config"]
    assert finding.verdict is Verdict.FAIL
    assert cause in finding.what
    assert str(set_up.settings.litellm_config) in finding.what
    assert finding.remedy


@pytest.mark.parametrize(
    "callbacks", ["usage_plugin.proxy_handler_instance", '["x", usage_plugin.proxy_handler_instance]']
)
def test_the_callback_may_be_one_name_or_one_of_many(set_up: SetUp, callbacks: str) -> None:
    """LiteLLM takes a bare string too."""
    set_up.configure(f"litellm_settings: {{callbacks: {callbacks}, global_disable_no_log_param: true}}")
    assert set_up.findings()["config"].verdict is Verdict.OK


def test_clients_that_can_hide_their_calls_are_a_warning(set_up: SetUp) -> None:
    """Without global_disable_no_log_param usage is recorded, but not all of it."""
    set_up.configure(GOOD_CONFIG.replace("global_disable_no_log_param: true", ""))
    finding = set_up.findings()["config"]
    assert finding.verdict is Verdict.WARN
    assert "global_disable_no_log_param: true" in finding.remedy


def test_a_missing_config_is_wrong_unless_a_proxy_records(set_up: SetUp) -> None:
    """A proxy that runs has read a config somewhere else."""
    set_up.settings.litellm_config.unlink()
    assert set_up.findings()["config"].verdict is Verdict.FAIL
    set_up.beat()
    assert set_up.findings()["config"].verdict is Verdict.WARN


def test_a_file_that_is_no_text_is_named(set_up: SetUp) -> None:
    """Bytes of another kind are one line too."""
    set_up.settings.litellm_config.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in set_up.findings()["config"].what


@pytest.mark.parametrize(
    ("version", "verdict", "says"),
    [
        ("1.82.7", Verdict.FAIL, "malicious"),
        ("1.82.8", Verdict.FAIL, "malicious"),
        ("1.99.9", Verdict.FAIL, "older than 1.100"),
        ("1.100.0", Verdict.OK, "LiteLLM 1.100.0"),
        ("2.0.0rc1", Verdict.OK, "LiteLLM 2.0.0rc1"),
        (None, Verdict.WARN, "not installed"),
    ],
)
def test_bad_versions_of_litellm_are_named(facts: Facts, version: str | None, verdict: Verdict, says: str) -> None:
    """The two malicious releases, old ones, and none at all."""
    finding = check_litellm(replace(facts, litellm_version=version))
    assert finding.verdict is verdict
    assert says in finding.what


@pytest.fixture
def facts(set_up: SetUp) -> Facts:
    """The facts of a machine where nothing has run."""
    return set_up.facts()


def test_recording_that_is_switched_off_is_named(set_up: SetUp) -> None:
    """An empty page may be a wish."""
    set_up.settings = set_up.settings.model_copy(update={"enabled": False})
    assert "USAGE_ENABLED" in set_up.findings()["recording"].what
    assert "recording" in set_up.wrong()


def test_recording_that_the_config_switches_off_names_the_config(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place to change is the one that counts: the environment wins."""
    set_up.configure(GOOD_CONFIG + "callback_settings: {usage_plugin: {enabled: false}}")
    set_up.settings = set_up.settings.model_copy(update={"enabled": False})
    what = set_up.findings()["recording"].what
    assert f"enabled: false under callback_settings.usage_plugin in {set_up.settings.litellm_config}" in what
    assert "USAGE_ENABLED" not in what
    monkeypatch.setenv("USAGE_ENABLED", "0")
    assert "USAGE_ENABLED=0" in set_up.findings()["recording"].what


def test_a_file_that_is_not_there_yet_does_not_answer(set_up: SetUp) -> None:
    """It is said to be missing, which the first proxy changes."""
    finding = set_up.findings()["database"]
    assert finding.verdict is Verdict.OK
    assert finding.what.startswith(f"{set_up.settings.safe_url} is not created yet")
    migrate(connect(set_up.settings.url))
    assert set_up.findings()["database"].what == f"{set_up.settings.safe_url} answers"


@pytest.mark.parametrize(("inside", "says"), [("data", "is a file, not a folder"), ("/proc", "")])
def test_a_file_that_cannot_be_made_is_wrong(set_up: SetUp, tmp_path: Path, inside: str, says: str) -> None:
    """A file where its folder should be, and a folder that takes none; in words, without a number."""
    set_up.settings.data_dir.rmdir()
    set_up.settings.data_dir.write_text("")
    set_up.settings = _at(set_up.settings, f"sqlite:///{tmp_path / inside / 'deep' / 'usage.db'}")
    finding = set_up.findings()["database"]
    assert finding.verdict is Verdict.FAIL
    assert "is not created yet, and cannot be: " in finding.what
    assert says in finding.what
    assert "Errno" not in finding.what
    assert "USAGE_DATA_DIR" in finding.remedy
    assert "is a file, not a folder" in set_up.findings()["data folder"].what


def test_an_empty_database_asks_for_a_migration(each_set_up: SetUp) -> None:
    """Nobody has made the tables yet."""
    finding = each_set_up.findings()["schema"]
    assert finding.verdict is Verdict.FAIL
    assert "no tables yet" in finding.what
    assert finding.remedy == "Run: usage-plugin migrate (the proxy does so when it starts)"


def test_a_newer_schema_asks_for_an_upgrade(each_set_up: SetUp) -> None:
    """A revision that this version does not know is from the future."""
    _migrated_at(each_set_up.settings.url, "9999")
    finding = each_set_up.findings()["schema"]
    assert finding.verdict is Verdict.FAIL
    assert "newer version" in finding.what
    assert "pip install -U" in finding.remedy


def test_an_older_schema_asks_for_a_migration(each_set_up: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    """To a package with one more migration, a known revision that is not the last one is behind."""
    migrate(connect(each_set_up.settings.url))
    monkeypatch.setattr("usage_plugin.store.migrate.head_revision", lambda: "9999")
    finding = each_set_up.findings()["schema"]
    assert finding.verdict is Verdict.FAIL
    assert "older version" in finding.what
    assert finding.remedy == "Run: usage-plugin migrate"


def test_a_database_that_does_not_answer_is_named_without_its_password(set_up: SetUp, tmp_path: Path) -> None:
    """A refused connection and a file that is no database."""
    set_up.settings = _at(set_up.settings, "postgresql://ada:secret@127.0.0.1:9/usage")
    finding = set_up.findings()["database"]
    assert finding.verdict is Verdict.FAIL
    assert "127.0.0.1" in finding.what
    assert "secret" not in finding.what
    assert finding.remedy.startswith("Start the database server")
    no_database = tmp_path / "no.db"
    no_database.write_text("this is a letter, not a database " * 100)
    set_up.settings = _at(set_up.settings, f"sqlite:///{no_database}")
    finding = set_up.findings()["database"]
    assert finding.verdict is Verdict.FAIL
    assert "file is not a database" in finding.what
    assert "move it away, or choose another file" in finding.remedy


def test_a_data_folder_that_takes_no_file_is_named(set_up: SetUp) -> None:
    """Where the database lies in it that is wrong; with another database it is only worth knowing."""
    read_only = Path("/proc/usage")
    elsewhere = set_up.settings
    set_up.settings = elsewhere.model_copy(update={"data_dir": read_only, "database_url": ""})
    finding = set_up.findings()["data folder"]
    assert finding.verdict is Verdict.FAIL
    assert "/proc/usage" in finding.what
    assert "USAGE_DATA_DIR" in finding.remedy
    set_up.settings = elsewhere.model_copy(update={"data_dir": read_only})
    assert set_up.findings()["data folder"].verdict is Verdict.WARN


def test_tables_among_litellms_own_are_told(set_up: SetUp, postgres_url: str) -> None:
    """Before they are made it is wrong, afterwards there is a way out."""
    set_up.settings = _at(set_up.settings, postgres_url)
    engine = connect(postgres_url)
    with engine.begin() as connection:
        connection.execute(text('CREATE SCHEMA litellm CREATE TABLE "LiteLLM_SpendLogs" (request_id TEXT)'))
    migrate(engine)
    assert set_up.findings()["schema"].verdict is Verdict.OK
    with engine.begin() as connection:
        connection.execute(text('ALTER TABLE litellm."LiteLLM_SpendLogs" SET SCHEMA public'))
    finding = set_up.findings()["schema"]
    assert (finding.verdict, "its migrations may drop them" in finding.what) == (Verdict.WARN, True)
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {VERSION_TABLE}"))
    engine.dispose()
    finding = set_up.findings()["schema"]
    assert (finding.verdict, "LiteLLM's own schema" in finding.what) == (Verdict.FAIL, True)
    assert "?schema=usage" in finding.remedy


def _at(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"database_url": url})


def _migrated_at(url: str, revision: str) -> None:
    engine = connect(url)
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = :revision"), {"revision": revision})
    engine.dispose()
