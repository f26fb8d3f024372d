"""A proxy that is stopped or killed under load: what it served is recorded, once."""

from __future__ import annotations

import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from tests.proxy.process import environment_of, litellm_command
from tests.upstream.process import Upstream, free_port, wait_until_it_answers
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate

pytestmark = pytest.mark.proxy

KEY = "sk-stop-test-0123456789abcdef0123456789ab"
CALLS = 60
STOPS_WITHIN_S = 40


@pytest.fixture
def config(tmp_path: Path, upstream: Upstream) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(
        f"""
model_list:
  - model_name: chat
    litellm_params: {{model: openai/gpt-4o-mini, api_base: "{upstream.base_url}/openai/v1", api_key: sk-up}}
litellm_settings:
  callbacks: ["usage_plugin.proxy_handler_instance"]
general_settings: {{master_key: {KEY}}}
"""
    )
    return path


@pytest.fixture
def answered() -> list[int]:
    """Collect the statuses of answered calls."""
    return []


def start(config: Path, *flags: str) -> tuple[subprocess.Popen[bytes], str]:
    port = free_port()
    database = config.parent / "usage.db"
    engine = connect(f"sqlite:///{database}")
    migrate(engine)
    engine.dispose()
    environment = environment_of(config.parent) | {"USAGE_DATABASE_URL": f"sqlite:///{database}"}
    with config.with_name("proxy.log").open("ab") as output:
        process = subprocess.Popen(
            [*litellm_command(config, port), *flags],
            cwd=config.parent,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    wait_until_it_answers(f"{url}/health/liveliness", process, 120)
    return process, url


def call(url: str, number: int, answered: list[int]) -> None:
    body = {"model": "chat", "messages": [{"role": "user", "content": f"Number {number}"}], "stream": number % 2 == 0}
    try:
        response = httpx.post(
            f"{url}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {KEY}"}, timeout=30
        )
    except httpx.HTTPError:
        return
    answered.append(response.status_code)


def rows(config: Path) -> int:
    engine = connect(f"sqlite:///{config.parent / 'usage.db'}")
    with engine.connect() as connection:
        found: int = connection.execute(text("SELECT COUNT(*) FROM usage_record WHERE status = 'success'")).scalar_one()
    engine.dispose()
    return found


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
def test_a_stopped_proxy_has_recorded_all_that_it_served(
    config: Path, answered: list[int], stop: signal.Signals
) -> None:
    """Calls answered a moment before the signal are stored when the process is gone, without a next start."""
    process, url = start(config)
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda number: call(url, number, answered), range(CALLS)))
    process.send_signal(stop)
    process.wait(STOPS_WITHIN_S)
    assert answered == [200] * CALLS
    assert rows(config) == CALLS
    assert not list((config.parent / "data" / "spool").rglob("*.log"))


def test_a_killed_proxys_calls_are_recorded_by_the_next(config: Path, answered: list[int], upstream: Upstream) -> None:
    """What was reported before ``kill -9`` is stored by the next start; nothing is doubled."""
    process, url = start(config)
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda number: call(url, number, answered), range(CALLS)))
    process.kill()
    process.wait(10)
    following, _ = start(config)
    deadline = time.monotonic() + 30
    while rows(config) < CALLS - 12 and time.monotonic() < deadline:
        time.sleep(0.2)
    following.send_signal(signal.SIGTERM)
    following.wait(STOPS_WITHIN_S)
    # Up to the calls that LiteLLM had not reported yet when it was killed.
    assert CALLS - 12 <= rows(config) <= CALLS
