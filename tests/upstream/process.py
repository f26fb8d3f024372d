"""Nothing in; the stand-in providers as a running process, its base URL and its log, out."""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
# One for all questions: a client of its own costs each of them 28 ms of CPU, and answers are asked for in loops.
_CLIENT = httpx.Client(timeout=5, limits=httpx.Limits(max_keepalive_connections=0), trust_env=False)


@dataclass(frozen=True, slots=True)
class Upstream:
    """A running stand-in."""

    base_url: str

    def calls(self, mark: str = "") -> list[dict[str, Any]]:
        """Ask what was served, all or under one mark."""
        served: list[dict[str, Any]] = _CLIENT.get(f"{self.base_url}/__log", params={"mark": mark}).json()
        return served


def free_port() -> int:
    """Find a port that nobody listens on, below those that the system gives to clients: theirs come and go."""
    while True:
        port = random.randint(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def running() -> Iterator[Upstream]:
    """Start the stand-in, wait until it answers, and stop it at the end."""
    port = free_port()
    arguments = ["tests.upstream.app:app", "--port", str(port), "--log-level", "critical"]
    process = subprocess.Popen([sys.executable, "-m", "uvicorn", *arguments], cwd=ROOT, stderr=subprocess.PIPE)
    upstream = Upstream(f"http://127.0.0.1:{port}")
    try:
        wait_until_it_answers(f"{upstream.base_url}/__log", process, timeout_s=30)
        yield upstream
    finally:
        process.kill()
        process.communicate()


def wait_until_it_answers(url: str, process: subprocess.Popen[bytes], timeout_s: float) -> None:
    """Wait for any HTTP answer.

    Raises:
        RuntimeError: The process ended, or was silent for too long.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"process ended with {process.returncode} before it answered at {url}")
        try:
            _CLIENT.get(url)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"no answer at {url} after {timeout_s} s")
