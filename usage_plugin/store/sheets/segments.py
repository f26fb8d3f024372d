"""A store and a moment in, the stretches of time that should be added up into sheets now out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from usage_plugin.store.quarters import QUARTERS_PER_HOUR, floor_quarter, start_of
from usage_plugin.store.tables import UsageRecord, UsageSegment, UsageTouch, table_of
from usage_plugin.store.zones import floor_day, next_day

# So long ago a call may still be split by the hour: what the dashboard draws by the hour unless it is asked to.
HOURLY_FOR: Final = timedelta(days=8)
# A call is stored within a second of its end, mostly; a later one makes its hour be added up again.
GRACE: Final = timedelta(minutes=2)
QUARTERS_PER_DAY: Final = 24 * QUARTERS_PER_HOUR
_SEGMENT, _TOUCH = table_of(UsageSegment).c, table_of(UsageTouch).c

Stretch = tuple[int, int]
"""First quarter, and the first that is not inside any more."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time that was added up.

    Args:
        start: First quarter of an hour.
        end: The first one after it.
        calls: Rows in it.
        parts: Among how many sheets rare values are spread; 0 where there is one sheet in all.
        frozen_id: Rows up to this one are in it for good, though they may be pruned.
        is_current: Whether nothing was written to its hours since.
    """

    start: int
    end: int
    calls: int
    parts: int
    frozen_id: int | None
    is_current: bool

    @property
    def is_good(self) -> bool:
        """Whether it may be read."""
        return self.is_current or self.frozen_id is not None


def segments(connection: Connection, start: int, end: int) -> list[Segment]:
    """Give the segments that have a part in some quarters, in order.

    Args:
        connection: Sees one moment, so that segments and touches belong together.
        start: First quarter.
        end: The first that is not meant any more.
    """
    inside = select(table_of(UsageSegment)).where(_SEGMENT.end_quarter > start, _SEGMENT.start_quarter < end)
    rows = connection.execute(inside.order_by(_SEGMENT.start_quarter)).all()
    if not rows:
        return []
    changes = _changes(connection, rows[0].start_quarter, rows[-1].end_quarter)
    return [
        Segment(
            row.start_quarter,
            row.end_quarter,
            row.calls,
            row.parts,
            row.frozen_id,
            row.changes == changes.between(row.start_quarter, row.end_quarter),
        )
        for row in rows
    ]


def changes_between(connection: Connection, start: int, end: int) -> int:
    """Count the transactions that wrote to the hours of a stretch."""
    return _changes(connection, start, end).between(start, end)


def changes_of(connection: Connection, stretches: Sequence[Stretch]) -> Mapping[Stretch, int]:
    """Count the transactions that wrote to the hours of each of some stretches."""
    if not stretches:
        return {}
    changes = _changes(connection, min(start for start, _ in stretches), max(end for _, end in stretches))
    return {stretch: changes.between(*stretch) for stretch in stretches}


def due(connection: Connection, now: datetime, zone: ZoneInfo) -> list[Stretch]:
    """Give what should be added up, the newest first.

    Args:
        connection: Sees one moment.
        now: The present.
        zone: Whose days are asked for.
    """
    first = connection.execute(select(func.min(table_of(UsageRecord).c.completed_at))).scalar()
    closed = floor_quarter(now - GRACE) // QUARTERS_PER_HOUR * QUARTERS_PER_HOUR
    if first is None:
        return []
    begin = floor_quarter(first) // QUARTERS_PER_DAY * QUARTERS_PER_DAY
    if begin >= closed:
        return []
    fine_from = floor_quarter(now - HOURLY_FOR) // QUARTERS_PER_DAY * QUARTERS_PER_DAY
    wanted = cut(begin, closed, zone, fine_from)
    return _missing(wanted, segments(connection, begin, closed))[::-1]


def cut(start: int, end: int, zone: ZoneInfo, fine_from: int) -> list[Stretch]:
    """Cut a stretch at each midnight of UTC and of a zone, and from some quarter on at each of their hours."""
    points = {start, end}
    for midnight in _midnights(start, end, zone.key):
        points.add(midnight)
    for hour in range(max(start, fine_from), end, QUARTERS_PER_HOUR):
        points.update((hour, hour + _past_the_hour(hour, zone)))
    inside = sorted(point for point in points if start <= point <= end)
    return list(pairwise(inside))


def _missing(wanted: Sequence[Stretch], kept: Sequence[Segment]) -> list[Stretch]:
    """Leave out what is there as it is wanted, what must not be made again, and what is known to be empty."""
    there = {(segment.start, segment.end) for segment in kept if segment.is_current}
    frozen = [(segment.start, segment.end) for segment in kept if segment.frozen_id is not None]
    empty = [(segment.start, segment.end) for segment in kept if segment.is_current and not segment.calls]
    left = [stretch for stretch in wanted if stretch not in there]
    return [each for each in left if not _meets_any(each, frozen) and not _inside_any(each, empty)]


def _meets_any(stretch: Stretch, others: Sequence[Stretch]) -> bool:
    return any(start < stretch[1] and stretch[0] < end for start, end in others)


def _inside_any(stretch: Stretch, others: Sequence[Stretch]) -> bool:
    return any(start <= stretch[0] and stretch[1] <= end for start, end in others)


def _changes(connection: Connection, start: int, end: int) -> _Changes:
    first, last = start // QUARTERS_PER_HOUR, -(-end // QUARTERS_PER_HOUR)
    by_hour = select(_TOUCH.utc_hour, func.sum(_TOUCH.changes)).group_by(_TOUCH.utc_hour).order_by(_TOUCH.utc_hour)
    rows = connection.execute(by_hour.where(_TOUCH.utc_hour >= first, _TOUCH.utc_hour < last)).all()
    return _Changes([hour for hour, _ in rows], [0, *accumulate(int(changes) for _, changes in rows)])


@dataclass(frozen=True, slots=True)
class _Changes:
    """How often each hour was written to: the hours, and the sums up to each."""

    hours: Sequence[int]
    sums: Sequence[int]

    def between(self, start: int, end: int) -> int:
        """Add up the hours that have a part in some quarters."""
        first = bisect_left(self.hours, start // QUARTERS_PER_HOUR)
        return self.sums[bisect_left(self.hours, -(-end // QUARTERS_PER_HOUR))] - self.sums[first]


def _midnights(start: int, end: int, zone: str) -> Iterator[int]:
    day = -(-start // QUARTERS_PER_DAY) * QUARTERS_PER_DAY
    yield from range(day, end, QUARTERS_PER_DAY)
    yield from _local_midnights(start, end, zone)


@lru_cache(8)
def _local_midnights(start: int, end: int, zone: str) -> tuple[int, ...]:
    moment, found = floor_day(start_of(start), ZoneInfo(zone)), list[int]()
    while (quarter := floor_quarter(moment)) < end:
        found.append(quarter)
        moment = next_day(moment, ZoneInfo(zone))
    return tuple(quarter for quarter in found if quarter >= start)


def _past_the_hour(hour: int, zone: ZoneInfo) -> int:
    """Give how many quarters after a full hour of UTC the zone's clock shows one."""
    return -(start_of(hour).astimezone(zone).minute // 15) % QUARTERS_PER_HOUR
