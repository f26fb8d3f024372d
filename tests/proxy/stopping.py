"""A way to start LiteLLM and a signal in; the calls that were in flight when it came, and what became of them, out."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

from tests.proxy.config import CALLBACK
from tests.proxy.load import Load, Sent, wait_until_served
from tests.proxy.process import start_litellm
from tests.upstream.process import Upstream

KEY = "sk-stop-test-0123456789abcdef0123456789ab"
STOPS_WITHIN_S = 60
LASTS_S = 3.0
DISPATCHED_WITHIN_S = 60.0
# A worker that is busy importing does not answer uvicorn's five-second health check, and is killed for it.
TWO_WORKERS = ("--num_workers", "2", "--timeout_worker_healthcheck", "60")
WAYS: dict[str, tuple[str, ...]] = {"uvicorn": (), "two workers": TWO_WORKERS, "gunicorn": ("--run_gunicorn",)}
MODELS = {
    "chat": ("openai/gpt-4o-mini", "/openai/v1"),
    "claude": ("anthropic/claude-sonnet-4-5-20250929", "/anthropic"),
    "gemini": ("gemini/gemini-2.5-flash", "/gemini/v1beta"),
    "image": ("openai/gpt-image-1", "/openai/v1"),
}


def write_plain_config(folder: Path, upstream_url: str) -> Path:
    """Write a config without LiteLLM's cache, which changes how LiteLLM reports calls."""
    models = [
        {"model_name": name, "litellm_params": {"model": model, "api_base": upstream_url + path, "api_key": "sk-up"}}
        for name, (model, path) in MODELS.items()
    ]
    config = {
        "model_list": models,
        "litellm_settings": {"callbacks": [CALLBACK]},
        "general_settings": {"master_key": KEY},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


@contextmanager
def started(config: Path, database_url: str, *flags: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start LiteLLM; whatever is left of it and its workers at the end is killed."""
    process, url = start_litellm(config, *flags, USAGE_DATABASE_URL=database_url)
    try:
        yield process, url
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def stop_in_flight(
    config: Path,
    database_url: str,
    upstream: Upstream,
    calls: int,
    *flags: str,
    stop: signal.Signals = signal.SIGTERM,
    before: Callable[[str], object] = bool,
) -> list[Sent]:
    """Start LiteLLM, send so many calls, and stop it when the provider has them all.

    Args:
        config: Of LiteLLM.
        database_url: Where it records to.
        upstream: The stand-in providers.
        calls: How many are sent.
        *flags: Of LiteLLM.
        stop: How it is stopped.
        before: Called with its URL before the calls are sent.

    Raises:
        TimeoutExpired: LiteLLM did not stop in time.
    """
    with started(config, database_url, *flags) as (process, url):
        before(url)
        load = Load(url, KEY, lasts_s=max(LASTS_S, calls / 20))
        load.start(calls)
        wait_until_served(upstream, load.call_ids, DISPATCHED_WITHIN_S)
        process.send_signal(stop)
        sent = load.wait()
        process.wait(STOPS_WITHIN_S)
    return sent
