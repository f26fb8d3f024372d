"""Many rows in, one statement of PostgreSQL out that takes them all, or a ``COPY``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, CursorResult, Date, Float, Integer, LargeBinary, Table

from usage_plugin.store.column_types import HexKey, Milliseconds, Moment, UtcDateTime
from usage_plugin.store.rows import Row

COPY_FROM = 50
"""Rows from which a COPY and its savepoint are faster than one statement."""

_MAX_INT4 = 2**31 - 1
_ATTEMPTS = 3
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
    if conflict.endswith("DO NOTHING") and len(rows) >= COPY_FROM and _copy(connection, table, columns, rows):
        return
    _insert(connection, table, columns, rows, conflict)


def insert_numbered(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row], conflict: str
) -> dict[Any, int]:
    """Insert rows that get a number each; gives that of each that was inserted, by its first column."""
    found: Sequence[Any] = _insert(connection, table, columns, rows, f"{conflict} RETURNING {columns[0]}, id").all()
    return {bytes(key): number for key, number in found}


def insert_new(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row], key: str
) -> set[Any]:
    """Insert rows whose *key* is not there yet; gives the keys of those."""
    position = columns.index(key)
    if len(rows) >= COPY_FROM and _copy(connection, table, columns, rows):
        return {row[position] for row in rows}
    new, left = set[Any](), list(rows)
    for _ in range(_ATTEMPTS):  # again where a row that was in the way has been withdrawn
        # No column is named: the key is unique in each partition, of which the table itself has no index.
        new |= set(map(bytes, _insert(connection, table, columns, left, f"DO NOTHING RETURNING {key}").scalars()))
        missing = [row[position] for row in left if row[position] not in new]
        there = f"SELECT {key} FROM {table.name} WHERE {key} = ANY(%s)"  # noqa: S608 - ours
        known = set(map(bytes, connection.exec_driver_sql(there, (missing,)).scalars())) if missing else set()
        left = [row for row in left if row[position] in set(missing) - known]
        if not left:
            return new
    driver: Any = connection.dialect.dbapi
    raise driver.IntegrityError(f"an index that this version does not know refuses {len(left)} rows of {table.name}")


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
    types = copy_types(table, columns)
    literals = tuple(array(kind, values) for kind, values in zip(types, zip(*rows, strict=True), strict=True))
    return connection.exec_driver_sql(_insert_statement(table.name, columns, types, conflict), literals)


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
    if kind != "text":
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
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
