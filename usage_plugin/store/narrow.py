"""Columns of ``usage_record`` in, the same calls as columns of ``usage_call`` out: what they share is a number."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from operator import sub
from typing import Any

from sqlalchemy import Connection

from usage_plugin.store.calls import UsageCall
from usage_plugin.store.column_types import spans_us
from usage_plugin.store.rows import RECORD_COLUMNS, Columns
from usage_plugin.store.shared import SHARED, TAG_SET, TARGET, columns_of, numbers
from usage_plugin.store.tables import table_of

MEASURED = ("received_before_us", "started_after_us", "created_after_us", "latency_ms")
_NUMBERS = ("caller_id", "target_id", "outcome_id", "tag_set_id")
_MADE_ANEW = ("event_key", "latency_ms")
_OWN = tuple(name for name in RECORD_COLUMNS if name in table_of(UsageCall).c and name not in _MADE_ANEW)
CALL_COLUMNS = ("event_key", *_NUMBERS, *MEASURED, *_OWN)

_SHARED = {table: columns_of(table) for table in SHARED if table is not TAG_SET}
_PRICE = columns_of(TARGET).index("price_key")
_US_PER_MS = 1000
# In a column where NULL says that a latency is the span from receipt to completion.
UNKNOWN_MS = -1.0
_TAGS_KEPT = 4096
Tags = Mapping[str, tuple[str, ...]]


def narrow(connection: Connection, columns: Columns, tags: Tags) -> tuple[Columns, Collection[str]]:
    """Give calls as ``CALL_COLUMNS``, and keep what they share.

    Args:
        connection: Of a transaction that has changed nothing yet but its spool's mark.
        columns: ``RECORD_COLUMNS``.
        tags: Of each call that has some, by the call's key.

    Returns:
        The calls, and the keys of prices that no target had until now: only those can be new.

    Raises:
        ValueError: An event's key is not 32 hexadecimal digits.
    """
    if not columns["event_key"]:
        return dict.fromkeys(CALL_COLUMNS, ()), ()
    contents = {table: list(zip(*(columns[name] for name in names), strict=True)) for table, names in _SHARED.items()}
    contents[TAG_SET] = [_sorted(tags[key]) if key in tags else () for key in columns["event_key"]]
    found, new = numbers(connection, {table: set(some) - {()} for table, some in contents.items()})
    values: tuple[Sequence[Any], ...] = (
        list(map(bytes.fromhex, columns["event_key"])),
        *(list(map(found[table].get, some)) for table, some in contents.items()),
        *measured(columns),
        *(columns[name] for name in _OWN),
    )
    return dict(zip(CALL_COLUMNS, values, strict=True)), {content[_PRICE] for content in new[TARGET]} - {None}


@lru_cache(_TAGS_KEPT)
def _sorted(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(tags)))


def measured(columns: Columns) -> tuple[Sequence[Any], ...]:
    """Give ``MEASURED``: three moments, counted from others, and the latency where it is not the first of these spans.

    Args:
        columns: Of ``usage_record``, by name.
    """
    received, completed = columns["received_at"], columns["completed_at"]
    waited = _spans(received, completed)
    return (
        waited,
        _spans(received, columns["started_at"]),
        _spans(completed, columns["created_at"]),
        [_kept(latency, us) for latency, us in zip(columns["latency_ms"], waited, strict=True)],
    )


def _kept(latency_ms: float | None, waited_us: int) -> float | None:
    if latency_ms is None:
        return UNKNOWN_MS
    return None if latency_ms == waited_us / _US_PER_MS else latency_ms


def _spans(earlier: Sequence[Any], later: Sequence[Any]) -> list[int]:
    spans: Iterable[timedelta] = map(sub, later, earlier)
    return spans_us(spans)
