"""A store and a moment in, the stretches of time that should be added up into sheets now out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, literal_column, select

from usage_plugin.store.calls import UsageCall
from usage_plugin.store.quarters import QUARTERS_PER_HOUR, floor_quarter, start_of
from usage_plugin.store.tables import UsageSegment, UsageTouch, table_of
from usage_plugin.store.zones import floor_day, next_day

# What the dashboard draws by the hour without being asked to.
HOURLY_FOR: Final = timedelta(days=8)
# A call is stored within a second of its end, mostly; a later one makes its hour be added up again.
GRACE: Final = timedelta(minutes=2)
QUARTERS_PER_DAY: Final = 24 * QUARTERS_PER_HOUR
_SEGMENT, _TOUCH = table_of(UsageSegment).c, table_of(UsageTouch).c


def _hour_of(quarter: Any) -> Any:
    """Give the hour that a quarter lies in: a division would round towards 1970."""
    return quarter.bitwise_rshift(literal_column(str(QUARTERS_PER_HOUR.bit_length() - 1)))


# A hundred short sums of the database are quicker than thousands of rows in Python.
_CHANGES_SINCE: Final = (
    select(func.coalesce(func.sum(_TOUCH.changes), 0))
    .where(
        _TOUCH.utc_hour >= _hour_of(_SEGMENT.start_quarter),
        _TOUCH.utc_hour < _hour_of(_SEGMENT.end_quarter + (QUARTERS_PER_HOUR - 1)),
    )
    .correlate(table_of(UsageSegment))
    .scalar_subquery()
)
_READ: Final = (
    *(_SEGMENT.start_quarter, _SEGMENT.end_quarter, _SEGMENT.calls, _SEGMENT.parts, _SEGMENT.frozen_id),
    (_SEGMENT.changes == _CHANGES_SINCE).label("is_current"),
    _SEGMENT.built_at,
)


class Level(IntEnum):
    """How long segments are. The last days are there twice, since they are looked at both ways."""

    DAYS = 0
    HOURS = 1


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
        built_at: When it was added up; made again, it has another moment.
    """

    start: int
    end: int
    calls: int
    parts: int
    frozen_id: int | None
    is_current: bool
    built_at: datetime

    @property
    def is_good(self) -> bool:
        """Whether it may be read."""
        return self.is_current or self.frozen_id is not None


def segments(connection: Connection, start: int, end: int, level: Level = Level.DAYS) -> list[Segment]:
    """Give the segments that have a part in some quarters, in order.

    Args:
        connection: Sees one moment, so that segments and touches belong together.
        start: First quarter.
        end: The first that is not meant any more.
        level: Of the segments.
    """
    inside = (_SEGMENT.level == level, _SEGMENT.end_quarter > start, _SEGMENT.start_quarter < end)
    rows = connection.execute(select(*_READ).where(*inside).order_by(_SEGMENT.start_quarter)).all()
    return [
        Segment(first, last, calls, parts, frozen_id, bool(current), built_at)
        for first, last, calls, parts, frozen_id, current, built_at in rows
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


def due(connection: Connection, now: datetime, zone: ZoneInfo, level: Level = Level.DAYS) -> list[Stretch]:
    """Give what should be added up, the newest first.

    Args:
        connection: Sees one moment.
        now: The present.
        zone: Whose days are asked for.
        level: Of the segments.
    """
    first = connection.execute(select(func.min(table_of(UsageCall).c.completed_at))).scalar()
    if first is None:
        return []
    begin, closed = floor_quarter(first), floor_quarter(now - GRACE)
    wanted = _days(begin, closed, zone) if level is Level.DAYS else _hours(max(begin, hours_from(now)), closed, zone)
    if not wanted:
        return []
    start, end = wanted[0][0], wanted[-1][1]
    # What is frozen by the day is not made by the hour any more, either: its calls may be gone.
    frozen = [(each.start, each.end) for each in segments(connection, start, end) if each.frozen_id is not None]
    return _missing(wanted, segments(connection, start, end, level), frozen)[::-1]


def hours_from(now: datetime) -> int:
    """Give the quarter from which on time is also added up by the hour."""
    return floor_quarter(now - HOURLY_FOR) // QUARTERS_PER_DAY * QUARTERS_PER_DAY


def _days(begin: int, closed: int, zone: ZoneInfo) -> list[Stretch]:
    """Cut time at each midnight of UTC and of a zone."""
    start = begin // QUARTERS_PER_DAY * QUARTERS_PER_DAY
    return list(pairwise(sorted({*range(start, closed + 1, QUARTERS_PER_DAY), *_midnights(start, closed, zone.key)})))


def _hours(begin: int, closed: int, zone: ZoneInfo) -> list[Stretch]:
    """Cut time at each full hour of UTC and of a zone."""
    hours = range(begin // QUARTERS_PER_HOUR * QUARTERS_PER_HOUR, closed + 1, QUARTERS_PER_HOUR)
    points = {point for hour in hours for point in (hour, hour + _past_the_hour(hour, zone))}
    return list(pairwise(sorted(point for point in points if point <= closed)))


def _missing(wanted: Sequence[Stretch], kept: Sequence[Segment], frozen: Sequence[Stretch]) -> list[Stretch]:
    """Leave out what is there as it is wanted, what must not be made again, and what is known to be empty."""
    there = {(segment.start, segment.end) for segment in kept if segment.is_current}
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


@lru_cache(8)
def _midnights(start: int, end: int, zone: str) -> tuple[int, ...]:
    moment, found = floor_day(start_of(start), ZoneInfo(zone)), list[int]()
    while (quarter := floor_quarter(moment)) <= end:
        found.append(quarter)
        moment = next_day(moment, ZoneInfo(zone))
    return tuple(quarter for quarter in found if quarter >= start)


def _past_the_hour(hour: int, zone: ZoneInfo) -> int:
    """Give how many quarters after a full hour of UTC the zone's clock shows one."""
    return -(start_of(hour).astimezone(zone).minute // 15) % QUARTERS_PER_HOUR
