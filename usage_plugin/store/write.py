"""Events in, rows and totals out, in one transaction: writing twice is writing once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from usage_plugin.clock import utc_now
from usage_plugin.errors import StoreError, StoreRefused
from usage_plugin.event import UsageEvent
from usage_plugin.guard import describe
from usage_plugin.store.bulk import insert, insert_new
from usage_plugin.store.calls import UsageCall
from usage_plugin.store.database import unavailable, writing
from usage_plugin.store.marks import SpoolMark, forget_mark, move_mark, stored_mark
from usage_plugin.store.migrate import SchemaState, newer_schema, schema_state
from usage_plugin.store.narrow import CALL_COLUMNS, narrow
from usage_plugin.store.partitions import forget, is_missing, known_elsewhere, prepare
from usage_plugin.store.remedy import MIGRATE, remedy_for
from usage_plugin.store.retention import Kind, pruned_before
from usage_plugin.store.reversal import held_for_good, key_after, reverse
from usage_plugin.store.rollups import change_rollups
from usage_plugin.store.rows import POSITION, PRICE_COLUMNS, Row, price_rows, record_row
from usage_plugin.store.sheets.touch import touch
from usage_plugin.store.stored import Change, add_tags, add_up, by_key, delete, key_of, lock, present, update
from usage_plugin.store.tables import PriceSnapshotRow, table_of

_COMPLETED_AT = POSITION["completed_at"]
_KEY = CALL_COLUMNS.index("event_key")
# What values bring about before they reach the database.
_VALUE_ERRORS = (OverflowError, TypeError, ValueError)

__all__ = ["SpoolMark", "forget_mark", "stored_mark", "write_events"]


def write_events(
    engine: Engine,
    events: Sequence[UsageEvent],
    mark: SpoolMark | None = None,
    counted: Sequence[UsageEvent] = (),
) -> int:
    """Store events, their tags, prices and totals in one transaction.

    The row that an event ``replaces`` is withdrawn with what it added to the totals.

    Args:
        engine: Of a migrated database.
        events: Any number, also such as are stored already.
        mark: How far the spool that the events came from is stored then. Where it is stored as far as that
            already, nothing is: an earlier attempt was committed, though nobody heard of it.
        counted: Calls that are counted together: added to the row with their key where there is one. Only a
            *mark* keeps them from being added twice.

    Returns:
        How many of the events were new, and of the counted ones all.

    Raises:
        StoreUnavailable: Nothing was stored; the same events can be written again later.
        StoreRefused: Nothing was stored, and one of the events never will be.
    """
    try:
        try:
            return _write(engine, events, mark, counted)
        except DBAPIError as error:
            if not is_missing(error):
                raise
            forget(engine)  # another process dropped a partition
            return _write(engine, events, mark, counted)
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error, *_VALUE_ERRORS) as error:
        raise _explained(engine, error) from error


def _write(engine: Engine, events: Sequence[UsageEvent], mark: SpoolMark | None, counted: Sequence[UsageEvent]) -> int:
    prepare(engine, (event.timing.completed_at for event in chain(events, counted)))
    with writing(engine).begin() as connection:
        if mark is not None and not move_mark(connection, mark):
            return 0
        return _store(connection, events, counted)


def _store(connection: Connection, events: Sequence[UsageEvent], counted: Sequence[UsageEvent]) -> int:
    replacing = (event for event in chain(events, counted) if event.replaces not in (None, event.event_key))
    replaced = {event.replaces for event in replacing if event.replaces is not None}
    too_late = _too_late(connection, events)
    # Reversed, so that the first of two with the same key stays.
    known = {event.event_key: event for event in reversed(events) if event.event_key not in replaced | too_late}
    together = [event for event in counted if event.event_key not in replaced]
    coming = _coming(connection, [known[key] for key in sorted(known)], together)
    added, removed = coming.insert(connection, known), list[Row]()
    new = [known[key_of(row)] for row in added]
    for change in (_add_counted(connection, coming), _withdraw(connection, replaced)):
        added.extend(change.added)
        removed.extend(change.removed)
    prices = price_rows([*new, *together])
    insert(connection, table_of(PriceSnapshotRow), PRICE_COLUMNS, prices, "(price_key) DO NOTHING")
    change_rollups(connection, added, removed)
    touch(connection, (row[_COMPLETED_AT] for row in chain(added, removed)))
    return len(new) + len(together)


@dataclass(frozen=True, slots=True)
class _Coming:
    """Rows by the event's key: as ``RECORD_COLUMNS``, as ``CALL_COLUMNS``, and their tags."""

    single: dict[str, Row]
    counted: dict[str, Row]
    narrow: dict[str, Row]
    tags: dict[str, tuple[str, ...]]

    def insert(self, connection: Connection, keys: Collection[str], *, counted: bool = False) -> list[Row]:
        """Insert rows, and give those that were not there yet."""
        rows = self.counted if counted else self.single
        known = known_elsewhere(connection, [rows[key] for key in keys])
        wanted = sorted(key for key in keys if key not in known)
        narrow_rows = [self.narrow[key] for key in wanted]
        new = insert_new(connection, table_of(UsageCall), CALL_COLUMNS, narrow_rows, "event_key")
        return [rows[key] for key, row in zip(wanted, narrow_rows, strict=True) if row[_KEY] in new]

    def put_beside(self, connection: Connection, keys: Iterable[str]) -> list[Row]:
        """Give counted rows another key, since the rows that have theirs cannot change any more."""
        beside = {key_after(key): key for key in sorted(keys)}
        rows = [_with_key(self.counted[key], new_key) for new_key, key in beside.items()]
        self.counted.update(zip(beside, rows, strict=True))
        self.tags.update({new_key: self.tags[key] for new_key, key in beside.items()})
        tags = {key: self.tags[key] for key in beside if self.tags[key]}
        self.narrow.update(zip(beside, narrow(connection, rows, tags), strict=True))
        return rows


def _coming(connection: Connection, events: Sequence[UsageEvent], together: Sequence[UsageEvent]) -> _Coming:
    now = utc_now()
    single = {event.event_key: record_row(event, now) for event in events}
    counted = by_key(record_row(event, now) for event in together)
    tags = {event.event_key: event.who.tags for event in events if event.who.tags}
    for event in together:
        tags[event.event_key] = (*tags.get(event.event_key, ()), *event.who.tags)
    # Where a key comes alone and counted, too, the rows agree in what they share.
    rows = {**counted, **single}
    narrow_rows = narrow(connection, list(rows.values()), tags)
    return _Coming(single, counted, dict(zip(rows, narrow_rows, strict=True)), tags)


def _add_counted(connection: Connection, coming: _Coming) -> Change:
    """Insert the rows of calls that are counted together, or add them to those that are there."""
    waiting = dict(coming.counted)
    change = Change([], [])
    while waiting:  # again where another process withdrew a row in between
        new = coming.insert(connection, waiting, counted=True)
        stored = lock(connection, waiting.keys() - map(key_of, new))
        sums = {key: add_up(row, waiting[key]) for key, row in stored.items()}
        held = held_for_good(connection, {key: _ends(stored[key], sums[key]) for key in stored})
        sums = {key: row for key, row in sums.items() if key not in held}
        update(connection, sums)
        add_tags(connection, {key: coming.tags[key] for key in sums if coming.tags[key]})
        change.added.extend([*new, *sums.values()])
        change.removed.extend(stored[key] for key in sums)
        waiting = {key: waiting[key] for key in waiting.keys() - map(key_of, change.added) - held}
        waiting |= {key_of(row): row for row in coming.put_beside(connection, held)}
    return change


def _too_late(connection: Connection, events: Sequence[UsageEvent]) -> set[str]:
    """Give the keys of events that would replace a row that is pruned: its request is counted already, and for good."""
    here = {event.event_key for event in events}
    waiting = {event.replaces: event for event in events if event.replaces is not None and event.replaces not in here}
    if not waiting:
        return set()
    mark = pruned_before(connection)[Kind.RECORDS]
    old = {key: event.event_key for key, event in waiting.items() if event.timing.received_at < mark}
    return {old[key] for key in old.keys() - present(connection, old)}


def _withdraw(connection: Connection, keys: Iterable[str]) -> Change:
    rows = lock(connection, keys)
    held = held_for_good(connection, {key: _ends(row) for key, row in rows.items()})
    delete(connection, rows.keys() - held)
    withdrawn = rows.keys() - held | reverse(connection, [rows[key] for key in sorted(held)])
    return Change([], [rows[key] for key in sorted(withdrawn)])


def _with_key(row: Row, key: str) -> Row:
    position = POSITION["event_key"]
    return (*row[:position], key, *row[position + 1 :])


def _ends(*rows: Row) -> list[datetime]:
    return [row[_COMPLETED_AT] for row in rows]


def _explained(engine: Engine, error: Exception) -> StoreError:
    """Tell values that no database will take from a database that is away, and from one that is ahead of us."""
    cause = getattr(error, "orig", None) or error
    is_refusal = _is_about_values(engine, error)
    if (is_refusal or remedy_for(cause) == MIGRATE) and schema_state(engine) is SchemaState.AHEAD:
        return newer_schema()
    if is_refusal:
        return StoreRefused(f"the database refuses a call: {describe(error)}")
    return unavailable(engine.url, error)


def _is_about_values(engine: Engine, error: Exception) -> bool:
    """Before the driver, all errors are about values."""
    driver = engine.dialect.loaded_dbapi
    if isinstance(error, DBAPIError | driver.Error):
        return isinstance(error, DataError | IntegrityError | driver.DataError | driver.IntegrityError)
    return isinstance(error, (StatementError, *_VALUE_ERRORS))
