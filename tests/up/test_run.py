from __future__ import annotations

import os
import signal
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import inspect

from tests.up.conftest import SERVE, MakeService
from tests.up.test_plan import plan_of
from usage_plugin.errors import StoreUnavailable
from usage_plugin.store.database import connect
from usage_plugin.up import ChildFailed, Plan, run

DIES_SOON = SERVE.replace("import http.server, sys", "import http.server, sys, threading, os").replace(
    "http.server.HTTPServer",
    "threading.Timer(1, lambda: (print('out of memory', flush=True), os._exit(7))).start()\nhttp.server.HTTPServer",
)


def stand_ins(folder: Path, make_service: MakeService, *codes: str) -> Plan:
    """Plan a start of small services instead of the real ones."""
    services = tuple(make_service(code, name) for code, name in zip(codes, ("LiteLLM proxy", "dashboard"), strict=True))
    return replace(
        plan_of(folder, database_url=f"sqlite:///{folder / 'usage.db'}"), services=services, environment=os.environ
    )


def test_when_one_dies_the_other_is_stopped_and_the_reason_is_shown(tmp_path: Path, make_service: MakeService) -> None:
    """Which one, its exit code, and the end of its log."""
    plan = stand_ins(tmp_path, make_service, SERVE, DIES_SOON)
    said: list[str] = []
    with pytest.raises(ChildFailed, match="the dashboard ended by itself with exit code 7"):
        run(plan, said.append)
    assert "  | out of memory" in said
    assert f"  Proxy      {plan.services[0].url}" in said
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", plan.services[0].port), timeout=5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_in_order(tmp_path: Path, make_service: MakeService, number: signal.Signals) -> None:
    """Ctrl-C, a container's stop and a closed terminal end the run without an error."""
    plan = stand_ins(tmp_path, make_service, SERVE, SERVE)
    said: list[str] = []
    ended = threading.Event()

    def interrupt() -> None:
        give_up_at = time.monotonic() + 20
        while "\nCtrl-C stops everything." not in said and time.monotonic() < give_up_at:
            if ended.wait(0.05):
                return
        os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        run(plan, said.append)
    finally:
        ended.set()
        thread.join()
    assert said[-1] == f"Stopping on {number.name} ..."
    assert signal.getsignal(number) is before
    assert inspect(connect(plan.settings.url)).has_table("usage_record")


def test_a_database_that_does_not_answer_starts_nothing(tmp_path: Path, make_service: MakeService) -> None:
    """The error is the store's own; no log file was opened."""
    plan = stand_ins(tmp_path, make_service, SERVE, SERVE)
    settings = plan.settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:9/none"})
    with pytest.raises(StoreUnavailable):
        run(replace(plan, settings=settings), lambda _line: None)
    assert not plan.services[0].log.exists()


def test_a_config_without_the_callback_is_started_with_a_warning(tmp_path: Path, make_service: MakeService) -> None:
    """Nothing would be recorded, and that is said."""
    plan = stand_ins(tmp_path, make_service, SERVE, "import sys; sys.exit(1)")
    said: list[str] = []
    with pytest.raises(ChildFailed):
        run(plan, said.append)
    assert any("does not name the callback" in line for line in said)
