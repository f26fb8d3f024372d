"""Rows that are there already in, the same rows added to or withdrawn out: for calls that are counted together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from usage_plugin.store.calls import UsageCall
from usage_plugin.store.narrow import MEASURED, measured
from usage_plugin.store.rows import POSITION, RECORD_COLUMNS, TOKEN_COLUMNS, UNIT_COLUMNS, Row, as_columns
from usage_plugin.store.shared import own_tag_set
from usage_plugin.store.tables import UsageRecord, UsageRecordTag, table_of

_SUMMED = ("calls", *TOKEN_COLUMNS, *UNIT_COLUMNS, "cost_nano_usd", "saved_cost_nano_usd", "adjustment_nano_usd")
_AVERAGED = ("latency_ms", "ttft_ms", "queue_ms")
_EARLIEST = ("received_at", "started_at")
_LATEST = ("completed_at",)
_CHANGED = (*_SUMMED, "ttft_ms", "queue_ms", *_LATEST)
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
    calls, records = table_of(UsageCall).c, table_of(UsageRecord).c
    here = sa.select(calls.id).where(calls.event_key.in_(wanted)).order_by(calls.event_key)
    connection.execute(here.with_for_update()).all()
    query = sa.select(*(records[name] for name in RECORD_COLUMNS)).where(records.event_key.in_(wanted))
    return {key_of(row): tuple(row) for row in connection.execute(query.order_by(records.event_key))}


def present(connection: Connection, keys: Iterable[str]) -> set[str]:
    """Give those of some keys that have a row."""
    wanted, own_key = sorted(keys), table_of(UsageCall).c.event_key
    return set(connection.execute(sa.select(own_key).where(own_key.in_(wanted))).scalars()) if wanted else set()


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
    table, keys = table_of(UsageCall), sorted(rows)
    columns = as_columns(rows[key] for key in keys)
    changed = (*measured(columns), *(columns[name] for name in _CHANGED))
    names = (*MEASURED, *_CHANGED)
    statement = sa.update(table).where(table.c.event_key == bindparam("key"))
    values = [{"key": key, **dict(zip(names, row, strict=True))} for key, *row in zip(keys, *changed, strict=True)]
    connection.execute(statement.values({name: bindparam(name) for name in names}), values)


def add_tags(connection: Connection, tags: Mapping[str, Iterable[str]]) -> None:
    """Give stored rows further tags.

    Each gets a set of its own: whoever deletes sets that no call has looks at new rows, not at those that are changed.
    """
    table, read = table_of(UsageCall), table_of(UsageRecordTag).c
    query = sa.select(read.event_key, read.tag).where(read.event_key.in_(sorted(tags)))
    before: dict[str, set[str]] = {key: set() for key in tags}
    for key, tag in connection.execute(query) if tags else ():
        before[key].add(tag)
    for key in sorted(tags):
        both = before[key].union(tags[key])
        if both != before[key]:
            here = sa.update(table).where(table.c.event_key == key)
            connection.execute(here.values(tag_set_id=own_tag_set(connection, sorted(both))))


def delete(connection: Connection, keys: Iterable[str]) -> None:
    """Delete rows; their tags go with them."""
    table, gone = table_of(UsageCall), sorted(keys)
    if gone:
        connection.execute(sa.delete(table).where(table.c.event_key.in_(gone)))


def _sum(left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return right if left is None else left
    return left + right


def _mean(left: float | None, left_calls: int, right: float | None, right_calls: int) -> float | None:
    if left is None or right is None:
        return right if left is None else left
    return (left * left_calls + right * right_calls) / (left_calls + right_calls)
