"""A set-up of ours that cannot work costs the proxy nothing: it serves, and its log says that usage is not recorded."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
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
SAYS_WITHIN_S = 30


@dataclass(frozen=True, slots=True)
class SetUp:
    """A proxy with a set-up of ours that cannot work; it can be ended early.

    Args:
        config: Of LiteLLM.
        folder: Where a file is in the way of the data folder.
        url: Of the proxy.
        end: Stops it.
    """

    config: Path
    folder: Path
    url: str
    end: Callable[[], None]


@pytest.fixture(scope="module")
def set_ups(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, SetUp]]:
    """Start a proxy with each of them; all at once, because an import of LiteLLM takes so long."""
    in_the_way = tmp_path_factory.mktemp("data") / "folder"
    in_the_way.write_text("a file is in the way")
    settings = {
        "setting": {"USAGE_DATABASE_URL": "oracle://scott:tiger@host/db"},
        "database": {"USAGE_DATABASE_URL": f"postgresql://u:tiger@127.0.0.1:{free_port()}/usage"},
        "folder": {"USAGE_DATA_DIR": str(in_the_way)},
    }
    with ExitStack() as stack, ThreadPoolExecutor(len(settings)) as pool:

        def start(name: str) -> SetUp:
            own = stack.enter_context(ExitStack())
            config = tmp_path_factory.mktemp(name) / "config.yaml"
            config.write_text(CONFIG)
            url = own.enter_context(litellm_process(config, **settings[name]))
            return SetUp(config, in_the_way, url, own.close)

        yield dict(zip(settings, pool.map(start, settings), strict=True))


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


def test_a_setting_that_cannot_work(set_ups: dict[str, SetUp]) -> None:
    """One line names the setting and the page about it, and never shows what may be a password."""
    proxy = set_ups["setting"]
    assert ask(proxy.url).status_code == 200
    (line,) = reasons(proxy.config)
    proxy.end()
    assert "USAGE_DATABASE_URL" in line
    told = doctor(proxy.config, USAGE_DATABASE_URL="")
    assert "docs/configuration.md" in line
    assert "records nothing" in told
    assert "USAGE_DATABASE_URL" in told
    assert "tiger" not in log_of(proxy.config).read_text(errors="replace")


def test_a_database_that_does_not_answer(set_ups: dict[str, SetUp]) -> None:
    """One line names the server and the reason; later failures do not flood the log."""
    proxy = set_ups["database"]
    assert [ask(proxy.url).status_code for _ in range(20)] == [200] * 20
    (line,) = reasons(proxy.config)
    proxy.end()
    assert "Connection refused" in line
    assert "tiger" not in log_of(proxy.config).read_text(errors="replace")


def test_a_data_folder_that_cannot_be_written(set_ups: dict[str, SetUp]) -> None:
    """One line names the folder; calls wait for it and are recorded when it can be written."""
    proxy = set_ups["folder"]
    assert ask(proxy.url).status_code == 200
    (line,) = reasons(proxy.config)
    folder = proxy.folder
    assert str(folder) in line
    folder.unlink()
    deadline = time.monotonic() + SAYS_WITHIN_S
    while "usage_is_recorded_again" not in log_of(proxy.config).read_text(errors="replace"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (folder / "usage.db").exists()
