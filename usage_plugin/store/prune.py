"""Days to keep in, what is older deleted in small steps out; the totals of what goes stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Column, Connection, Engine, delete, func, select, tuple_
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.store.calls import UsageCall
from usage_plugin.store.database import unavailable
from usage_plugin.store.migrate import require_current
from usage_plugin.store.pace import Pace, pace_for
from usage_plugin.store.partitions import whole_months
from usage_plugin.store.prune_calls import calls_to_prune, prune_calls
from usage_plugin.store.quarters import QUARTERS_PER_HOUR, floor_quarter, start_of
from usage_plugin.store.retention import DAY, Kind, Retention, floor_day, move_retention_mark
from usage_plugin.store.space import checkpoint, give_back, sizes
from usage_plugin.store.tables import UsageDay, UsageSegment, UsageSheet, UsageTouch, table_of
from usage_plugin.store.unused import forget_unused
from usage_plugin.store.zones import UTC_ZONE

Progress = Callable[[int, int], None]
"""Takes rows done and rows in all."""
_CALLS, _DAILY = table_of(UsageCall), table_of(UsageDay)
_SEGMENTS, _SHEETS, _TOUCHES = table_of(UsageSegment), table_of(UsageSheet), table_of(UsageTouch)


@dataclass(frozen=True, slots=True)
class Going:
    """Rows of a kind that are older than they are kept for."""

    kind: Kind
    before: datetime
    rows: int
    days: int
    about_bytes: int
    partitions: tuple[str, ...] = ()
    """Of these rows, whole months that go at once."""
    late: int = 0
    """Further rows that stay as long as sheets: they came after the calls of their time had gone."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went."""

    rows: Mapping[Kind, int]
    bytes_returned: int
    longest_step_s: float


def plan(engine: Engine, retention: Retention, now: datetime) -> tuple[Going, ...]:
    """Say what would go, and change nothing.

    Args:
        engine: Of a migrated database.
        retention: Days to keep.
        now: Days are counted back from it.

    Raises:
        StoreUnavailable: The database does not answer.
        SchemaMismatch: The schema is not this version's.
    """
    require_current(engine)
    cutoffs = retention.cutoffs(now)
    try:
        with engine.connect() as connection:
            bytes_of = sizes(connection)
            return (
                _calls_going(connection, cutoffs, bytes_of),
                *(_totals_going(connection, kind, cutoffs[kind], bytes_of) for kind in (Kind.SHEETS, Kind.DAILY)),
            )
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from error


def _calls_going(connection: Connection, cutoffs: Mapping[Kind, datetime], bytes_of: Mapping[str, int]) -> Going:
    before, moment = cutoffs[Kind.RECORDS], _CALLS.c.completed_at
    rows, late = calls_to_prune(connection, before, cutoffs[Kind.SHEETS])
    oldest = connection.execute(select(func.min(moment)).where(moment < before)).scalar()
    partitions = tuple(month.name for month in whole_months(connection, before))
    days = _days(oldest, before) if rows else 0
    return Going(Kind.RECORDS, before, rows, days, _share(connection, _CALLS, rows, bytes_of), partitions, late)


def _totals_going(connection: Connection, kind: Kind, before: datetime, bytes_of: Mapping[str, int]) -> Going:
    table, moment, limit = _source(kind, before)
    query = select(func.count(), func.min(moment)).where(moment < limit)
    rows, oldest = connection.execute(query).one()
    if not rows:
        return Going(kind, before, 0, 0, 0)
    since = start_of(oldest) if kind is Kind.SHEETS else oldest
    return Going(kind, before, rows, _days(since, before), _share(connection, table, rows, bytes_of))


def _source(kind: Kind, before: datetime) -> tuple[Any, Any, Any]:
    """Give the table, the column that says when, and its value at a moment."""
    if kind is Kind.SHEETS:
        return _SHEETS, _SHEETS.c.start_quarter, floor_quarter(before)
    return _DAILY, _DAILY.c.day, before.date()


def _share(connection: Connection, table: Any, rows: int, bytes_of: Mapping[str, int]) -> int:
    if not rows:
        return 0
    every = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return bytes_of[table.name] * rows // every


def _days(oldest: date | None, before: datetime) -> int:
    if oldest is None:
        return 0
    moment = oldest if isinstance(oldest, datetime) else datetime.combine(oldest, time(), UTC)
    return -((floor_day(moment) - before) // DAY)


def prune(
    engine: Engine,
    retention: Retention,
    now: datetime,
    pace: Pace | None = None,
    progress: Progress = lambda _done, _all: None,
    *,
    zone: ZoneInfo = UTC_ZONE,
) -> Pruned:
    """Delete what is older than it is kept for, oldest first, while others go on writing.

    Calls go when sheets hold them for good; what is not added up yet, is added up first. Each step deletes some rows
    in one short transaction and moves the kind's mark past them: it may be stopped at any moment. Price snapshots stay.

    Args:
        engine: Of a migrated database.
        retention: Days to keep.
        now: Days are counted back from it.
        pace: How long a step may take, and the rest after it.
        progress: Told after each step.
        zone: Whose days are asked for.

    Raises:
        StoreUnavailable: The database does not answer.
        SchemaMismatch: The schema is not this version's.
    """
    going, pace, cutoffs = plan(engine, retention, now), pace or pace_for(engine), retention.cutoffs(now)
    due, gone = sum(each.rows for each in going), dict.fromkeys(Kind, 0)
    try:
        for kind, deleted in _steps(engine, cutoffs, now, zone, pace):
            gone[kind] += deleted
            progress(min(sum(gone.values()), due), due)
        returned = give_back(engine, pace)
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from error
    return Pruned(gone, returned, pace.longest_s)


def _steps(
    engine: Engine, cutoffs: Mapping[Kind, datetime], now: datetime, zone: ZoneInfo, pace: Pace
) -> Iterator[tuple[Kind, int]]:
    calls = 0
    for deleted in prune_calls(engine, cutoffs[Kind.RECORDS], cutoffs[Kind.SHEETS], now, zone, pace):
        calls += deleted
        yield Kind.RECORDS, deleted
    sheets = floor_quarter(cutoffs[Kind.SHEETS])
    # Without its segment a sheet is not read any more.
    going: tuple[tuple[Kind, Column[Any], Any, int], ...] = (
        (Kind.SHEETS, _SEGMENTS.c.end_quarter, sheets + 1, 0),
        (Kind.SHEETS, _SHEETS.c.start_quarter, sheets, 1),
        (Kind.SHEETS, _TOUCHES.c.utc_hour, sheets // QUARTERS_PER_HOUR, 0),
        (Kind.DAILY, _DAILY.c.day, cutoffs[Kind.DAILY].date(), 1),
    )
    for kind, moment, limit, counts in going:
        mark = _Mark(kind, cutoffs[kind])
        for deleted in _delete_before(engine, moment, limit, mark, pace):
            yield kind, counts * deleted
    if calls:
        for _ in forget_unused(engine, pace):
            yield Kind.RECORDS, 0


@dataclass(frozen=True, slots=True)
class _Mark:
    """Up to when rows of a kind are not complete any more."""

    kind: Kind
    before: datetime


def _delete_before(engine: Engine, moment: Column[Any], limit: Any, mark: _Mark, pace: Pace) -> Iterator[int]:
    """Delete the rows of a table before a moment in steps; gives how many went in each."""
    pace.restart()
    while True:
        begin = pace.clock()
        with pace.step(engine) as connection:
            deleted = _delete_some(connection, moment, limit, pace)
            if deleted:
                move_retention_mark(connection, mark.kind, mark.before)
        checkpoint(engine)
        if not deleted:
            return
        pace.rest(begin)
        yield deleted


def _delete_some(connection: Connection, moment: Column[Any], limit: Any, pace: Pace) -> int:
    table, deleted = moment.table, 0
    keys = tuple_(*table.primary_key.columns)
    oldest = select(*table.primary_key.columns).where(moment < limit).order_by(moment)
    for some in pace.portions():
        here = keys.in_(oldest.limit(some).with_for_update(skip_locked=True))
        gone = connection.execute(delete(table).where(here)).rowcount
        deleted += gone
        if gone < some:
            break
    return deleted
