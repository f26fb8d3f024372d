"""What tests of an import ask for: LiteLLM's own database, a place for calls, and an import into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.history import spend_logs
from tests.own_database import execute, own_database, url_of
from tests.proxy.rows import find_rows
from usage_plugin.history import Format, Job, Options, Rejects, Span, Tally, all_options, open_source
from usage_plugin.settings import Settings
from usage_plugin.store.tables import UsageRecord

Import = Callable[..., Tally]


@pytest.fixture(scope="session")
def litellm_template(postgres_server: str) -> str:
    """Make a database once as LiteLLM's own migrations do."""
    name = "litellm_template"
    execute(postgres_server, f"CREATE DATABASE {name}")
    spend_logs.migrate(_plain(url_of(postgres_server, name)))
    return name


@pytest.fixture
def litellm_url(postgres_server: str, litellm_template: str) -> Iterator[str]:
    """Give a database with LiteLLM's tables."""
    with own_database(postgres_server, litellm_template) as url:
        yield _plain(url)


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


@pytest.fixture
def imports(engine: Engine, tmp_path: Path) -> Import:
    """Import into a database of each kind in turn."""

    def run(kind: Format, where: object, span: Span | None = None, **options: Any) -> Tally:
        chosen = Options(**options)
        source, reader = open_source(kind, str(where), chosen, Settings(data_dir=tmp_path))
        rejects = Rejects(tmp_path / "rejected.jsonl")
        return Job(engine, source, reader, rejects, all_options(chosen, kind), span or Span()).run()

    return run


@pytest.fixture
def rows(engine: Engine) -> Callable[..., list[UsageRecord]]:
    """Read what was stored, in the order of the calls."""

    def read(**wanted: Any) -> list[UsageRecord]:
        return sorted(find_rows(engine, **wanted), key=lambda row: (row.started_at, row.event_key))

    return read
