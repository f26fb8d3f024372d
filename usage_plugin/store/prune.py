"""Days to keep in, what is older deleted in small steps out; the totals of what goes stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Column, Connection, Engine, Table, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.store.calls import UsageCall
from usage_plugin.store.database import unavailable
from usage_plugin.store.migrate import require_current
from usage_plugin.store.pace import Pace
from usage_plugin.store.partitions import drop, whole_months
from usage_plugin.store.retention import DAY, HOUR, Kind, Retention, floor_day, floor_hour, move_retention_mark
from usage_plugin.store.space import checkpoint, give_back, sizes
from usage_plugin.store.tables import UsageDaily, table_of

_ATTEMPTS = 20
Progress = Callable[[int, int], None]
"""Takes rows done and rows in all."""


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


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went."""

    rows: Mapping[Kind, int]
    bytes_returned: int
    longest_step_s: float


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a kind is: its table, the column that says when, and the key of a row."""

    table: Table
    moment: Column[Any]
    key: Column[Any]

    def is_before(self, moment: datetime) -> Any:
        return self.moment < (moment.date() if self.moment.name == "day" else moment)


def _sources() -> Mapping[Kind, _Source]:
    calls, daily = table_of(UsageCall), table_of(UsageDaily)
    return {
        Kind.RECORDS: _Source(calls, calls.c.completed_at, calls.c.id),
        Kind.DAILY: _Source(daily, daily.c.day, daily.c.rollup_key),
    }


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
            return tuple(_going(connection, kind, cutoffs[kind], bytes_of) for kind in _sources())
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from error


def _going(connection: Connection, kind: Kind, before: datetime, bytes_of: Mapping[str, int]) -> Going:
    source = _sources()[kind]
    count = select(func.count()).select_from(source.table)
    rows = connection.execute(count.where(source.is_before(before))).scalar_one()
    oldest = connection.execute(select(func.min(source.moment)).where(source.is_before(before))).scalar()
    months = whole_months(connection, before) if kind is Kind.RECORDS else []
    partitions = tuple(month.name for month in months)
    if oldest is None:
        return Going(kind, before, 0, 0, 0, partitions)
    share = rows / connection.execute(count).scalar_one()
    days = -((floor_day(_as_moment(oldest)) - before) // DAY)
    return Going(kind, before, rows, days, int(bytes_of[source.table.name] * share), partitions)


def prune(
    engine: Engine,
    retention: Retention,
    now: datetime,
    pace: Pace | None = None,
    progress: Progress = lambda _done, _all: None,
) -> Pruned:
    """Delete what is older than it is kept for, oldest first, while others go on writing.

    Each step deletes some rows and moves the kind's mark past their hour or day, in one short transaction: it may be
    stopped at any moment. Price snapshots stay.

    Args:
        engine: Of a migrated database.
        retention: Days to keep.
        now: Days are counted back from it.
        pace: How long a step may take, and the rest after it.
        progress: Told after each step.

    Raises:
        StoreUnavailable: The database does not answer.
        SchemaMismatch: The schema is not this version's.
    """
    going, pace = plan(engine, retention, now), pace or Pace()
    due, gone = sum(each.rows for each in going), dict.fromkeys(_sources(), 0)
    try:
        for kind, before in ((each.kind, each.before) for each in going if each.rows or each.partitions):
            pace.restart()
            if kind is Kind.RECORDS:
                gone[kind] += _drop_months(engine, before, pace)
                progress(min(sum(gone.values()), due), due)
            while deleted := _step(engine, kind, before, pace):
                gone[kind] += deleted
                progress(min(sum(gone.values()), due), due)
        returned = give_back(engine, pace)
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from error
    return Pruned(gone, returned, pace.longest_s)


def _drop_months(engine: Engine, before: datetime, pace: Pace) -> int:
    """Drop the partitions of whole months; one that others use all the time is left to be deleted in steps."""
    with engine.connect() as connection:
        months = whole_months(connection, before)
    gone = 0
    for month in months:
        for _ in range(_ATTEMPTS):
            begin = pace.clock()
            with engine.begin() as connection:
                calls = drop(connection, month)
                if calls is not None:
                    gone += calls
                    move_retention_mark(connection, Kind.RECORDS, month.end)
            pace.rest(begin)
            if calls is not None:
                break
    return gone


def _step(engine: Engine, kind: Kind, before: datetime, pace: Pace) -> int:
    begin = pace.clock()
    with pace.step(engine) as connection:
        deleted = _delete_oldest(connection, kind, before, pace.size)
    checkpoint(engine)
    if deleted:
        pace.rest(begin)
    return deleted


def _delete_oldest(connection: Connection, kind: Kind, before: datetime, most: int) -> int:
    source = _sources()[kind]
    oldest = select(source.key, source.moment).where(source.is_before(before)).order_by(source.moment).limit(most)
    rows = connection.execute(oldest.with_for_update(skip_locked=True)).all()
    if not rows:
        return 0
    keys = [key for key, _moment in rows]
    last = rows[-1][1]
    connection.execute(delete(source.table).where(source.key.in_(keys), source.moment <= last))
    move_retention_mark(connection, kind, _end_of_bucket(kind, last))
    return len(rows)


def _end_of_bucket(kind: Kind, moment: date) -> datetime:
    """Give the end of the hour of a record, or of the day of totals: what is before it is not complete any more."""
    last = _as_moment(moment)
    return floor_hour(last) + HOUR if kind is Kind.RECORDS else floor_day(last) + DAY


def _as_moment(value: date) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, time(), UTC)
