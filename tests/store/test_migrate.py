"""The schema: made once from many processes at once, equal to the declared tables, whole after a kill."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, MetaData, Table, inspect, text
from sqlmodel import SQLModel

from tests.extent import extent
from tests.store.migrating import migrate_at_once
from usage_plugin.errors import SchemaMismatch, StoreUnavailable
from usage_plugin.event import Status, UsageEvent
from usage_plugin.store import tables
from usage_plugin.store.database import connect, writing
from usage_plugin.store.migrate import VERSION_TABLE, SchemaState, _config, migrate, schema_state
from usage_plugin.store.places import DAILY_KEY, DIMENSIONS
from usage_plugin.store.retention import Kind, move_retention_mark
from usage_plugin.store.rows import RECORD_COLUMNS, record_row
from usage_plugin.store.tables import Totals, table_of
from usage_plugin.store.verify import verify
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

PROCESSES = 16
ROUNDS = extent(3, 20)

# Makes every table and stops before the transaction ends.
THREADS = 4
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
        options = {"version_table": VERSION_TABLE, "compare_type": True, "include_object": _is_declared_alike(engine)}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, SQLModel.metadata) == []
    assert {table.__tablename__ for table in tables.TABLES} <= set(inspect(engine).get_table_names())
    for name, view in tables.VIEWS.items():
        declared = [column.name for column in table_of(view).columns]
        for each in (name, table_of(view).name):
            assert [column["name"] for column in inspect(engine).get_columns(each)] == declared


def _is_declared_alike(engine: Engine) -> Callable[..., bool]:
    """Leave out views, and on PostgreSQL the partitions and what is made for each of them."""
    partitioned = engine.dialect.name == "postgresql"
    # Of an expression, which cannot be compared: the test of how a call is found by its id looks at it.
    others = set() if partitioned else {"ix_usage_call_call_id_end", "ix_usage_call_litellm_call_id"}

    def is_declared_alike(thing: Any, name: str | None, kind: str, *_others: Any) -> bool:
        table = thing if kind == "table" else thing.table
        is_part = partitioned and (kind == "index" or table.name != "usage_call") and "usage_call" in (name or "")
        return not table.info.get("is_view") and not is_part and name not in others

    return is_declared_alike


MOMENT = datetime(2026, 3, 31, 23, 59, 59, 999999, tzinfo=UTC)
TAGS = ("b", "ä", "a:1")
TEAMS = (None, "", "None", "a,b", '"名前"', "a\x1fb")
OLD_CALLS = [
    make_event(completed_at=MOMENT, tags=TAGS, client_ip="10.0.0.255", ttft_ms=12.345, team_id="t", stream=True),
    make_event(completed_at=MOMENT + timedelta(microseconds=1), team_id="", litellm_call_id=str(UUID(int=7))),
    make_event(completed_at=MOMENT, tags=TAGS[::-1], client_ip="::1", latency_ms=1 / 3, queue_ms=0.1, cost_usd=None),
    make_event(completed_at=datetime(2018, 1, 1, tzinfo=UTC), team_id="1:a", team_alias="~", user_agent="a'b\\"),
    make_event(
        completed_at=MOMENT, calls=3, is_terminal=False, status=Status.FAILURE, error_class="名前", trace_id="x"
    ),
]


NEXT_DAY = MOMENT + timedelta(days=1)
PLACES: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((MOMENT.date(), "", "second", "m"), {"cost_nano_usd": 1, "provider": "p"}),
    ((MOMENT.date(), "", "second", None), {"cost_nano_usd": None, "unpriced_requests": 4}),
    ((date(2018, 1, 1), "", "first", "m"), {"cost_nano_usd": 2**62, "provider": "p"}),
    ((NEXT_DAY.date(), "", "third", "m"), {"cost_nano_usd": 0}),
    (((NEXT_DAY + timedelta(days=1)).date(), "", None, "m"), {"saved_cost_nano_usd": 2**40}),
    *(((MOMENT.date(), team, None, "1:m"), {"output_image_tokens": 5}) for team in TEAMS[2:]),
    ((MOMENT.date(), "1:a", "~", "名前"), {"organization_id": "~", "user_id": "'"}),
    ((MOMENT.date(), None, "nobody", ""), {"unfinished_attempts": 9}),
]
OLD_DAYS = [
    {**dict(zip(("day", "team_id", "team_alias", "model"), place, strict=True)), "requests": 3 + number, **totals}
    for number, (place, totals) in enumerate(PLACES)
]


def test_calls_of_an_older_version_stay_as_they_are(database_url: str) -> None:
    """Every value of every call is read as before, a replay is known, and what calls share is found again."""
    engine = connect(database_url)
    _make_old(engine, OLD_CALLS)
    before = _everything(engine)
    migrate(engine)
    assert _everything(engine) == before
    assert len(before[0]) == len(OLD_CALLS)
    shared = ("usage_caller", "usage_target", "usage_outcome", "usage_tag_set", "usage_tag")
    counts = [_count(engine, table) for table in shared]
    assert write_events(engine, OLD_CALLS) == 0
    assert write_events(engine, [replace(event, event_key=f"f{n:031x}") for n, event in enumerate(OLD_CALLS)]) == 5
    assert [_count(engine, table) for table in shared] == counts
    engine.dispose()


def test_totals_of_an_older_version_go_on(database_url: str) -> None:
    """A day's totals stay as they are, and further calls are added to them, whatever their dimensions are."""
    engine = connect(database_url)
    with writing(engine).begin() as connection:
        command.upgrade(_config(connection), "0006")
        daily = Table("usage_daily", MetaData(), autoload_with=connection)
        others = dict.fromkeys((*Totals.model_fields, "latency_ms_sum"), 0)
        for number, team in enumerate(TEAMS):
            row = {"rollup_key": f"{number:032x}", "day": MOMENT.date(), "team_id": team, "model": "m", **others}
            connection.execute(daily.insert(), row | {"requests": 7, "provider": "openai", "cost_nano_usd": 5})
    migrate(engine)
    write_events(engine, [make_event(completed_at=MOMENT, team_id=team, model="m", user_id=None) for team in TEAMS])
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT team_id, requests, cost_nano_usd, output_image_tokens FROM usage_daily"))
        assert {tuple(row) for row in rows} == {(team, 8, 1_000_005, 0) for team in TEAMS}
    engine.dispose()


def test_days_of_an_older_version_stay_as_they_are(database_url: str) -> None:
    """Every value of every day, also of pruned calls; the last name of a team is kept, and further calls are added."""
    engine = connect(database_url)
    with writing(engine).begin() as connection:
        command.upgrade(_config(connection), "0008")
        daily = Table("usage_daily", MetaData(), autoload_with=connection)
        for number, row in enumerate(OLD_DAYS):
            connection.execute(daily.insert(), row | {"rollup_key": bytes([number])})
        move_retention_mark(connection, Kind.RECORDS, MOMENT + timedelta(days=9))
    before = _days(engine)
    migrate(engine)
    last_names = {"": "third", "1:a": "~", None: "nobody"}
    assert _days(engine) == [row | {"team_alias": last_names.get(row["team_id"])} for row in before]
    assert len(before) == len(OLD_DAYS)
    assert verify(engine).differences == 0
    shared = ("usage_payer", "usage_model")
    counts = [_count(engine, table) for table in shared]
    for row in OLD_DAYS:
        names = {name: row.get(name) for name in (*DIMENSIONS, "team_alias")}
        write_events(engine, [make_event(completed_at=NEXT_DAY, **names)])
    assert [_count(engine, table) for table in shared] == counts
    assert sum(row["requests"] for row in _days(engine)) == sum(row["requests"] for row in before) + len(OLD_DAYS)
    engine.dispose()


def _days(engine: Engine) -> list[dict[str, Any]]:
    """Give all that is said of days but the key, in the order of what it consists of."""
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(text("SELECT * FROM usage_daily")).mappings()]
    for row in rows:
        del row["rollup_key"]
        row["cost_usd"] = None if row["cost_usd"] is None else round(float(row["cost_usd"]), 9)
    return sorted(rows, key=lambda row: [str(row[name]) for name in DAILY_KEY])


def _make_old(engine: Engine, events: Sequence[UsageEvent]) -> None:
    """Make a database of revision 0005 with calls and tags."""
    with writing(engine).begin() as connection:
        command.upgrade(_config(connection), "0005")
        names = ("usage_record", "usage_record_tag")
        records, tags = (Table(name, MetaData(), autoload_with=connection) for name in names)
        for event in events:
            row = dict(zip(RECORD_COLUMNS, map(_plain(engine), record_row(event, MOMENT)), strict=True))
            connection.execute(records.insert(), row)
            for tag in event.who.tags:
                connection.execute(tags.insert(), {"event_key": event.event_key, "tag": tag})


def _plain(engine: Engine) -> Callable[[Any], Any]:
    """Give moments as the driver of this database takes them."""
    if engine.dialect.name == "postgresql":
        return lambda value: value
    return lambda value: value.replace(tzinfo=None) if isinstance(value, datetime) else value


def _everything(engine: Engine) -> tuple[list[Any], list[Any]]:
    with engine.connect() as connection:
        calls = connection.execute(text("SELECT * FROM usage_record ORDER BY id")).mappings()
        tags = connection.execute(text("SELECT event_key, tag FROM usage_record_tag ORDER BY 1, 2"))
        return [dict(row) for row in calls], [tuple(row) for row in tags]


def _count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar_one())


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


def test_threads_migrate_databases_of_their_own_at_once(database_url: str) -> None:
    """Alembic knows one migration per process, and a process may store into one database while it reads another."""
    urls = [database_url, *(_another(database_url, number) for number in range(1, THREADS))]
    together = Barrier(THREADS)

    def migrate_one(url: str) -> SchemaState:
        engine = connect(url)
        together.wait(60)
        try:
            migrate(engine)
            return schema_state(engine)
        finally:
            engine.dispose()

    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(migrate_one, urls)) == [SchemaState.CURRENT] * THREADS


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
