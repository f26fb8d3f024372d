"""Many rows in, one statement of PostgreSQL out that takes them all, or a ``COPY``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, CursorResult, Float, Integer, Table

from usage_plugin.store.column_types import UtcDateTime
from usage_plugin.store.rows import Row

COPY_FROM = 50
"""Rows from which a COPY and its savepoint are faster than one statement."""

_MAX_INT4 = 2**31 - 1
# The first that fits, since a BigInteger is an Integer; all else is text.
_TYPES = (
    (UtcDateTime, "timestamptz"),
    (BigInteger, "int8"),
    (Integer, "int4"),
    (Boolean, "bool"),
    (Float, "float8"),
)


def insert(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row], conflict: str) -> None:
    """Insert rows in one round trip: they travel as one JSON text, which PostgreSQL reads as rows of the table."""
    if conflict.endswith("DO NOTHING") and len(rows) >= COPY_FROM and _copy(connection, table, columns, rows):
        return
    _insert(connection, table, columns, rows, conflict)


def insert_new(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row], key: str
) -> set[str]:
    """Insert rows whose *key* is not there yet; gives the keys of those."""
    if len(rows) >= COPY_FROM and _copy(connection, table, columns, rows):
        position = columns.index(key)
        return {row[position] for row in rows}
    return set(_insert(connection, table, columns, rows, f"({key}) DO NOTHING RETURNING {key}").scalars())


def _copy(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> bool:
    """Copy rows of which all should be new; where one is not, nothing is copied and the answer is ``False``.

    Nearly always all are new: the same call comes twice only after an outage or a kill. The binary format takes
    a fifth of the text's time to write, but wants values of exactly the column's type.
    """
    if not _fit(table, columns, rows):
        return False
    driver: Any = connection.dialect.dbapi
    savepoint = connection.begin_nested()
    try:
        cursor: Any = connection.connection.cursor()
        with cursor, cursor.copy(copy_statement(table.name, columns)) as copy:
            copy.set_types(copy_types(table, columns))
            for row in rows:
                copy.write_row(row)
    except (driver.IntegrityError, TypeError, OverflowError):
        savepoint.rollback()
        return False
    savepoint.commit()
    return True


def _fit(table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> bool:
    """Tell whether small integers are small: the driver cuts off what is too large for them without a word."""
    small = [position for position, kind in enumerate(copy_types(table, columns)) if kind == "int4"]
    return all(type(row[position]) is int and abs(row[position]) <= _MAX_INT4 for row in rows for position in small)


def _insert(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row], conflict: str
) -> CursorResult[Any]:
    named = [{name: value for name, value in zip(columns, row, strict=True) if value is not None} for row in rows]
    return connection.exec_driver_sql(
        _insert_statement(table.name, columns, conflict), (json.dumps(named, default=str, check_circular=False),)
    )


@lru_cache
def _insert_statement(table: str, columns: tuple[str, ...], conflict: str) -> str:
    names = ", ".join(columns)
    rows = f"json_populate_recordset(NULL::{table}, %s)"
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM {rows} ON CONFLICT {conflict}"  # noqa: S608 - ours


@lru_cache
def copy_statement(table: str, columns: tuple[str, ...]) -> str:
    """Give the statement whose rows are written in PostgreSQL's binary format."""
    return f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"


@lru_cache
def copy_types(table: Table, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Name the types of the columns as PostgreSQL does."""
    types = (table.c[column].type for column in columns)
    return tuple(next((name for kind, name in _TYPES if isinstance(value, kind)), "text") for value in types)
