from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import Session, select

from tests.up.conftest import free_port
from usage_plugin.store.database import connect
from usage_plugin.store.tables import UsageRecord

pytestmark = pytest.mark.proxy
COMMAND = str(Path(sys.executable).with_name("usage-plugin"))
REPOSITORY = Path(__file__).parents[2]
START_S = 150
ROW_S = 15


@dataclass
class Up:
    """A running ``usage-plugin up`` in a folder of its own."""

    process: subprocess.Popen[str]
    folder: Path
    environment: dict[str, str]
    output: Path
    proxy_port: int
    dashboard_port: int

    @property
    def printed_call(self) -> str:
        """The curl line, as printed."""
        return next(line for line in self.output.read_text().splitlines() if line.startswith("curl "))

    @property
    def key(self) -> str:
        """The master key that was generated."""
        return (self.folder / ".env").read_text().strip().partition("=")[2]

    def call(self, model: str, **body: Any) -> httpx.Response:
        """Make a chat call."""
        message = {"role": "user", "content": f"Hello {model} {time.time()}"}
        return httpx.post(
            f"http://127.0.0.1:{self.proxy_port}/v1/chat/completions",
            headers={"Authorization": f"Bearer {self.key}"},
            json={"model": model, "messages": [message]} | body,
            timeout=30,
        )

    def row(self, **wanted: object) -> UsageRecord:
        """Wait for the newest row with these values."""
        engine = connect(f"sqlite:///{self.folder / 'data' / 'usage.db'}")

        def find() -> UsageRecord | None:
            with Session(engine) as session:
                records = session.exec(select(UsageRecord)).all()
            matching = (row for row in reversed(records) if all(getattr(row, k) == v for k, v in wanted.items()))
            return next(matching, None)

        found: UsageRecord = wait_for(find, ROW_S)
        return found


def wait_for(condition: Callable[[], Any], seconds: float) -> Any:
    """Ask until there is an answer, for a bounded time."""
    give_up_at = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < give_up_at, "it never happened"
        time.sleep(0.1)
    return answer


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Start everything as a stranger would: the shipped config, no provider key, no database."""
    folder = tmp_path_factory.mktemp("up")
    shutil.copy(REPOSITORY / "litellm_config.yaml", folder)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("USAGE_") and not k.endswith("_API_KEY")}
    environment |= {"USAGE_DATA_DIR": str(folder / "data"), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    ports = free_port(), free_port()
    output = folder / "output.txt"
    arguments = [COMMAND, "up", "--proxy-port", str(ports[0]), "--dashboard-port", str(ports[1])]
    with output.open("w") as file:
        process = subprocess.Popen(
            arguments, cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT, text=True
        )
    running = Up(process, folder, environment, output, *ports)
    try:
        wait_for(lambda: "Ctrl-C" in output.read_text() or process.poll() is not None, START_S)
        assert process.poll() is None, output.read_text()
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_printed_call_gives_a_row(up: Up) -> None:
    """Pasted into a shell it answers, and within seconds its cost is known: 10 x 0.15 + 20 x 0.60 per million."""
    answer = subprocess.run(["sh", "-c", up.printed_call], capture_output=True, text=True, check=True, timeout=60)
    assert "Hello from a demo model" in answer.stdout
    row = up.row(model_group="demo-gpt", status="success")
    assert row.cost_usd == Decimal("0.0000135")
    assert (row.provider, row.model, row.cost_confidence) == ("openai", "gpt-4o-mini", "exact")
    assert (row.prompt_tokens, row.completion_tokens) == (10, 20)


@pytest.mark.parametrize(
    ("model", "provider", "cost_usd"),
    [("demo-claude", "anthropic", "0.00011"), ("demo-gemini", "gemini", "0.000053")],
)
def test_demo_models_of_other_providers_answer_and_are_priced(up: Up, model: str, provider: str, cost_usd: str) -> None:
    """10 tokens in and 20 out, at the price of the model behind the name."""
    assert up.call(model).status_code == 200
    row = up.row(model_group=model)
    assert row.provider == provider
    assert row.cost_usd == Decimal(cost_usd)


def test_the_slow_demo_model_takes_three_seconds(up: Up) -> None:
    """And its latency says so."""
    assert up.call("demo-slow").status_code == 200
    latency_ms = up.row(model_group="demo-slow").latency_ms
    assert latency_ms is not None
    assert 3000 < latency_ms < 60_000


def test_the_failing_demo_model_is_answered_by_another_provider(up: Up) -> None:
    """One row for one request: what was asked for, and who answered."""
    assert up.call("demo-failover").status_code == 200
    row = up.row(requested_model="demo-failover")
    assert (row.provider, row.model_group, row.status, row.fallbacks) == ("anthropic", "demo-claude", "success", 1)


def test_a_demo_model_streams(up: Up) -> None:
    """Pieces arrive, and the row knows the time to the first one."""
    pieces = up.call("demo-gemini", stream=True).text.split("data: ")
    assert len(pieces) > 3
    row = up.row(model_group="demo-gemini", stream=True)
    assert row.ttft_ms is not None


def test_an_identical_call_comes_from_the_cache(up: Up) -> None:
    """It costs nothing, and what it saved is known."""
    same = {"messages": [{"role": "user", "content": "The same words"}]}
    for _ in range(2):
        assert up.call("demo-gpt", **same).status_code == 200
    row = up.row(cache_hit=True)
    assert (row.cost_nano_usd, row.cost_confidence, row.saved_cost_nano_usd) == (0, "cached", 13_500)


def test_a_client_cannot_hide_its_call(up: Up) -> None:
    """``no-log`` in a request does not keep it out of the books."""
    assert up.call("demo-claude", **{"no-log": True, "user": "hider"}).status_code == 200
    assert up.row(end_user_id="hider").cost_usd == Decimal("0.00011")


def test_the_limited_demo_model_says_no_after_ten(up: Up) -> None:
    """A rate limit of the config answers 429, and the refusal is a row."""
    codes = [up.call("demo-limited").status_code for _ in range(12)]
    assert codes[:10] == [200] * 10
    assert codes[-1] == 429
    assert up.row(requested_model="demo-limited", error_code="429").cost_nano_usd == 0


def test_a_model_without_its_key_fails_and_is_counted(up: Up) -> None:
    """No provider key is needed to start; a call that needs one is a failure, not a crash."""
    assert up.call("openai/gpt-4o-mini").status_code >= 400
    assert up.row(requested_model="openai/gpt-4o-mini").status in {"failure", "rejected"}


def test_the_dashboard_answers(up: Up) -> None:
    """On the port that was printed."""
    assert f"http://127.0.0.1:{up.dashboard_port}" in up.output.read_text()
    assert httpx.get(f"http://127.0.0.1:{up.dashboard_port}/").status_code == 200


def test_doctor_finds_nothing_wrong(up: Up) -> None:
    """The whole way works, seen from another process."""
    up.call("demo-gpt")
    up.row(model_group="demo-gpt")
    ran = subprocess.run(
        [COMMAND, "doctor"], cwd=up.folder, env=up.environment, capture_output=True, text=True, check=False
    )
    assert "Nothing is wrong." in ran.stdout, ran.stdout
    assert ran.returncode == 0
    assert "  Worker     adds up" in up.output.read_text()
    assert "worker_ready" in (up.folder / "data" / "logs" / "worker.log").read_text()


def test_a_second_start_on_the_same_port_says_so(up: Up) -> None:
    """One line before anything is started; the first one runs on."""
    ran = subprocess.run(
        [COMMAND, "up", "--proxy-port", str(up.proxy_port)],
        cwd=up.folder,
        env=up.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert len(ran.stderr.splitlines()) == 1
    assert f"port {up.proxy_port}" in ran.stderr
    assert up.process.poll() is None


def test_a_stop_ends_everything(up: Up) -> None:
    """After Ctrl-C both ports are free again, no call is waiting, and the exit code is 0."""
    assert up.call("demo-gpt", user="the last one").status_code == 200
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(timeout=60) == 0
    for port in (up.proxy_port, up.dashboard_port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
    assert up.row(end_user_id="the last one")
    assert "Traceback" not in up.output.read_text()
    assert "worker_stopped" in (up.folder / "data" / "logs" / "worker.log").read_text()
