"""The stand-in providers, one proxy in front of them for the whole session, and the SDKs that call it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import anthropic
import httpx
import openai
import pytest

from tests.proxy import clients
from tests.proxy.config import write_config
from tests.proxy.process import Proxy, running
from tests.proxy.rows import the_row
from tests.upstream.process import Upstream
from tests.upstream.process import running as running_upstream
from usage_plugin.store.tables import UsageRecord

RowOf = Callable[[str], UsageRecord]
SUMMARY = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Make room for lines that tests want to be read."""
    config.stash.setdefault(SUMMARY, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print those lines at the end."""
    for line in config.stash.get(SUMMARY, []):
        terminalreporter.write_line(line)


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


@pytest.fixture
def row_of(proxy: Proxy) -> RowOf:
    """Give the one row of a call by its id."""
    return lambda call_id: the_row(proxy.engine, call_id)


@pytest.fixture
def openai_sdk(proxy: Proxy) -> Iterator[openai.OpenAI]:
    """Give OpenAI's own client with the search team's key."""
    with clients.openai_client(proxy) as client:
        yield client


@pytest.fixture
def anthropic_sdk(proxy: Proxy) -> Iterator[anthropic.Anthropic]:
    """Give Anthropic's own client with the search team's key."""
    with clients.anthropic_client(proxy) as client:
        yield client


@pytest.fixture
def http(proxy: Proxy) -> Iterator[httpx.Client]:
    """Give a plain client with the search team's key."""
    with clients.http_client(proxy) as client:
        yield client
