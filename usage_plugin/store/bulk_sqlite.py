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
    microseconds,
)
from usage_plugin.store.rows import Row

Convert = Callable[[Any], str | float | bytes]

_MOMENT = "%04d-%02d-%02d %02d:%02d:%02d.%06d"
_parts_of = attrgetter("year", "month", "day", "hour", "minute", "second", "microsecond")


def insert(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row], conflict: str) -> int:
    """Insert rows; gives how many were inserted or updated."""
    given, values = as_stored(table, columns, rows)
    return connection.exec_driver_sql(_statement(table.name, given, conflict), values).rowcount


def insert_new(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row], key: str
) -> set[Any]:
    """Insert rows whose *key* is not there yet; gives the keys of those. The caller's transaction writes alone."""
    last = connection.exec_driver_sql(f"SELECT COALESCE(MAX(id), 0) FROM {table.name}").scalar_one()  # noqa: S608 - ours
    inserted = insert(connection, table, columns, rows, f"({key}) DO NOTHING")
    if inserted == len(rows):
        position = columns.index(key)
        return {row[position] for row in rows}
    found = connection.exec_driver_sql(f"SELECT {key} FROM {table.name} WHERE id > ?", (last,))  # noqa: S608 - ours
    return set(found.scalars())


def as_stored(table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> tuple[tuple[str, ...], list[Row]]:
    """Turn values into what SQLite keeps, column by column. A column that no row sets is left out.

    The driver takes text and numbers as they are and looks for an adapter for all else, ``None`` too: leaving out
    the fifth of the columns that a batch does not use saves a fifth of the time.
    """
    names, kept, converters = [], [], _converters(table)
    for name, values in zip(columns, zip(*rows, strict=True), strict=True):
        if values.count(None) == len(values):
            continue
        convert = converters.get(name)
        names.append(name)
        kept.append(values if convert is None else _converted(values, convert))
    return tuple(names), list(zip(*kept, strict=True))


def _converted(values: Sequence[Any], convert: Convert) -> Sequence[str | float | bytes | None]:
    if values.count(values[0]) == len(values):
        return (convert(values[0]),) * len(values)
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
