"""Rows that are to change in, those that sheets hold for good out: such a row stays, and another makes up for it.

What is frozen is never added up again, and its calls may be deleted at any moment. As in a ledger, nothing in it is
changed: a row that is withdrawn gets a second one with the same amounts below zero, which is read beside the sheets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, select, text

from usage_plugin.store.bulk import insert_new
from usage_plugin.store.calls import UsageCall
from usage_plugin.store.narrow import narrow
from usage_plugin.store.quarters import floor_quarter
from usage_plugin.store.rows import POSITION, TOKEN_COLUMNS, UNIT_COLUMNS, Row, as_columns
from usage_plugin.store.tables import UsageRecordTag, UsageSegment, table_of

_CALL, _SEGMENT = table_of(UsageCall).c, table_of(UsageSegment).c
_KEY = POSITION["event_key"]
_COUNTED = ("calls", *TOKEN_COLUMNS, *UNIT_COLUMNS, "cost_nano_usd", "saved_cost_nano_usd", "adjustment_nano_usd")
_TIMED = ("latency_ms", "ttft_ms", "queue_ms")
_KEY_BYTES = 16


def held_for_good(connection: Connection, moments: Mapping[str, Sequence[datetime]]) -> set[str]:
    """Give the keys of those stored rows that must not change, since frozen sheets hold them.

    Args:
        connection: Of a transaction that has locked these rows. From here on nothing is frozen until it ends.
        moments: When the call ended, as it is stored and as it would be, by key.
    """
    if not moments:
        return set()
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE ONLY usage_call IN ROW EXCLUSIVE MODE"))
    quarters = {key: [floor_quarter(moment) for moment in some] for key, some in moments.items()}
    every = [quarter for some in quarters.values() for quarter in some]
    during = (_SEGMENT.start_quarter <= max(every), _SEGMENT.end_quarter > min(every))
    query = select(_SEGMENT.start_quarter, _SEGMENT.end_quarter, _SEGMENT.frozen_id)
    frozen = connection.execute(query.where(*during, _SEGMENT.frozen_id.is_not(None))).all()
    if not frozen:
        return set()
    numbers = connection.execute(select(_CALL.event_key, _CALL.id).where(_CALL.event_key.in_(sorted(moments))))
    return {
        key
        for key, number in numbers
        for start, end, last in frozen
        if number <= last and any(start <= quarter < end for quarter in quarters[key])
    }


def reverse(connection: Connection, rows: Sequence[Row]) -> set[str]:
    """Make up for rows that stay; gives the keys of those for which nobody had done so before.

    Args:
        connection: Of a transaction that has locked them.
        rows: As ``RECORD_COLUMNS``.
    """
    if not rows:
        return set()
    tags = _tags(connection, [row[_KEY] for row in rows])
    reversals = {key_after(row[_KEY]): row for row in rows}
    against = [_reversed(row, key) for key, row in sorted(reversals.items())]
    of_reversal = {key: tags[row[_KEY]] for key, row in reversals.items() if row[_KEY] in tags}
    calls, _ = narrow(connection, as_columns(against), of_reversal)
    new = insert_new(connection, table_of(UsageCall), calls, "event_key")
    return {row[_KEY] for key, row in reversals.items() if bytes.fromhex(key) in new}


def key_after(key: str) -> str:
    """Give the key of the row that stands beside one that cannot change."""
    return hashlib.blake2b(bytes.fromhex(key), digest_size=_KEY_BYTES, person=b"usage beside").hexdigest()


def _reversed(row: Row, key: str) -> Row:
    changed = list(row)
    for position in (POSITION[name] for name in _COUNTED):
        changed[position] = None if row[position] is None else -row[position]
    for position in (POSITION[name] for name in _TIMED):
        changed[position] = None
    changed[_KEY] = key
    return tuple(changed)


def _tags(connection: Connection, keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
    read = table_of(UsageRecordTag).c
    found: dict[str, tuple[str, ...]] = {}
    for key, tag in connection.execute(select(read.event_key, read.tag).where(read.event_key.in_(sorted(keys)))):
        found[key] = (*found.get(key, ()), tag)
    return found
