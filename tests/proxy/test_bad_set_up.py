"""A set-up of ours that cannot work costs the proxy nothing: it serves, and its log says that usage is not recorded."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.proxy.process import environment_of, litellm_process, log_of
from tests.upstream.process import free_port

KEY = "sk-set-up-test-0123456789abcdef0123456789"
CONFIG = f"""
model_list:
  - model_name: answers
    litellm_params: {{model: openai/gpt-4o-mini, api_key: none, mock_response: "Hello"}}
litellm_settings:
  callbacks: ["usage_plugin.proxy_handler_instance"]
general_settings: {{master_key: {KEY}}}
"""
SAYS_WITHIN_S = 15


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return path


def ask(url: str) -> httpx.Response:
    body = {"model": "answers", "messages": [{"role": "user", "content": "Hello"}]}
    return httpx.post(f"{url}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {KEY}"}, timeout=30)


def reasons(config: Path) -> list[str]:
    """Wait for the lines of the proxy's log that say so."""
    deadline = time.monotonic() + SAYS_WITHIN_S
    while time.monotonic() < deadline:
        lines = log_of(config).read_text(errors="replace").splitlines()
        if said := [line for line in lines if "usage_is_not_recorded" in line]:
            return said
        time.sleep(0.1)
    return []


def doctor(config: Path, **settings: str) -> str:
    """Ask the doctor with the proxy's own data folder, as somebody with working settings would."""
    command = [str(Path(sys.executable).with_name("usage-plugin")), "doctor", "--config", str(config)]
    environment = environment_of(config.parent) | settings
    done = subprocess.run(command, env=environment, cwd=config.parent, capture_output=True, text=True, check=False)
    return done.stdout


def test_a_setting_that_cannot_work(config: Path) -> None:
    """One line names the setting and the page about it, and never shows what may be a password."""
    with litellm_process(config, USAGE_DATABASE_URL="oracle://scott:tiger@host/db") as url:
        assert ask(url).status_code == 200
        (line,) = reasons(config)
    assert "USAGE_DATABASE_URL" in line
    told = doctor(config, USAGE_DATABASE_URL="")
    assert "docs/configuration.md" in line
    assert "records nothing" in told
    assert "USAGE_DATABASE_URL" in told
    assert "tiger" not in log_of(config).read_text(errors="replace")


def test_a_database_that_does_not_answer(config: Path) -> None:
    """One line names the server and the reason; later failures do not flood the log."""
    with litellm_process(config, USAGE_DATABASE_URL=f"postgresql://u:tiger@127.0.0.1:{free_port()}/usage") as url:
        assert [ask(url).status_code for _ in range(20)] == [200] * 20
        (line,) = reasons(config)
    assert "Connection refused" in line
    assert "tiger" not in log_of(config).read_text(errors="replace")


def test_a_data_folder_that_cannot_be_written(config: Path) -> None:
    """One line names the folder; calls wait for it and are recorded when it can be written."""
    folder = config.parent / "folder"
    folder.write_text("a file is in the way")
    with litellm_process(config, USAGE_DATA_DIR=str(folder)) as url:
        assert ask(url).status_code == 200
        (line,) = reasons(config)
        assert str(folder) in line
        folder.unlink()
        deadline = time.monotonic() + SAYS_WITHIN_S
        while "usage_is_recorded_again" not in log_of(config).read_text(errors="replace"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert (folder / "usage.db").exists()
