"""Many rows of one table in, stored by the fastest way that the database has for so many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table

from usage_plugin.store import bulk_postgresql, bulk_sqlite
from usage_plugin.store.rows import Columns, Row, as_columns


def insert(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row], conflict: str) -> None:
    """Insert rows, in their order.

    Args:
        connection: Of a transaction that writes.
        table: Where to.
        columns: What the values of a row are.
        rows: Any number; moments are in UTC.
        conflict: What follows ``ON CONFLICT`` in the statement.
    """
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        bulk_postgresql.insert(connection, table, columns, rows, conflict)
    else:
        bulk_sqlite.insert(connection, table, as_columns(rows, columns), conflict)


def insert_new(connection: Connection, table: Table, columns: Columns, key: str) -> set[Any]:
    """Insert the rows whose *key* is not there yet, and give the keys of those.

    The database decides what is new, so that two writers of the same row cannot both count it.

    Args:
        connection: Of a transaction that writes.
        table: Where to; has a growing ``id``.
        columns: Of any number of rows, sorted by *key*, so that two writers lock in the same order.
        key: A column with a unique index.
    """
    if not columns[key]:
        return set()
    if connection.dialect.name == "postgresql":
        return bulk_postgresql.insert_new(connection, table, columns, key)
    return bulk_sqlite.insert_new(connection, table, columns, key)
