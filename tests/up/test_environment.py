from __future__ import annotations

import stat
from pathlib import Path

import pytest

from usage_plugin.env_file import load_env_file
from usage_plugin.errors import InputError
from usage_plugin.up import resolve_master_key


def test_a_key_is_generated_once_and_kept(tmp_path: Path) -> None:
    """The first start makes a key, the second one finds it; only its owner may read it."""
    env_file = tmp_path / ".env"
    name, key = resolve_master_key("os.environ/LITELLM_MASTER_KEY", {}, env_file)
    environment: dict[str, str] = {}
    load_env_file(env_file, environment)
    assert (name, environment[name]) == ("LITELLM_MASTER_KEY", key)
    assert resolve_master_key(None, environment, env_file) == (name, key)
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
    assert len(env_file.read_text().splitlines()) == 1


def test_each_installation_has_a_key_of_its_own(tmp_path: Path) -> None:
    """No two are alike, and LiteLLM's prefix is there."""
    keys = {resolve_master_key(None, {}, tmp_path / name)[1] for name in ("a", "b", "c")}
    assert len(keys) == 3
    assert all(key.startswith("sk-") and len(key) > 30 for key in keys)


def test_what_stands_in_the_file_is_kept(tmp_path: Path) -> None:
    """The key is added after a last line without an end."""
    env_file = tmp_path / ".env"
    env_file.write_text("OPENAI_API_KEY=abc")
    resolve_master_key(None, {}, env_file)
    environment: dict[str, str] = {}
    load_env_file(env_file, environment)
    assert environment["OPENAI_API_KEY"] == "abc"
    assert environment["LITELLM_MASTER_KEY"].startswith("sk-")


@pytest.mark.parametrize(
    ("written", "environment", "found"),
    [
        ("sk-in-the-config", {"LITELLM_MASTER_KEY": "sk-other"}, ("", "sk-in-the-config")),
        ("os.environ/MY_KEY", {"MY_KEY": "sk-mine"}, ("MY_KEY", "sk-mine")),
        (None, {"LITELLM_MASTER_KEY": "sk-set"}, ("LITELLM_MASTER_KEY", "sk-set")),
    ],
)
def test_a_key_that_is_set_is_used(
    tmp_path: Path, written: str | None, environment: dict[str, str], found: tuple[str, str]
) -> None:
    """In the config, in a variable that it names, or in LiteLLM's own; nothing is written then."""
    assert resolve_master_key(written, environment, tmp_path / ".env") == found
    assert not (tmp_path / ".env").exists()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """What a shell or a container sets is not overruled, and dollars in values are no variables."""
    (tmp_path / ".env").write_text("A=file\nB='pa$$word'\n# a comment\nC\n")
    environment = {"A": "shell"}
    load_env_file(tmp_path / ".env", environment)
    assert environment == {"A": "shell", "B": "pa$$word"}


def test_no_file_is_no_error(tmp_path: Path) -> None:
    """The first start has none."""
    environment: dict[str, str] = {}
    load_env_file(tmp_path / ".env", environment)
    assert environment == {}


def test_files_that_cannot_be_used_are_one_clear_line(tmp_path: Path) -> None:
    """Bytes that are no text, and a place that takes no file."""
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        load_env_file(tmp_path / ".env", {})
    with pytest.raises(InputError, match="Make the folder writable or set LITELLM_MASTER_KEY"):
        resolve_master_key(None, {}, Path("/proc/none/.env"))
