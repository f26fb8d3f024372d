"""Many rows in, one statement of PostgreSQL out that takes them all, or a ``COPY``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, CursorResult, Date, Float, Integer, LargeBinary, Table

from usage_plugin.store.column_types import HexKey, Milliseconds, Moment, UtcDateTime
from usage_plugin.store.rows import Columns, Row, as_columns, only

COPY_FROM = 50
"""Rows from which a COPY and its savepoint are faster than one statement."""

_MAX_INT4 = 2**31 - 1
_ATTEMPTS = 3
_TEXTS_KEPT = 8192
# The first that fits, since a BigInteger is an Integer; all else is text.
_TYPES = (
    (UtcDateTime, "timestamptz"),
    (Moment, "timestamptz"),
    (Milliseconds, "float8"),
    (HexKey, "bytea"),
    (LargeBinary, "bytea"),
    (BigInteger, "int8"),
    (Integer, "int4"),
    (Boolean, "bool"),
    (Float, "float8"),
    (Date, "date"),
)

# Python and PostgreSQL write these the same.
_WRITTEN_ALIKE = ("int8", "int4", "bool", "float8")


def insert(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row], conflict: str) -> None:
    """Insert rows in one round trip: each column travels as one array."""
    given = as_columns(rows, columns)
    if conflict.endswith("DO NOTHING") and len(rows) >= COPY_FROM and _copy(connection, table, given):
        return
    _insert(connection, table, given, conflict)


def insert_numbered(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row], conflict: str
) -> dict[Any, int]:
    """Insert rows that get a number each; gives that of each that was inserted, by its first column."""
    returning = f"{conflict} RETURNING {columns[0]}, id"
    found: Sequence[Any] = _insert(connection, table, as_columns(rows, columns), returning).all()
    return {bytes(key): number for key, number in found}


def insert_new(connection: Connection, table: Table, columns: Columns, key: str) -> set[Any]:
    """Insert rows whose *key* is not there yet; gives the keys of those."""
    if len(columns[key]) >= COPY_FROM and _copy(connection, table, columns):
        return set(columns[key])
    new, left = set[Any](), columns
    for _ in range(_ATTEMPTS):  # again where a row that was in the way has been withdrawn
        # No column is named: the key is unique in each partition, of which the table itself has no index.
        new |= set(map(bytes, _insert(connection, table, left, f"DO NOTHING RETURNING {key}").scalars()))
        missing = [each for each in left[key] if each not in new]
        there = f"SELECT {key} FROM {table.name} WHERE {key} = ANY(%s)"  # noqa: S608 - ours
        known = set(map(bytes, connection.exec_driver_sql(there, (missing,)).scalars())) if missing else set()
        left = only(left, key, set(missing) - known)
        if not left[key]:
            return new
    driver: Any = connection.dialect.dbapi
    refused = f"an index that this version does not know refuses {len(left[key])} rows of {table.name}"
    raise driver.IntegrityError(refused)


def _copy(connection: Connection, table: Table, columns: Columns) -> bool:
    """Copy rows of which all should be new; where one is not, nothing is copied and the answer is ``False``.

    Nearly always all are new: the same call comes twice only after an outage or a kill. The binary format takes
    a fifth of the text's time to write, but wants values of exactly the column's type.
    """
    names = tuple(columns)
    types = copy_types(table, names)
    if not _fit(columns, types):
        return False
    driver: Any = connection.dialect.dbapi
    savepoint = connection.begin_nested()
    try:
        cursor: Any = connection.connection.cursor()
        with cursor, cursor.copy(copy_statement(table.name, names)) as copy:
            copy.set_types(types)
            for row in zip(*columns.values(), strict=True):
                copy.write_row(row)
    except (driver.IntegrityError, TypeError, OverflowError):
        savepoint.rollback()
        return False
    savepoint.commit()
    return True


def _fit(columns: Columns, types: Sequence[str]) -> bool:
    """Tell whether small integers are small: the driver cuts off what is too large for them without a word."""
    small = [values for values, kind in zip(columns.values(), types, strict=True) if kind == "int4"]
    return all(set(map(type, values)) == {int} and max(map(abs, values)) <= _MAX_INT4 for values in small)


def _insert(connection: Connection, table: Table, columns: Columns, conflict: str) -> CursorResult[Any]:
    names = tuple(columns)
    types = copy_types(table, names)
    literals = tuple(array(kind, values) for kind, values in zip(types, columns.values(), strict=True))
    return connection.exec_driver_sql(_insert_statement(table.name, names, types, conflict), literals)


def array(kind: str, values: Sequence[Any]) -> str:
    """Write values of a type as the text of a PostgreSQL array; the driver would look at each value by itself."""
    if not values:
        return "{}"
    if values.count(values[0]) == len(values):
        texts = [_text(kind, values[0])] * len(values)
    elif kind in _WRITTEN_ALIKE:
        return f"{{{str(list(values))[1:-1].replace('None', 'NULL')}}}"
    else:
        texts = [_text(kind, value) for value in values]
    return f"{{{','.join(texts)}}}"


def _text(kind: str, value: Any) -> str:
    if value is None:
        return "NULL"
    if kind == "bytea":
        return f'"\\\\x{value.hex()}"'
    return _quoted(str(value)) if kind == "text" else str(value)


@lru_cache(_TEXTS_KEPT)
def _quoted(value: str) -> str:
    """Write a text; names come again and again."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@lru_cache
def _insert_statement(table: str, columns: tuple[str, ...], types: tuple[str, ...], conflict: str) -> str:
    arrays = ", ".join(f"%s::{kind}[]" for kind in types)
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays}) ON CONFLICT {conflict}"  # noqa: S608 - ours


@lru_cache
def copy_statement(table: str, columns: tuple[str, ...]) -> str:
    """Give the statement whose rows are written in PostgreSQL's binary format."""
    return f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"


@lru_cache
def copy_types(table: Table, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Name the types of the columns as PostgreSQL does."""
    types = (table.c[column].type for column in columns)
    return tuple(next((name for kind, name in _TYPES if isinstance(value, kind)), "text") for value in types)
