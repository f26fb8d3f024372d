"""A command in, a supervised child process out: own log file, a sign of life to wait for, and a bounded stop."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from usage_plugin.errors import InputError, UsagePluginError
from usage_plugin.up.service import Service

PATIENCE_S = 15.0
_LOG_LINES_SHOWN = 15
_POLL_S = 0.2


class ChildFailed(UsagePluginError):  # noqa: N818 - says what happened, as in httpx
    """A child process ended by itself or did not answer in time; *log_path* is where it said why."""

    def __init__(self, problem: str, log_path: Path) -> None:
        super().__init__(problem, f"Its log: {log_path}")
        self.log_path = log_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A running process of ours."""

    service: Service
    process: subprocess.Popen[bytes]

    def ensure_running(self) -> None:
        """Return while the process lives.

        Raises:
            ChildFailed: It has ended.
        """
        code = self.process.poll()
        if code is not None:
            raise ChildFailed(f"the {self.service.name} ended by itself with exit code {code}", self.service.log)

    def answers(self) -> bool:
        """Ask for a sign of life; a direct connection, whatever HTTP proxy the environment names."""
        if not self.service.listens:
            return self.process.poll() is None
        connection = http.client.HTTPConnection(self.service.reachable_host, self.service.port, timeout=5)
        try:
            connection.request("GET", self.service.health_path)
            return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def last_lines(log_path: Path) -> list[str]:
    """Give the end of a log, for a reader who has to find out why a process failed."""
    text = log_path.read_text(encoding="utf-8", errors="replace")
    return [line for line in text.splitlines() if line.strip()][-_LOG_LINES_SHOWN:]


def start_child(service: Service, environment: Mapping[str, str]) -> Child:
    """Start a service in a session of its own, so that a Ctrl-C reaches it only as an orderly stop.

    Raises:
        InputError: The log file cannot be written.
    """
    try:
        service.log.parent.mkdir(parents=True, exist_ok=True)
        if service.log.exists():
            service.log.replace(service.log.with_suffix(".previous.log"))
        with service.log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own commands, no shell
                service.command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        raise InputError(f"the {service.name} cannot be started: {error}", "Check the path and its rights") from None
    return Child(service=service, process=process)


def wait_until_answering(children: Sequence[Child], patience_s: float) -> None:
    """Return as soon as all answer.

    Raises:
        ChildFailed: One ended, or did not answer within *patience_s* seconds.
    """
    waiting = list(children)
    give_up_at = time.monotonic() + patience_s
    while waiting:
        for child in waiting:
            child.ensure_running()
        waiting = [child for child in waiting if not child.answers()]
        if waiting and time.monotonic() > give_up_at:
            names = " and the ".join(child.service.name for child in waiting)
            raise ChildFailed(f"the {names} did not answer within {patience_s:g} s", waiting[0].service.log)
        if waiting:
            time.sleep(_POLL_S)


def stop_all(children: Sequence[Child], patience_s: float = PATIENCE_S) -> None:
    """Ask all to stop, wait a bounded time, then end what is left.

    By SIGINT: after a SIGTERM uvicorn ends the process without running ``atexit``, where usage in memory is written.
    """
    for child in children:
        if child.process.poll() is None:
            child.process.send_signal(signal.SIGINT)
    give_up_at = time.monotonic() + patience_s
    for child in children:
        try:
            child.process.wait(timeout=max(0.1, give_up_at - time.monotonic()))
        except subprocess.TimeoutExpired:
            _kill_group(child)
            child.process.wait()


def _kill_group(child: Child) -> None:
    """Reach the workers of a child too; it leads a process group, since it has a session of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.process.pid, signal.SIGKILL)
