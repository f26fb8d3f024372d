"""A store and a moment in, how many calls before it are in no sheet out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, func, select

from usage_plugin.store.calls import UsageCall
from usage_plugin.store.quarters import floor_quarter, start_of
from usage_plugin.store.sheets.segments import Level, Stretch, segments
from usage_plugin.store.tables import table_of


def not_added_up(connection: Connection, before: datetime, most: int) -> int:
    """Count calls that pages have to read one by one, up to *most* and one.

    Args:
        connection: Sees one moment.
        before: Only calls that ended before the quarter of an hour that this lies in.
        most: How far to count.
    """
    moment, found = table_of(UsageCall).c.completed_at, 0
    first = connection.execute(select(func.min(moment))).scalar()
    if first is None:
        return 0
    for start, end in _gaps(connection, floor_quarter(first), floor_quarter(before)):
        inside = (moment >= start_of(start), moment < start_of(end))
        some = select(moment).where(*inside).limit(most + 1 - found).subquery()
        found += connection.execute(select(func.count()).select_from(some)).scalar_one()
        if found > most:
            break
    return found


def _gaps(connection: Connection, start: int, end: int) -> Iterator[Stretch]:
    """Give the time that no good segment covers."""
    kept = [each for level in Level for each in segments(connection, start, end, level)] if start < end else []
    cursor = start
    for segment in sorted(kept, key=lambda each: each.start):
        if segment.is_good:
            if cursor < segment.start:
                yield cursor, segment.start
            cursor = max(cursor, segment.end)
    if cursor < end:
        yield cursor, end
