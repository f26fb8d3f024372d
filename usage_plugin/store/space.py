"""A database in, what its tables take out; and pages that are free given back to the disk in small steps."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from sqlalchemy import Connection, Engine, func, select, text

from usage_plugin.store.calls import UsageCall
from usage_plugin.store.pace import Pace
from usage_plugin.store.tables import UsageDay, UsageSheet, table_of

# SQLite says quickly only what the whole file takes. Bytes of a row with its share of the indexes, roughly, tell
# how the tables share it.
_SQLITE_ROW = {
    table_of(UsageCall): 240,
    table_of(UsageDay): 80,
    table_of(UsageSheet): 500,
}
_INCREMENTAL = 2
_SIZE = """
SELECT COALESCE((SELECT SUM(pg_total_relation_size(relid)) FROM pg_partition_tree(CAST(:name AS regclass))),
                pg_total_relation_size(CAST(:name AS regclass)))
"""


def sizes(connection: Connection) -> Mapping[str, int]:
    """Give the bytes that each table takes with its indexes: counted on PostgreSQL, estimated on SQLite."""
    if connection.dialect.name == "postgresql":
        size = text(_SIZE)
        return {table.name: int(connection.execute(size, {"name": table.name}).scalar_one()) for table in _SQLITE_ROW}
    used = (_pragma(connection, "page_count") - _pragma(connection, "freelist_count")) * _pragma(
        connection, "page_size"
    )
    rows = {table: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in _SQLITE_ROW}
    weights = {table.name: rows[table] * weight for table, weight in _SQLITE_ROW.items()}
    whole = max(1, sum(weights.values()))
    return {name: used * weight // whole for name, weight in weights.items()}


def checkpoint(engine: Engine) -> None:
    """Copy SQLite's log into its file, as far as nobody has to wait for that: so no writer finds much to copy."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection, closing(connection.connection.cursor()) as cursor:
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")


def give_back(engine: Engine, pace: Pace) -> int:
    """Give free pages of a SQLite file back to the disk, in steps; gives the bytes.

    A file that was not made for it keeps its free pages for new rows.
    """
    if engine.dialect.name != "sqlite":
        return 0
    with engine.connect() as connection:
        free, page_size = _pragma(connection, "freelist_count"), _pragma(connection, "page_size")
        if _pragma(connection, "auto_vacuum") != _INCREMENTAL:
            return 0
    returned = 0
    pace.restart()
    while returned < free and (pages := _return_pages(engine, pace)):
        returned += pages
    return returned * page_size


def _return_pages(engine: Engine, pace: Pace) -> int:
    begin = pace.clock()
    with pace.step(engine) as connection:
        before = _pragma(connection, "page_count")
        with closing(connection.connection.cursor()) as cursor:
            for some in pace.portions():
                for _ in range(some):  # the driver stops after one page, however many are asked for
                    cursor.execute("PRAGMA incremental_vacuum(1)")
        pages = before - _pragma(connection, "page_count")
    checkpoint(engine)
    pace.rest(begin)
    return pages


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
