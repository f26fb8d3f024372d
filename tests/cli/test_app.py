from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import usage_plugin
from tests.cli.conftest import Cli
from usage_plugin.cli.app import TRACEBACK_VARIABLE, app

COMMANDS = [command.name for command in app.registered_commands]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example(cli: Cli, command: str) -> None:
    """The example is one that can be typed."""
    ran = cli(command, "--help")
    assert ran.code == 0
    assert f"usage-plugin {command}" in ran.out.split("Example:")[1]


def test_the_commands_are_those_of_the_contract() -> None:
    """Names stay as users know them."""
    assert COMMANDS == [
        "up",
        "migrate",
        "doctor",
        "demo",
        "import",
        "worker",
        "detect",
        "budgets",
        "forecast",
        "alerts",
        "verify",
        "prune",
        "backup",
    ]


def test_no_command_at_all_shows_the_help_and_is_used_wrongly(cli: Cli) -> None:
    """A script notices, a person reads what there is."""
    ran = cli()
    assert ran.code == 2
    assert all(command in ran.out for command in COMMANDS if command)


@pytest.mark.parametrize(
    ("arguments", "says", "see"),
    [
        (("nonsense",), "No such command 'nonsense'", "usage-plugin --help"),
        (("migrate", "--nonsense"), "No such option: --nonsense", "usage-plugin migrate --help"),
        (("up", "--proxy-port", "many"), "'--proxy-port'", "usage-plugin up --help"),
        (("up", "--proxy-port", "99999"), "'--proxy-port'", "usage-plugin up --help"),
        (("doctor", "surplus"), "surplus", "usage-plugin doctor --help"),
    ],
)
def test_wrong_use_is_one_line_and_code_two(cli: Cli, arguments: tuple[str, ...], says: str, see: str) -> None:
    """It names the value and where to read on."""
    ran = cli(*arguments)
    assert ran.code == 2
    assert says in ran.error_line
    assert ran.error_line.endswith(f"See: {see}")


def test_the_version_is_the_packages(cli: Cli) -> None:
    """For bug reports."""
    assert cli("--version").out == f"usage-plugin {usage_plugin.__version__}\n"


def test_a_bad_setting_is_one_line_and_code_one(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the setting and the remedy, not the password in it."""
    monkeypatch.setenv("USAGE_DATABASE_URL", "oracle://ada:secret@host/x")
    ran = cli("migrate")
    assert ran.code == 1
    assert "USAGE_DATABASE_URL" in ran.error_line
    assert "oracle is not supported" in ran.error_line
    assert "secret" not in ran.error_line


def test_an_error_that_nobody_thought_of_is_one_line_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says its type and how to see more; with that setting it is raised."""

    def fail(*_arguments: object) -> None:
        msg = "the moon\nis full"
        raise RuntimeError(msg)

    monkeypatch.setattr("usage_plugin.store.migrate.schema_state", fail)
    ran = cli("migrate")
    assert ran.code == 1
    assert ran.error_line == (
        "usage-plugin: unexpected RuntimeError: the moon is full. Set USAGE_TRACEBACK=1 to see where"
    )
    monkeypatch.setenv(TRACEBACK_VARIABLE, "1")
    with pytest.raises(RuntimeError, match="the moon"):
        cli("migrate")


def test_settings_may_stand_in_a_file_beside_the_config(cli: Cli, tmp_path: Path) -> None:
    """``.env`` of the working folder counts, the environment wins over it."""
    url = f"sqlite:///{tmp_path / 'from_file.db'}"
    Path(".env").write_text(f"USAGE_DATABASE_URL={url}\nUSAGE_DATA_DIR=/nowhere\n")
    assert url in cli("migrate").out


def test_help_is_fast_since_it_imports_neither_litellm_nor_dash() -> None:
    """A command imports what it runs, when it runs."""
    heavy = (
        "import sys, usage_plugin.cli; print([m for m in ('litellm', 'dash', 'scipy', 'alembic') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
