"""The stand-in providers, and one proxy in front of them for the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proxy.config import write_config
from tests.proxy.process import Proxy, running
from tests.upstream.process import Upstream
from tests.upstream.process import running as running_upstream


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    """Start the stand-in providers."""
    with running_upstream() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def proxy(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Start a LiteLLM proxy that records to SQLite."""
    folder = tmp_path_factory.mktemp("proxy")
    with running(write_config(folder, upstream.base_url), f"sqlite:///{folder / 'usage.db'}", upstream) as proxy:
        yield proxy
