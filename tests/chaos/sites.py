"""A way to start LiteLLM in; a site that can be killed, choked and restarted while clients call it, out."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.proxy.process import STARTS_WITHIN_S, environment_of, litellm_command
from tests.proxy.stopping import STOPS_WITHIN_S, write_plain_config
from tests.upstream.process import Upstream, free_port

# Uvicorn and gunicorn start workers differently: gunicorn's fork from a process that has imported LiteLLM already.
LAYOUTS: dict[str, tuple[str, ...]] = {
    "gunicorn": ("--run_gunicorn", "--num_workers", "3"),
    "uvicorn": (),
}
SMALL_ENOUGH_TO_FAIL = 1


@dataclass(slots=True)
class Site:
    """A LiteLLM proxy with its workers, on a port that stays the same through all its lives.

    Args:
        name: One of LAYOUTS.
        folder: Of its config and its log.
        upstream: The stand-in providers.
        settings: Environment of its processes: where to store and to spool, shared by all sites.
    """

    name: str
    folder: Path
    upstream: Upstream
    settings: dict[str, str]
    port: int = field(default_factory=free_port)
    kills: list[float] = field(default_factory=list)
    _process: subprocess.Popen[bytes] | None = None
    _up: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Where clients call it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_up(self) -> bool:
        """Whether it has answered since its last start."""
        return self._up.is_set()

    def start(self) -> None:
        """Start it, and wait for its first answer in the background."""
        self._up.clear()
        self.folder.mkdir(exist_ok=True)
        config = write_plain_config(self.folder, self.upstream.base_url)
        command = [*litellm_command(config, self.port), *LAYOUTS[self.name]]
        environment = environment_of(self.folder) | self.settings
        with (self.folder / "proxy.log").open("ab") as log:
            # Its output goes through a pipe: a limit on the size of files shall meet ours, not LiteLLM's prints.
            pipe = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=log)
        self._process = subprocess.Popen(
            command, cwd=self.folder, env=environment, stdout=pipe.stdin, stderr=pipe.stdin, start_new_session=True
        )
        assert pipe.stdin is not None
        pipe.stdin.close()
        threading.Thread(target=self._wait_until_up, args=(self._process,), daemon=True).start()

    def wait_until_up(self) -> None:
        """Wait for its first answer.

        Raises:
            AssertionError: None came.
        """
        assert self._up.wait(STARTS_WITHIN_S), f"{self.name} does not answer; see {self.folder}/proxy.log"

    def kill_something(self, rng: random.Random) -> str:
        """``kill -9`` a worker, or now and then all of it; what has no workers starts again. Says what was killed."""
        workers = self._workers()
        if workers and rng.random() < 0.85:
            self._note_kill()
            os.kill(rng.choice(workers), signal.SIGKILL)
            return f"a worker of {self.name}"
        self.kill()
        self.start()
        return f"all of {self.name}"

    def kill(self) -> None:
        """``kill -9`` all of it."""
        assert self._process is not None
        self._up.clear()
        self._note_kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)

    def stop(self) -> None:
        """Stop it as an orchestrator does."""
        assert self._process is not None
        self._up.clear()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(STOPS_WITHIN_S)

    def limit_files(self, largest: int) -> None:
        """Let its processes write files up to this size; the smallest stands for a full disk."""
        for pid in self._processes():
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))

    def _note_kill(self) -> None:
        self.kills.append(time.monotonic())

    def _processes(self) -> list[int]:
        assert self._process is not None
        return [self._process.pid, *self._workers()]

    def _workers(self) -> list[int]:
        assert self._process is not None
        pid = self._process.pid
        with contextlib.suppress(OSError):
            return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return []

    def _wait_until_up(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{self.url}/health/liveliness", timeout=5)
                self._up.set()
                return
            time.sleep(0.2)
