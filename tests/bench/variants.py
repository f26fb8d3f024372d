"""Names of callbacks in; the same proxy with each of them, all running, out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.proxy.config import CALLBACK
from tests.proxy.process import litellm_process
from tests.proxy.stopping import write_plain_config
from tests.upstream.process import Upstream

NONE, OURS = "no callback", "this plugin"
CALLBACKS: dict[str, list[str]] = {
    NONE: [],
    OURS: [CALLBACK],
    "prometheus": ["prometheus"],
    "otel": ["otel"],
}


@contextmanager
def running(folder: Path, upstream: Upstream, names: list[str], **settings: str) -> Iterator[Mapping[str, str]]:
    """Start a proxy for each name in CALLBACKS; gives their URLs.

    Args:
        folder: A folder of its own for each is made here.
        upstream: The stand-in providers, which also take in what otel exports.
        names: Of CALLBACKS.
        **settings: Environment for all of them.
    """
    exports = {"OTEL_EXPORTER": "otlp_http", "OTEL_ENDPOINT": f"{upstream.base_url}/__sink"}
    with contextlib.ExitStack() as stack:
        urls = {}
        for name in names:
            config = _config(folder / name.replace(" ", "-"), upstream, CALLBACKS[name])
            urls[name] = stack.enter_context(litellm_process(config, **exports, **settings))
        yield urls


def _config(folder: Path, upstream: Upstream, callbacks: list[str]) -> Path:
    folder.mkdir()
    path = write_plain_config(folder, upstream.base_url)
    config = yaml.safe_load(path.read_text())
    config["litellm_settings"] = {"callbacks": callbacks}
    path.write_text(yaml.safe_dump(config))
    return path
