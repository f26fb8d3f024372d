"""Rows of ``usage_record`` in, the same calls as rows of ``usage_call`` out: what they share is a number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from operator import itemgetter, sub
from typing import Any

from sqlalchemy import Connection

from usage_plugin.store.calls import UsageCall
from usage_plugin.store.column_types import span_us
from usage_plugin.store.rows import POSITION, RECORD_COLUMNS, Row
from usage_plugin.store.shared import SHARED, TAG_SET, columns_of, numbers
from usage_plugin.store.tables import table_of

MEASURED = ("received_before_us", "started_after_us", "created_after_us", "latency_ms")
_NUMBERS = ("caller_id", "target_id", "outcome_id", "tag_set_id")
_MADE_ANEW = ("event_key", "latency_ms")
_OWN = tuple(name for name in RECORD_COLUMNS if name in table_of(UsageCall).c and name not in _MADE_ANEW)
CALL_COLUMNS = ("event_key", *_NUMBERS, *MEASURED, *_OWN)

_OF_SHARED = {
    table: itemgetter(*(POSITION[name] for name in columns_of(table))) for table in SHARED if table is not TAG_SET
}
_KEY = POSITION["event_key"]
_US_PER_MS = 1000
# In a column where NULL says that a latency is the span from receipt to completion.
UNKNOWN_MS = -1.0
_TAGS_KEPT = 4096
Tags = Mapping[str, tuple[str, ...]]


def narrow(connection: Connection, rows: Sequence[Row], tags: Tags) -> list[Row]:
    """Give the rows as ``CALL_COLUMNS``, and keep what they share.

    Args:
        connection: Of a transaction that has changed nothing yet but its spool's mark.
        rows: As ``RECORD_COLUMNS``.
        tags: Of each call that has some, by the call's key.

    Raises:
        ValueError: An event's key is not 32 hexadecimal digits.
    """
    if not rows:
        return []
    columns = dict(zip(RECORD_COLUMNS, zip(*rows, strict=True), strict=True))
    values = (
        map(bytes.fromhex, columns["event_key"]),
        *_shared_numbers(connection, rows, tags),
        *measured(columns),
        *(columns[name] for name in _OWN),
    )
    return list(zip(*values, strict=True))


def _shared_numbers(connection: Connection, rows: Sequence[Row], tags: Tags) -> Iterator[Iterable[int | None]]:
    contents = {table: [of_row(row) for row in rows] for table, of_row in _OF_SHARED.items()}
    contents[TAG_SET] = [_sorted(tags[row[_KEY]]) if row[_KEY] in tags else () for row in rows]
    distinct = {table: set(some) - {()} for table, some in contents.items()}
    for table, number_of in numbers(connection, distinct).items():
        yield map(number_of.get, contents[table])


@lru_cache(_TAGS_KEPT)
def _sorted(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(tags)))


def measured(columns: Mapping[str, Sequence[Any]]) -> tuple[Sequence[Any], ...]:
    """Give ``MEASURED``: three moments, counted from others, and the latency where it is not the first of these spans.

    Args:
        columns: Of ``usage_record``, by name.
    """
    received, completed = columns["received_at"], columns["completed_at"]
    waited = _spans(received, completed)
    latencies = zip(columns["latency_ms"], waited, strict=True)
    return (
        waited,
        _spans(received, columns["started_at"]),
        _spans(completed, columns["created_at"]),
        [_kept(latency, us) for latency, us in latencies],
    )


def _kept(latency_ms: float | None, waited_us: int) -> float | None:
    if latency_ms is None:
        return UNKNOWN_MS
    return None if latency_ms == waited_us / _US_PER_MS else latency_ms


def _spans(earlier: Sequence[Any], later: Sequence[Any]) -> list[int]:
    spans: Iterable[timedelta] = map(sub, later, earlier)
    return [span_us(span) for span in spans]
