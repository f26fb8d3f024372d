"""What tests of an import ask for: LiteLLM's own database, a place for calls, and an import into it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.history import spend_logs
from tests.proxy.rows import find_rows
from usage_plugin.history import Format, Job, Options, Rejects, Span, Tally, all_options, open_source
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.store.tables import UsageRecord

Import = Callable[..., Tally]
_serial = itertools.count(1)


@pytest.fixture(scope="session")
def litellm_template(postgres_server: str) -> str:
    """Make a database once as LiteLLM's own migrations do."""
    url = _create(postgres_server, "litellm_template", "template1")
    spend_logs.migrate(url)
    return "litellm_template"


@pytest.fixture
def litellm_url(postgres_server: str, litellm_template: str) -> str:
    """Give a database with LiteLLM's tables."""
    return _create(postgres_server, f"litellm_{next(_serial)}", litellm_template)


def _create(server: str, name: str, template: str) -> str:
    admin = connect(server.replace("postgresql://", "postgresql+psycopg://", 1))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    admin.dispose()
    return admin.url.set(database=name, drivername="postgresql").render_as_string(hide_password=False)


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
