"""A config and a database in; a running LiteLLM proxy, its URL and its end, out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from tests.upstream.process import ROOT, Upstream, free_port, wait_until_it_answers
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate

STARTS_WITHIN_S = 180


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy, the database that it records to, and the stand-in behind it."""

    url: str
    engine: Engine
    upstream: Upstream
    log: Path


@contextmanager
def running(config: Path, database_url: str, upstream: Upstream) -> Iterator[Proxy]:
    """Start LiteLLM on a migrated database, wait until it answers, and stop it at the end."""
    engine = connect(database_url)
    migrate(engine)
    with litellm_process(config, USAGE_DATABASE_URL=database_url, **_built_in_routes(upstream)) as url:
        yield Proxy(url, engine, upstream, log_of(config))
    engine.dispose()


def _built_in_routes(upstream: Upstream) -> dict[str, str]:
    """Name the stand-in to LiteLLM's own pass-through routes, which take it from the environment."""
    return {"ANTHROPIC_API_BASE": f"{upstream.base_url}/anthropic", "ANTHROPIC_API_KEY": "sk-provider"}


def log_of(config: Path) -> Path:
    """Name the file that a proxy's output goes to."""
    return config.with_name("proxy.log")


def start_litellm(config: Path, *flags: str, **settings: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start LiteLLM in a session of its own, wait until it answers; its end is the caller's matter. Gives its URL."""
    port = free_port()
    command, environment = [*litellm_command(config, port), *flags], environment_of(config.parent) | settings
    with log_of(config).open("ab") as output:
        process = subprocess.Popen(
            command, cwd=config.parent, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    wait_until_it_answers(f"{url}/health/liveliness", process, STARTS_WITHIN_S)
    return process, url


@contextmanager
def litellm_process(config: Path, **settings: str) -> Iterator[str]:
    """Start LiteLLM as a user does, with these variables in its environment; gives its URL."""
    port = free_port()
    command, environment = litellm_command(config, port), environment_of(config.parent) | settings
    with log_of(config).open("wb") as output:
        process = subprocess.Popen(command, cwd=config.parent, env=environment, stdout=output, stderr=output)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_it_answers(f"{url}/health/liveliness", process, STARTS_WITHIN_S)
            yield url
        finally:
            _stop(process)


def litellm_command(config: Path, port: int) -> list[str]:
    """Word the command that a user starts LiteLLM with."""
    litellm = Path(sys.executable).with_name("litellm")
    return [str(litellm), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]


def environment_of(folder: Path) -> dict[str, str]:
    """Keep what a program needs, without the developer's own keys and settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "NO_PROXY": "*",
        "PYTHONPATH": str(ROOT),
        "USAGE_DATA_DIR": str(folder / "data"),
        "USAGE_FLUSH_EVERY_S": "0.1",
        "USAGE_UNREPORTED_AFTER_S": "3",
    }


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
