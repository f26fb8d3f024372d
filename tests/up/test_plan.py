from __future__ import annotations

import json
import shlex
import socket
import subprocess
from pathlib import Path

import pytest

from tests.up.conftest import free_port
from usage_plugin.errors import InputError
from usage_plugin.proxy_config import read_proxy_config
from usage_plugin.settings import Settings
from usage_plugin.up import Plan, make_plan

CONFIG = """
model_list:
  - {model_name: openai/*, litellm_params: {model: openai/*}}
  - {model_name: gpt-4o, litellm_params: {model: openai/gpt-4o}}
  - {model_name: demo-gpt, litellm_params: {model: openai/gpt-4o-mini, mock_response: hi}}
general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}
callback_settings: {usage_plugin: {flush_every_s: 0.1}}
"""


def plan_of(folder: Path, config: str = CONFIG, **settings: object) -> Plan:
    """Plan a start in *folder* with free ports."""
    path = folder / "litellm_config.yaml"
    path.write_text(config)
    ports = {"proxy_port": free_port(), "dashboard_port": free_port(), "data_dir": folder}
    return make_plan(Settings(**(ports | settings)), read_proxy_config(path, {}), {}, folder / ".env")  # type: ignore[arg-type]


def test_the_printed_call_is_one_that_a_shell_understands(tmp_path: Path) -> None:
    """Run by a shell with its curl replaced by echo, its body is JSON with the time in it, for a model that exists."""
    plan = plan_of(tmp_path)
    assert plan.first_call is not None
    assert "\n" not in plan.first_call
    shown = 'show() { for part in "$@"; do printf \'%s\\n\' "$part"; done; }; '
    script = shown + plan.first_call.replace("curl", "show", 1)
    parts = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()
    body = json.loads(parts[parts.index("-d") + 1])
    assert body["model"] == "demo-gpt"
    assert "$" not in body["messages"][0]["content"]
    assert body["messages"][0]["content"].count(":") == 2
    assert f"Authorization: Bearer {plan.master_key}" in parts
    assert plan.services[0].url + "/v1/chat/completions" in parts


@pytest.mark.parametrize(
    ("models", "tried"),
    [
        ("[{model_name: openai/*}, {model_name: gpt-4o}]", "gpt-4o"),
        ("[{model_name: openai/*}]", None),
        ("[{model_name: gpt-4o}, {model_name: demo-x}]", "demo-x"),
        ("nonsense", None),
    ],
)
def test_the_call_goes_to_a_model_with_a_name(tmp_path: Path, models: str, tried: str | None) -> None:
    """A demo model, else the first that is no wildcard; no line where there is none."""
    call = plan_of(tmp_path, f"model_list: {models}").first_call
    assert (call is None) == (tried is None)
    assert tried is None or f'\\"{tried}\\"' in str(call)


def test_both_processes_get_the_same_database(tmp_path: Path) -> None:
    """Said in so many words, so that a setting in the LiteLLM config holds for the dashboard too."""
    plan = plan_of(tmp_path, database_url=f"sqlite:///{tmp_path / 'mine.db'}", timezone="Asia/Kolkata")
    assert plan.environment["USAGE_DATABASE_URL"] == f"sqlite:///{tmp_path / 'mine.db'}"
    assert plan.environment["USAGE_TIMEZONE"] == "Asia/Kolkata"
    assert plan.environment["LITELLM_MASTER_KEY"] == plan.master_key
    assert str(plan.services[0].port) in shlex.join(plan.services[0].command)


def test_a_port_that_is_taken_is_said_before_anything_starts(tmp_path: Path) -> None:
    """Which port, for what, and how to choose another one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} on 127.0.0.1 for the LiteLLM proxy is taken") as error:
            plan_of(tmp_path, proxy_port=port)
        assert "PROXY_PORT" in error.value.remedy
        with pytest.raises(InputError, match=f"port {port} on 127.0.0.1 for the dashboard is taken"):
            plan_of(tmp_path, dashboard_port=port)


def test_a_host_of_another_machine_is_refused(tmp_path: Path) -> None:
    """It cannot be listened on."""
    with pytest.raises(InputError, match=r"port \d+ on 192.0.2.1 for the LiteLLM proxy cannot be used"):
        plan_of(tmp_path, proxy_host="192.0.2.1")


def test_secrets_do_not_show_when_a_plan_is_printed(tmp_path: Path) -> None:
    """Neither the key nor the environment is part of its text."""
    plan = plan_of(tmp_path)
    assert plan.master_key not in repr(plan)
