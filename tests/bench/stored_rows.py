"""A filled database in, its rows as they are stored out, and the fastest way to write them into another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, text

# What is kept beside the calls: totals, prices, and what the pipeline says of itself.
NOT_CALLS = frozenset(
    (
        *("usage_day", "usage_payer", "usage_model", "usage_touch", "usage_value", "usage_sheet", "usage_segment"),
        *("price_snapshot", "spool_position", "pipeline_process", "retention_mark", "import_mark"),
        *("usage_schema_version", "sqlite_sequence"),
    )
)
CALLS = ("usage_call", "usage_record")
Row = tuple[Any, ...]
Write = Callable[[Engine], object]


@dataclass(frozen=True, slots=True)
class Stored:
    """Rows of a table, in the order of its columns here; on PostgreSQL with the names of the columns' types."""

    table: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: Sequence[Row]


def calls_of(engine: Engine) -> list[Stored]:
    """Read the tables of the calls: that with a row per call comes first."""
    names = _tables(engine)
    main = next(name for name in CALLS if name in names)
    tables = [_read(engine, name) for name in (main, *sorted(names - {main} - NOT_CALLS))]
    return [table for table in tables if table.rows]


def empty(engine: Engine) -> None:
    """Leave nothing in a PostgreSQL database but its tables, with the partitions that calls made."""
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {', '.join(_tables(engine) - {'usage_schema_version'})} CASCADE"))


def write_batches(tables: Sequence[Stored], batch: int) -> Write:
    """Make a function that writes so many calls in each transaction, and an equal part of what they share."""
    parts = -(-len(tables[0].rows) // batch)
    transactions = [[(table, _part(table.rows, at, parts)) for table in tables] for at in range(parts)]

    def write(engine: Engine) -> None:
        connection: Any = engine.raw_connection().driver_connection
        for transaction in transactions:
            if engine.dialect.name == "sqlite":
                connection.execute("BEGIN IMMEDIATE")
            for table, rows in transaction:
                _WAYS[engine.dialect.name](connection, table, rows)
            connection.commit()

    return write


def _executemany(connection: Any, table: Stored, rows: Sequence[Row]) -> None:
    marks = ", ".join("?" * len(table.columns))
    connection.executemany(f"INSERT INTO {table.table} ({', '.join(table.columns)}) VALUES ({marks})", rows)


def _copy(connection: Any, table: Stored, rows: Sequence[Row]) -> None:
    statement = f"COPY {table.table} ({', '.join(table.columns)}) FROM STDIN (FORMAT BINARY)"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(table.types)
        for row in rows:
            copy.write_row(row)


def _part(rows: Sequence[Row], at: int, parts: int) -> Sequence[Row]:
    return rows[len(rows) * at // parts : len(rows) * (at + 1) // parts]


_WAYS = {"sqlite": _executemany, "postgresql": _copy}
_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    "postgresql": "SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"
    " AND c.relnamespace = 'public'::regnamespace",
}
_COLUMNS = {
    "sqlite": "SELECT name, type FROM pragma_table_xinfo(:table) WHERE hidden = 0 ORDER BY cid",
    "postgresql": "SELECT column_name, udt_name FROM information_schema.columns WHERE table_name = :table"
    " AND table_schema = 'public' AND is_generated = 'NEVER' ORDER BY ordinal_position",
}


def _tables(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(text(_TABLES[engine.dialect.name])).scalars())


def _read(engine: Engine, table: str) -> Stored:
    """Read rows without any conversion of ours, those of calls in the order in which they came."""
    with engine.connect() as connection:
        found = connection.execute(text(_COLUMNS[engine.dialect.name]), {"table": table}).all()
        columns, types = (tuple(part) for part in zip(*found, strict=True))
        order = " ORDER BY id" if "id" in columns else ""
        query = f"SELECT {', '.join(columns)} FROM {table}{order}"
        rows = connection.exec_driver_sql(query).all()
    return Stored(table, columns, types, [tuple(row) for row in rows])
