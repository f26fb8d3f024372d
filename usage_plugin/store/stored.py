"""Rows that are there already in, the same rows added to or withdrawn out: for calls that are counted together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from usage_plugin.store.rows import POSITION, RECORD_COLUMNS, TOKEN_COLUMNS, UNIT_COLUMNS, Row
from usage_plugin.store.tables import UsageRecord, UsageRecordTag, table_of

_SUMMED = ("calls", *TOKEN_COLUMNS, *UNIT_COLUMNS, "cost_nano_usd", "saved_cost_nano_usd", "adjustment_nano_usd")
_AVERAGED = ("latency_ms", "ttft_ms", "queue_ms")
_EARLIEST = ("received_at", "started_at")
_LATEST = ("completed_at",)
_CHANGED = (*_SUMMED, *_AVERAGED, *_EARLIEST, *_LATEST)
_CALLS = POSITION["calls"]
key_of = itemgetter(POSITION["event_key"])


@dataclass(frozen=True, slots=True)
class Change:
    """Rows of ``usage_record`` as they are now, and as they were before."""

    added: list[Row]
    removed: list[Row]


def lock(connection: Connection, keys: Iterable[str]) -> dict[str, Row]:
    """Give the rows with these keys, as ``RECORD_COLUMNS``; nobody else can change them until the transaction ends."""
    wanted = sorted(keys)
    if not wanted:
        return {}
    table = table_of(UsageRecord)
    query = sa.select(*(table.c[name] for name in RECORD_COLUMNS)).where(table.c.event_key.in_(wanted))
    found = connection.execute(query.order_by(table.c.event_key).with_for_update())
    return {key_of(row): tuple(row) for row in found}


def add_up(stored: Row, further: Row) -> Row:
    """Add a row to one with the same key: sums of what is counted, means of times; what else there is stays."""
    row = list(stored)
    for position in (POSITION[name] for name in _SUMMED):
        row[position] = _sum(stored[position], further[position])
    for position in (POSITION[name] for name in _AVERAGED):
        row[position] = _mean(stored[position], stored[_CALLS], further[position], further[_CALLS])
    for names, choose in ((_EARLIEST, min), (_LATEST, max)):
        for position in (POSITION[name] for name in names):
            row[position] = choose(stored[position], further[position])
    return tuple(row)


def by_key(rows: Iterable[Row]) -> dict[str, Row]:
    """Add rows with the same key up."""
    found: dict[str, Row] = {}
    for row in rows:
        key = key_of(row)
        found[key] = add_up(found[key], row) if key in found else row
    return found


def update(connection: Connection, rows: Mapping[str, Row]) -> None:
    """Let stored rows hold what `add_up` gave."""
    if not rows:
        return
    table = table_of(UsageRecord)
    statement = sa.update(table).where(table.c.event_key == bindparam("key"))
    values = [{"key": key, **{name: rows[key][POSITION[name]] for name in _CHANGED}} for key in sorted(rows)]
    connection.execute(statement.values({name: bindparam(name) for name in _CHANGED}), values)


def delete(connection: Connection, keys: Iterable[str]) -> None:
    """Delete rows and their tags."""
    gone = sorted(keys)
    for table in (table_of(UsageRecord), table_of(UsageRecordTag)) if gone else ():
        connection.execute(sa.delete(table).where(table.c.event_key.in_(gone)))


def _sum(left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return right if left is None else left
    return left + right


def _mean(left: float | None, left_calls: int, right: float | None, right_calls: int) -> float | None:
    if left is None or right is None:
        return right if left is None else left
    return (left * left_calls + right * right_calls) / (left_calls + right_calls)
