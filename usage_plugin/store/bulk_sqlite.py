"""Many rows in, one prepared statement of SQLite out that runs for each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from operator import attrgetter, methodcaller
from typing import Any

from sqlalchemy import Boolean, Connection, Date, Table

from usage_plugin.store.column_types import (
    Address,
    CompactText,
    Milliseconds,
    Moment,
    UtcDateTime,
    compact_address,
    compact_ms,
    compact_text,
    compact_texts,
    microseconds,
    microseconds_of,
)
from usage_plugin.store.rows import Columns, as_rows

Convert = Callable[[Any], str | float | bytes]
_AT_ONCE: dict[Convert, Callable[[Sequence[Any]], Sequence[Any]]] = {
    compact_text: compact_texts,
    microseconds: microseconds_of,
}

_MOMENT = "%04d-%02d-%02d %02d:%02d:%02d.%06d"
_parts_of = attrgetter("year", "month", "day", "hour", "minute", "second", "microsecond")


def insert(connection: Connection, table: Table, columns: Columns, conflict: str) -> int:
    """Insert rows; gives how many were inserted or updated."""
    stored = as_stored(table, columns)
    return connection.exec_driver_sql(_statement(table.name, tuple(stored), conflict), as_rows(stored)).rowcount


def insert_new(connection: Connection, table: Table, columns: Columns, key: str) -> set[Any]:
    """Insert rows whose *key* is not there yet; gives the keys of those. The caller's transaction writes alone."""
    last = connection.exec_driver_sql(f"SELECT COALESCE(MAX(id), 0) FROM {table.name}").scalar_one()  # noqa: S608 - ours
    if insert(connection, table, columns, f"({key}) DO NOTHING") == len(columns[key]):
        return set(columns[key])
    found = connection.exec_driver_sql(f"SELECT {key} FROM {table.name} WHERE id > ?", (last,))  # noqa: S608 - ours
    return set(found.scalars())


def as_stored(table: Table, columns: Columns) -> Columns:
    """Turn values into what SQLite keeps. A column that no row sets is left out.

    The driver takes text and numbers as they are and looks for an adapter for all else, ``None`` too: leaving out
    the fifth of the columns that a batch does not use saves a fifth of the time.
    """
    converters = _converters(table)
    return {
        name: _converted(values, converters[name]) if name in converters else values
        for name, values in columns.items()
        if values.count(None) < len(values)
    }


def _converted(values: Sequence[Any], convert: Convert) -> Sequence[str | float | bytes | None]:
    if values.count(values[0]) == len(values):
        return (convert(values[0]),) * len(values)
    if convert in _AT_ONCE and None not in values:
        return _AT_ONCE[convert](values)
    return [None if value is None else convert(value) for value in values]


@lru_cache
def _converters(table: Table) -> dict[str, Convert]:
    by_type: tuple[tuple[type, Convert], ...] = (
        (UtcDateTime, _moment_text),
        (Moment, microseconds),
        (CompactText, compact_text),
        (Milliseconds, compact_ms),
        (Address, compact_address),
        (Date, methodcaller("isoformat")),
        (Boolean, int),
    )
    return {column.name: convert for column in table.c for kind, convert in by_type if isinstance(column.type, kind)}


def _moment_text(moment: datetime) -> str:
    """Write a moment in UTC as ``UtcDateTime`` does; ``isoformat`` takes twice as long."""
    return _MOMENT % _parts_of(moment)


@lru_cache
def _statement(table: str, columns: tuple[str, ...], conflict: str) -> str:
    places = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places}) ON CONFLICT {conflict}"  # noqa: S608 - ours
