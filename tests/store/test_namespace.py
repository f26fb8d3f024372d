"""A schema of one's own on PostgreSQL: made where the URL names it, used for everything, and never LiteLLM's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from tests.store.oracle import expected, found
from usage_plugin.database_url import resolve_database_url
from usage_plugin.errors import StoreUnavailable
from usage_plugin.store import read
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import SchemaState, migrate, schema_state
from usage_plugin.store.prune import prune
from usage_plugin.store.retention import Retention
from usage_plugin.store.verify import verify
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

OLD, NEW = datetime(2026, 1, 5, 12, tzinfo=UTC), datetime(2026, 6, 5, 12, tzinfo=UTC)
IN_PUBLIC = text("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")


def in_schema(url: str, schema: str, **changes: str) -> str:
    """Name a schema, and perhaps another user, in a URL."""
    named = make_url(url).update_query_dict({"schema": schema}).set(**changes)  # type: ignore[arg-type]
    return resolve_database_url(named.render_as_string(hide_password=False))


@pytest.fixture
def own(postgres_url: str) -> Iterator[Engine]:
    """Give a database that is migrated in a schema of our own."""
    engine = connect(in_schema(postgres_url, "usage"))
    migrate(engine)
    yield engine
    engine.dispose()


def execute(url: str, *statements: str) -> None:
    engine = connect(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_everything_lives_in_the_schema_that_the_url_names(own: Engine, postgres_url: str) -> None:
    """Calls are written, read, verified and pruned there, batches and single calls, and nothing is in ``public``."""
    write_events(own, [make_event(completed_at=OLD, tags=("a",)) for _ in range(500)])
    write_events(own, [make_event(completed_at=NEW)])
    assert read.newest(own).completed_at == NEW
    assert found(own) == expected(own)
    assert verify(own).is_right
    assert prune(own, Retention(30, 60, 90), NEW).rows["records"] == 500  # type: ignore[index]
    assert verify(own).calls == 1
    public = connect(postgres_url)
    with public.connect() as connection:
        assert connection.execute(IN_PUBLIC).all() == []
    assert schema_state(public) is SchemaState.EMPTY
    public.dispose()


def test_two_schemas_of_one_database_do_not_meet(own: Engine, postgres_url: str) -> None:
    """Each has its own tables and its own version."""
    other = connect(in_schema(postgres_url, "usage_of_another"))
    assert schema_state(other) is SchemaState.EMPTY
    migrate(other)
    write_events(own, [make_event()])
    assert read.newest(other).completed_at is None
    other.dispose()


def test_a_role_that_may_not_make_schemas_uses_one_that_is_there(postgres_url: str) -> None:
    """An administrator made it; the role needs no right to the database itself."""
    execute(
        postgres_url,
        "DROP ROLE IF EXISTS writer",
        "CREATE ROLE writer LOGIN",
        "CREATE SCHEMA usage AUTHORIZATION writer",
    )
    engine = connect(in_schema(postgres_url, "usage", username="writer"))
    migrate(engine)
    assert write_events(engine, [make_event()]) == 1
    elsewhere = connect(in_schema(postgres_url, "elsewhere", username="writer"))
    with pytest.raises(StoreUnavailable, match=r"permission denied.* Give the database user the right"):
        migrate(elsewhere)
    engine.dispose()
    elsewhere.dispose()


def test_a_search_path_to_nowhere_is_explained(postgres_url: str) -> None:
    """PostgreSQL's own way to choose a schema works too, but makes none."""
    url = make_url(postgres_url).update_query_dict({"options": "-csearch_path=own"})
    engine = connect(url.render_as_string(hide_password=False))
    with pytest.raises(StoreUnavailable, match=r"\?schema=usage"):
        migrate(engine)
    execute(postgres_url, "CREATE SCHEMA own")
    migrate(engine)
    assert schema_state(engine) is SchemaState.CURRENT
    engine.dispose()


def test_tables_are_moved_as_the_docs_say(postgres_url: str) -> None:
    """Into a schema of their own, with all calls, and writing goes on there."""
    before = connect(postgres_url)
    migrate(before)
    write_events(before, [make_event(completed_at=OLD, tags=("a",))])
    before.dispose()
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    (way,) = (block.partition("```")[0] for block in page.split("```sql\n") if "SET SCHEMA" in block)
    execute(postgres_url, way)
    after = connect(in_schema(postgres_url, "usage"))
    assert schema_state(after) is SchemaState.CURRENT
    write_events(after, [make_event(completed_at=NEW, tags=("a",)) for _ in range(500)])
    assert verify(after).calls == 501
    assert found(after) == expected(after)
    after.dispose()


def test_litellms_own_schema_gets_no_tables(postgres_url: str) -> None:
    """Its migrations may drop what they do not know; a schema beside it is fine."""
    execute(postgres_url, 'CREATE TABLE "LiteLLM_SpendLogs" (request_id TEXT)')
    engine = connect(postgres_url)
    with pytest.raises(StoreUnavailable, match=r"schema public .* is LiteLLM's own.* add \?schema=usage"):
        migrate(engine)
    assert schema_state(engine) is SchemaState.EMPTY
    beside = connect(in_schema(postgres_url, "usage"))
    migrate(beside)
    assert schema_state(beside) is SchemaState.CURRENT
    engine.dispose()
    beside.dispose()
