from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.up.conftest import MakeService
from usage_plugin.errors import InputError
from usage_plugin.up.children import Child, ChildFailed, last_lines, start_child, stop_all, wait_until_answering
from usage_plugin.up.service import Service

STUBBORN = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.fixture
def started() -> Iterator[list[Child]]:
    """Children that are ended whatever the test does."""
    children: list[Child] = []
    yield children
    stop_all(children, patience_s=0)


def test_a_service_is_waited_for_and_stopped(make_service: MakeService, started: list[Child]) -> None:
    """It answers, and after the stop it is gone."""
    started.append(start_child(make_service(), os.environ))
    wait_until_answering(started, patience_s=20)
    stop_all(started)
    assert started[0].process.returncode is not None
    assert not started[0].answers()


def test_a_service_that_ends_is_reported_with_its_code_and_log(make_service: MakeService, started: list[Child]) -> None:
    """The wait is over at once, and the log says why."""
    service = make_service("import sys; print('no such table'); sys.exit(3)")
    started.append(start_child(service, os.environ))
    with pytest.raises(ChildFailed, match="the dashboard ended by itself with exit code 3") as failure:
        wait_until_answering(started, patience_s=20)
    assert failure.value.log_path == service.log
    assert last_lines(service.log) == ["no such table"]


def test_a_service_that_never_answers_is_given_up(make_service: MakeService, started: list[Child]) -> None:
    """After the time that was granted, not later."""
    started.append(start_child(make_service("import time; time.sleep(60)"), os.environ))
    begin = time.monotonic()
    with pytest.raises(ChildFailed, match=r"the dashboard did not answer within 0\.5 s"):
        wait_until_answering(started, patience_s=0.5)
    assert time.monotonic() - begin < 30


def test_a_service_that_does_not_listen_to_a_stop_is_ended(make_service: MakeService, started: list[Child]) -> None:
    """A stop has an end."""
    service = make_service(STUBBORN)
    started.append(start_child(service, os.environ))
    _wait_for(lambda: service.log.read_text() == "up\n")
    stop_all(started, patience_s=0.3)
    assert started[0].process.returncode == -9


def test_the_log_of_the_last_run_is_kept(make_service: MakeService, started: list[Child]) -> None:
    """A new run starts a new log beside the old one."""
    service = make_service("print('first')")
    for _ in range(2):
        child = start_child(service, os.environ)
        started.append(child)
        child.process.wait(timeout=20)
    assert service.log.read_text() == "first\n"
    assert service.log.with_suffix(".previous.log").read_text() == "first\n"


def test_a_log_that_cannot_be_written_is_one_clear_line(make_service: MakeService, tmp_path: Path) -> None:
    """Nothing is started then."""
    (tmp_path / "logs").write_text("a file where the folder should be")
    with pytest.raises(InputError, match="the dashboard cannot be started"):
        start_child(make_service(), os.environ)


@pytest.mark.parametrize(
    ("host", "url"), [("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80"), ("a.b", "http://a.b:80")]
)
def test_a_service_on_all_addresses_is_called_on_this_machine(host: str, url: str) -> None:
    """The URL that is printed is one that a browser can open."""
    service = Service(name="proxy", command=(), host=host, port=80, health_path="/", log=Path("x"))
    assert service.url == url


def _wait_for(condition: object, seconds: float = 20) -> None:
    assert callable(condition)
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, "it never happened"
        time.sleep(0.02)
