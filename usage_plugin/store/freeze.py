"""Segments in, those out whose sheets hold their calls for good: then these calls may be deleted.

A frozen segment is never made again. It holds the calls of its time up to a row, the last one there was; later ones
are read beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, select, text, true, update
from sqlalchemy.exc import OperationalError

from usage_plugin.store.calls import UsageCall
from usage_plugin.store.database import writing
from usage_plugin.store.partitions import PATIENCE, is_busy
from usage_plugin.store.quarters import floor_quarter, start_of
from usage_plugin.store.sheets.segments import Level, Stretch, changes_of, segments
from usage_plugin.store.tables import UsageSegment, UsageSheet, table_of

_SEGMENT, _SHEET, _CALL = table_of(UsageSegment), table_of(UsageSheet), table_of(UsageCall)


@dataclass(frozen=True, slots=True)
class Frozen:
    """A time whose calls up to a row are in sheets for good."""

    start: datetime
    end: datetime
    last_id: int

    def calls(self, dialect: str) -> ColumnElement[bool]:
        """Say which calls may be deleted."""
        moment = _CALL.c.completed_at
        return and_(moment >= self.start, moment < self.end, _CALL.c.id <= self.last_id, may_go(dialect))

    def late_calls(self) -> ColumnElement[bool]:
        """Say which calls came too late to be in the sheets."""
        moment = _CALL.c.completed_at
        return and_(moment >= self.start, moment < self.end, _CALL.c.id > self.last_id)


def may_go(dialect: str) -> ColumnElement[bool]:
    """Say which calls may be deleted at all.

    SQLite numbers rows from the highest one that is there: that one stays, so that no later call takes a number that
    was given before.
    """
    newest = select(func.max(_CALL.alias("every").c.id)).scalar_subquery()
    return _CALL.c.id < newest if dialect == "sqlite" else true()


def freeze(engine: Engine, span: Stretch) -> bool:
    """Freeze the good segments that lie in a span, while nobody writes.

    Args:
        engine: Of a migrated database.
        span: In quarters of an hour.

    Returns:
        ``False`` where writers would have to wait too long for it; then another attempt may succeed.
    """
    try:
        with writing(engine).begin() as connection:
            keep_writers_out(connection)
            newest = connection.execute(select(func.max(_CALL.c.id))).scalar() or 0
            for start, end in _freeze(connection, span, Level.DAYS, newest):
                _freeze(connection, (start, end), Level.HOURS, newest)
                _forget_hours(connection, (start, end))
    except OperationalError as error:
        if not is_busy(error):
            raise
        return False
    return True


def _freeze(connection: Connection, span: Stretch, level: Level, newest: int) -> list[Stretch]:
    """Freeze the segments of a level whose calls did not change since they were made, and give these."""
    columns, (first, last) = _SEGMENT.c, span
    inside = (columns.level == level, columns.start_quarter >= first, columns.end_quarter <= last)
    query = select(columns.start_quarter, columns.end_quarter, columns.changes).where(*inside)
    # Locked: whoever makes one of them again waits, and then sees that it is frozen.
    locked = query.where(columns.frozen_id.is_(None)).order_by(columns.start_quarter).with_for_update()
    seen = {(row.start_quarter, row.end_quarter): row.changes for row in connection.execute(locked)}
    changes = changes_of(connection, list(seen))
    good = [stretch for stretch in seen if changes[stretch] == seen[stretch]]
    here = (columns.level == level, columns.start_quarter.in_([start for start, _ in good]))
    connection.execute(update(_SEGMENT).where(*here).values(frozen_id=newest))
    return good


def _forget_hours(connection: Connection, span: Stretch) -> None:
    """Delete hours that are not frozen with their day: those that changed, and those of another zone at its edge."""
    columns, (start, end) = _SEGMENT.c, span
    inside = (columns.level == Level.HOURS, columns.end_quarter > start, columns.start_quarter < end)
    left = select(columns.start_quarter).where(*inside, columns.frozen_id.is_(None)).order_by(columns.start_quarter)
    starts = list(connection.execute(left.with_for_update()).scalars())
    if starts:
        for table in (_SHEET, _SEGMENT):
            here = (table.c.level == Level.HOURS, table.c.start_quarter.in_(starts))
            connection.execute(delete(table).where(*here))


def frozen(connection: Connection, span: Stretch) -> list[Frozen]:
    """Give what is frozen in a span, in order."""
    present = (each for each in segments(connection, *span) if span[0] <= each.start and each.end <= span[1])
    return [
        Frozen(start_of(each.start), start_of(each.end), each.frozen_id)
        for each in present
        if each.frozen_id is not None
    ]


def covers(some: list[Frozen], start: datetime, end: datetime) -> bool:
    """Say whether all of a time is frozen."""
    reached = start
    for each in some:
        if each.start > reached:
            return False
        reached = max(reached, each.end)
    return reached >= end


def span_of(start: datetime, end: datetime) -> Stretch:
    """Give the quarters between two moments; the last one is whole."""
    return floor_quarter(start), floor_quarter(end)


def keep_writers_out(connection: Connection) -> None:
    """Wait for whoever has begun to write, and let nobody begin: whoever comes later gets a higher number.

    On SQLite whoever writes is alone.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
        connection.execute(text("LOCK TABLE ONLY usage_call IN SHARE MODE"))
