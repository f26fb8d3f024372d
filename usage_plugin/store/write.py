"""Events in, rows and totals out, in one transaction: writing twice is writing once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
from usage_plugin.store.database import unavailable
from usage_plugin.store.marks import SpoolMark, forget_mark, move_mark, stored_mark
from usage_plugin.store.memory import storing
from usage_plugin.store.migrate import SchemaState, newer_schema, schema_state
from usage_plugin.store.narrow import narrow
from usage_plugin.store.partitions import forget, is_missing, known_elsewhere, prepare
from usage_plugin.store.remedy import MIGRATE, remedy_for
from usage_plugin.store.retention import Kind, pruned_before
from usage_plugin.store.reversal import held_for_good, key_after, reverse
from usage_plugin.store.rollups import change_rollups
from usage_plugin.store.rows import (
    POSITION,
    PRICE_COLUMNS,
    Columns,
    Row,
    as_columns,
    as_rows,
    joined,
    only,
    price_rows,
    record_columns,
    record_row,
)
from usage_plugin.store.sheets.touch import touch
from usage_plugin.store.stored import Change, add_tags, add_up, by_key, delete, key_of, lock, present, update
from usage_plugin.store.tables import PriceSnapshotRow, table_of

_COMPLETED_AT = POSITION["completed_at"]
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
    coming = _coming(events, counted)
    prepare(engine, joined(coming.single, coming.counted)["completed_at"])
    with storing(engine) as connection:
        if mark is not None and not move_mark(connection, mark):
            return 0
        return _store(connection, coming.without(_too_late(connection, events)))


@dataclass(frozen=True, slots=True)
class _Coming:
    """What is to be stored: rows as ``RECORD_COLUMNS``, each once and sorted by key.

    Args:
        single: Of calls that have a row of their own.
        counted: Of calls that are counted together.
        tags: Of each call that has some, by key.
        replaced: Keys of the rows that are withdrawn.
        events: All of which this is made.
        calls: How many of the events are counted together.
    """

    single: Columns
    counted: Columns
    tags: Mapping[str, tuple[str, ...]]
    replaced: Collection[str]
    events: Sequence[UsageEvent]
    calls: int

    def without(self, keys: Collection[str]) -> _Coming:
        """Leave out single calls."""
        return (
            replace(self, single=only(self.single, "event_key", set(self.single["event_key"]) - set(keys)))
            if keys
            else self
        )


def _coming(events: Sequence[UsageEvent], counted: Sequence[UsageEvent]) -> _Coming:
    now = utc_now()
    replaced = {each.replaces for each in chain(events, counted) if each.replaces not in (None, each.event_key)}
    # Reversed, so that the first of two with the same key stays.
    known = {event.event_key: event for event in reversed(events) if event.event_key not in replaced}
    single = [known[key] for key in sorted(known)]
    together = [event for event in counted if event.event_key not in replaced]
    tags = {event.event_key: event.who.tags for event in single if event.who.tags}
    for event in together:
        tags[event.event_key] = (*tags.get(event.event_key, ()), *event.who.tags)
    sums = by_key(record_row(event, now) for event in together)
    return _Coming(
        record_columns(single, now),
        as_columns(sums[key] for key in sorted(sums)),
        {key: names for key, names in tags.items() if names},
        {key for key in replaced if key is not None},
        [*single, *together],
        len(together),
    )


def _store(connection: Connection, coming: _Coming) -> int:
    calls, prices = narrow(connection, joined(coming.single, coming.counted), coming.tags)
    snapshots = price_rows(coming.events, prices)
    insert(connection, table_of(PriceSnapshotRow), PRICE_COLUMNS, snapshots, "(price_key) DO NOTHING")
    alone = len(coming.single["event_key"])
    new = _insert(connection, coming.single, {name: values[:alone] for name, values in calls.items()})
    change, withdrawn = _add_counted(connection, coming), _withdraw(connection, coming.replaced)
    added = joined(new, as_columns(change.added))
    removed = as_columns([*change.removed, *withdrawn])
    change_rollups(connection, added, removed)
    touch(connection, chain(added["completed_at"], removed["completed_at"]))
    return len(new["event_key"]) + coming.calls


def _insert(connection: Connection, rows: Columns, calls: Columns) -> Columns:
    """Insert rows as the calls that they are, and give those that were not there yet."""
    known = known_elsewhere(connection, rows)
    wanted = set(map(bytes.fromhex, rows["event_key"])) - known
    new = insert_new(connection, table_of(UsageCall), only(calls, "event_key", wanted), "event_key")
    return only(rows, "event_key", {key.hex() for key in new})


def _add_counted(connection: Connection, coming: _Coming) -> Change:
    """Insert the rows of calls that are counted together, or add them to those that are there."""
    waiting = {key_of(row): row for row in as_rows(coming.counted)}
    change, tags = Change([], []), dict(coming.tags)
    while waiting:  # again where another process withdrew a row in between
        rows = as_columns(waiting[key] for key in sorted(waiting))
        new = as_rows(_insert(connection, rows, narrow(connection, rows, tags)[0]))
        stored = lock(connection, waiting.keys() - map(key_of, new))
        sums = {key: add_up(row, waiting[key]) for key, row in stored.items()}
        held = held_for_good(connection, {key: _ends(stored[key], sums[key]) for key in stored})
        sums = {key: row for key, row in sums.items() if key not in held}
        update(connection, sums)
        add_tags(connection, {key: tags[key] for key in sums if key in tags})
        change.added.extend([*new, *sums.values()])
        change.removed.extend(stored[key] for key in sums)
        # Those that cannot change any more get a row with another key beside them.
        beside = {key: key_after(key) for key in held}
        tags |= {beside[key]: tags[key] for key in held if key in tags}
        left = {beside.get(key, key): waiting[key] for key in waiting.keys() - map(key_of, change.added)}
        waiting = {key: _with_key(row, key) for key, row in left.items()}
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


def _withdraw(connection: Connection, keys: Iterable[str]) -> list[Row]:
    """Delete rows, or make up for those that cannot change any more; gives what the totals lose."""
    rows = lock(connection, keys)
    held = held_for_good(connection, {key: _ends(row) for key, row in rows.items()})
    delete(connection, rows.keys() - held)
    withdrawn = rows.keys() - held | reverse(connection, [rows[key] for key in sorted(held)])
    return [rows[key] for key in sorted(withdrawn)]


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
