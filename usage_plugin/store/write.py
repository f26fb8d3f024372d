"""Events in, rows and totals out, in one transaction: writing twice is writing once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from usage_plugin.clock import utc_now
from usage_plugin.errors import StoreError, StoreRefused
from usage_plugin.event import UsageEvent
from usage_plugin.guard import describe
from usage_plugin.store.bulk import insert, insert_new
from usage_plugin.store.database import unavailable, writing
from usage_plugin.store.marks import SpoolMark, forget_mark, move_mark, stored_mark
from usage_plugin.store.migrate import SchemaState, newer_schema, schema_state
from usage_plugin.store.remedy import MIGRATE, remedy_for
from usage_plugin.store.rollups import change_rollups
from usage_plugin.store.rows import (
    POSITION,
    PRICE_COLUMNS,
    RECORD_COLUMNS,
    TAG_COLUMNS,
    Row,
    price_rows,
    record_row,
    tag_rows,
)
from usage_plugin.store.sheets.touch import touch
from usage_plugin.store.stored import Change, add_up, by_key, delete, key_of, lock, update
from usage_plugin.store.tables import PriceSnapshotRow, UsageRecord, UsageRecordTag, table_of

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
        with writing(engine).begin() as connection:
            if mark is not None and not move_mark(connection, mark):
                return 0
            return _store(connection, events, counted)
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error, *_VALUE_ERRORS) as error:
        raise _explained(engine, error) from error


def _store(connection: Connection, events: Sequence[UsageEvent], counted: Sequence[UsageEvent]) -> int:
    replacing = (event for event in chain(events, counted) if event.replaces not in (None, event.event_key))
    replaced = {event.replaces for event in replacing if event.replaces is not None}
    # Reversed, so that the first of two with the same key stays.
    known = {event.event_key: event for event in reversed(events) if event.event_key not in replaced}
    together = [event for event in counted if event.event_key not in replaced]
    added, removed = _insert_events(connection, [known[key] for key in sorted(known)]), list[Row]()
    new = [known[key_of(row)] for row in added]
    for change in (_add_counted(connection, together), _withdraw(connection, replaced)):
        added.extend(change.added)
        removed.extend(change.removed)
    _insert_tags_and_prices(connection, [*new, *together])
    change_rollups(connection, added, removed)
    touch(connection, (row[_COMPLETED_AT] for row in chain(added, removed)))
    return len(new) + len(together)


def _insert_events(connection: Connection, events: Sequence[UsageEvent]) -> list[Row]:
    """Insert a row for each event, and give those that were not there yet."""
    now = utc_now()
    return _insert_new(connection, [record_row(event, now) for event in events])


def _insert_new(connection: Connection, rows: Sequence[Row]) -> list[Row]:
    new = insert_new(connection, table_of(UsageRecord), RECORD_COLUMNS, rows, "event_key")
    return [row for row in rows if key_of(row) in new] if len(new) < len(rows) else list(rows)


def _add_counted(connection: Connection, events: Sequence[UsageEvent]) -> Change:
    """Insert the rows of calls that are counted together, or add them to those that are there."""
    now = utc_now()
    waiting = by_key(record_row(event, now) for event in events)
    change = Change([], [])
    while waiting:  # again where another process withdrew a row in between
        new = _insert_new(connection, [waiting[key] for key in sorted(waiting)])
        stored = lock(connection, waiting.keys() - map(key_of, new))
        sums = {key: add_up(row, waiting[key]) for key, row in stored.items()}
        update(connection, sums)
        change.added.extend([*new, *sums.values()])
        change.removed.extend(stored.values())
        waiting = {key: waiting[key] for key in waiting.keys() - map(key_of, change.added)}
    return change


def _withdraw(connection: Connection, keys: Iterable[str]) -> Change:
    rows = lock(connection, keys)
    delete(connection, rows)
    return Change([], list(rows.values()))


def _insert_tags_and_prices(connection: Connection, events: Sequence[UsageEvent]) -> None:
    tags, prices = table_of(UsageRecordTag), table_of(PriceSnapshotRow)
    insert(connection, tags, TAG_COLUMNS, tag_rows(events), "(event_key, tag) DO NOTHING")
    insert(connection, prices, PRICE_COLUMNS, price_rows(events), "(price_key) DO NOTHING")


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
