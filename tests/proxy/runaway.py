"""A runaway loop through a running proxy, with the worker beside it, in; the message that a webhook got, and when, out.

``python -m tests.proxy.runaway`` runs it at twenty times the usual rate and prints what was told and how soon.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.alerts.receiving import Webhook, webhook
from tests.proxy.clients import CALL_ID, chat
from tests.proxy.config import write_config
from tests.proxy.process import Proxy, environment_of, running
from tests.proxy.rows import the_row
from tests.upstream.ask import marker
from tests.upstream.process import Upstream
from tests.upstream.process import running as running_upstream
from usage_plugin.store.tables import UsageRecord
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

MODEL = "negotiated"
SIZE = marker(prompt=20_000, cached=0, completion=1000, reasoning=0)
USUAL_PER_MINUTE = 2.0
HISTORY = timedelta(hours=52)
RUN_WORKER = "import sys; from usage_plugin.cli import main; sys.argv[1:] = ['worker']; main()"
SPEED = 20.0
SAME = (
    "organization_id", "team_id", "team_alias", "user_id", "api_key_hash", "api_key_alias",
    "provider", "model", "model_group", "call_type", "route",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """What a webhook got, and how long after the loop began."""

    body: dict[str, Any]
    after_s: float
    calls: int


def write_history(proxy: Proxy, call: UsageRecord, until: datetime) -> None:
    """Let the caller of a real call have made such calls for two days, at its usual rate."""
    step = timedelta(minutes=1) / USUAL_PER_MINUTE
    same = {name: getattr(call, name) for name in SAME}
    moments = [until - HISTORY + number * step for number in range(int(HISTORY / step))]
    write_events(proxy.engine, [make_event(completed_at=at, cost_usd=str(call.cost_usd), **same) for at in moments])


@contextmanager
def worker(proxy: Proxy, folder: Path, hook: Webhook) -> Iterator[Path]:
    """Run the worker as a user does; gives its log."""
    url = proxy.engine.url.render_as_string(hide_password=False)
    settings = {"USAGE_DATABASE_URL": url, "USAGE_ALERT_URLS": hook.url}
    log = folder / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN_WORKER], env=environment_of(folder) | settings, stdout=output, stderr=output
        )
        try:
            yield log
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


@contextmanager
def loop(proxy: Proxy, per_minute: float) -> Iterator[list[float]]:
    """Call the proxy at a rate, as an agent does that never ends; gives the times of its calls."""
    stop, begun = threading.Event(), list[float]()

    def run(pool: ThreadPoolExecutor) -> None:
        begin = time.monotonic()
        while not stop.is_set():
            begun.append(time.monotonic())
            pool.submit(chat, proxy, MODEL, SIZE)
            stop.wait(max(begin + len(begun) * 60 / per_minute - time.monotonic(), 0))

    with ThreadPoolExecutor(8) as pool:
        thread = threading.Thread(target=run, args=(pool,))
        thread.start()
        try:
            yield begun
        finally:
            stop.set()
            thread.join()


def run_away(proxy: Proxy, folder: Path, speed: float, *, at_second: int | None = None, give_up_s: float = 240) -> Told:
    """Give a caller a history, let it loop, and wait for the message.

    Args:
        proxy: That runs.
        folder: For the worker's files.
        speed: Times the usual rate.
        at_second: Of a minute at which the loop begins; ``None`` for now.
        give_up_s: Seconds to wait.
    """
    call = the_row(proxy.engine, chat(proxy, MODEL, SIZE).headers[CALL_ID])
    write_history(proxy, call, datetime.now(UTC))
    with webhook() as hook, worker(proxy, folder, hook) as log:
        while b"worker_ready" not in log.read_bytes() or (at_second is not None and time.time() % 60 // 1 != at_second):
            time.sleep(0.1)
        assert hook.bodies == []
        begin = time.monotonic()
        with loop(proxy, USUAL_PER_MINUTE * speed) as begun:
            while not hook.bodies:
                assert time.monotonic() - begin < give_up_s, log.read_text()
                time.sleep(0.1)
        return Told(hook.bodies[0], time.monotonic() - begin, len(begun))


def play(folder: Path, upstream: Upstream, speed: float) -> Told:
    """Do it on a proxy and a SQLite database of its own."""
    with running(write_config(folder, upstream.base_url), f"sqlite:///{folder / 'usage.db'}", upstream) as proxy:
        return run_away(proxy, folder, speed)


def main() -> None:
    """Run the loop at its true speed."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    with tempfile.TemporaryDirectory() as folder, running_upstream() as upstream:
        told = play(Path(folder), upstream, SPEED)
    print(
        f"{SPEED:.0f} times {USUAL_PER_MINUTE:g} calls a minute: told after {told.after_s:.0f} s and {told.calls} calls"
    )
    print(told.body["title"])
    print(told.body["body"])


if __name__ == "__main__":
    main()
