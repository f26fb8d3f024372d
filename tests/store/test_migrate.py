"""The schema: made once from many processes at once, equal to the declared tables, whole after a kill."""

from __future__ import annotations

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlmodel import SQLModel

from tests.extent import extent
from tests.store.migrating import migrate_at_once
from usage_plugin.errors import SchemaMismatch, StoreUnavailable
from usage_plugin.store import tables
from usage_plugin.store.database import connect, writing
from usage_plugin.store.migrate import VERSION_TABLE, SchemaState, migrate, schema_state

PROCESSES = 16
ROUNDS = extent(3, 20)

# Makes every table and stops before the transaction ends.
VICTIM = """
import sys, time
from usage_plugin.store import migrate
from usage_plugin.store.database import connect
upgrade = migrate.command.upgrade
def upgrade_and_wait(*arguments):
    upgrade(*arguments)
    print("tables made", flush=True)
    time.sleep(60)
migrate.command.upgrade = upgrade_and_wait
migrate.migrate(connect(sys.argv[1]))
"""


def test_a_migrated_database_has_the_declared_tables(engine: Engine) -> None:
    """Migrations end exactly where the tables are: no column, type or index is missing or left over."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    assert {table.__tablename__ for table in tables.TABLES} <= set(inspect(engine).get_table_names())


def test_the_state_of_the_schema_has_a_name(database_url: str) -> None:
    """Empty, current, behind and ahead are told apart."""
    engine = connect(database_url)
    assert schema_state(engine) is SchemaState.EMPTY
    migrate(engine)
    assert schema_state(engine) is SchemaState.CURRENT
    with writing(engine).begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    assert schema_state(engine) is SchemaState.AHEAD
    with pytest.raises(SchemaMismatch, match="newer version"):
        migrate(engine)
    engine.dispose()


def test_a_failed_migration_leaves_nothing_behind(database_url: str) -> None:
    """A migration that fails half-way leaves the old schema, and the next one succeeds."""
    engine = connect(database_url)
    with writing(engine).begin() as connection:
        connection.execute(text("CREATE TABLE usage_hourly (wrong INTEGER)"))
    with pytest.raises(StoreUnavailable, match="usage_hourly"):
        migrate(engine)
    assert set(inspect(engine).get_table_names()) == {"usage_hourly"}
    with writing(engine).begin() as connection:
        connection.execute(text("DROP TABLE usage_hourly"))
    migrate(engine)
    assert schema_state(engine) is SchemaState.CURRENT
    engine.dispose()


def test_a_kill_in_the_middle_leaves_nothing_behind(database_url: str) -> None:
    """A process killed after the last table and before the end leaves an empty database that migrates as any other."""
    victim = subprocess.Popen([sys.executable, "-c", VICTIM, database_url], stdout=subprocess.PIPE, text=True)
    assert victim.stdout is not None
    assert victim.stdout.readline() == "tables made\n"
    victim.kill()
    victim.wait(30)
    victim.stdout.close()
    engine = connect(database_url)
    assert schema_state(engine) is SchemaState.EMPTY
    migrate(engine)
    assert schema_state(engine) is SchemaState.CURRENT
    engine.dispose()


def test_sixteen_processes_migrate_at_once(database_url: str) -> None:
    """Any number of workers may start together: none fails, in any round."""
    urls = [database_url, *(_another(database_url, number) for number in range(1, ROUNDS))]
    assert migrate_at_once(urls, PROCESSES) == [0] * PROCESSES


def _another(url: str, number: int) -> str:
    """Give an empty database of the same kind beside *url*."""
    if url.startswith("sqlite"):
        return url.replace("usage.db", f"usage_{number}.db")
    engine = connect(url)
    name = f"{engine.url.database}_{number}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    other = engine.url.set(database=name).render_as_string(hide_password=False)
    engine.dispose()
    return other
