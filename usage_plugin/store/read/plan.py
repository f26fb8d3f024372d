"""A question in, which of its time is read from sheets and which from the calls themselves out."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from sqlalchemy import Connection

from usage_plugin.store.quarters import ceil_quarter, floor_quarter, start_of
from usage_plugin.store.read.question import Question, bucket_starts
from usage_plugin.store.sheets.codec import Integers
from usage_plugin.store.sheets.segments import Level, Segment, segments


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of a segment that is asked for.

    Args:
        segment: To read.
        level: Its level.
        start: First quarter that is asked for.
        end: The first that is not, any more.
        bucket: Where all of the segment belongs; ``None`` where it has to be split by time.
    """

    segment: Segment
    level: Level
    start: int
    end: int
    bucket: int | None

    @property
    def key(self) -> tuple[int, int]:
        """Tell it from all others."""
        return self.level, self.segment.start

    @property
    def time(self) -> tuple[datetime, datetime]:
        """Give its begin and end."""
        return start_of(self.start), start_of(self.end)


@dataclass(frozen=True, slots=True)
class Plan:
    """Where to read what: pieces of segments, and stretches of time of which the calls are read."""

    buckets: Buckets
    pieces: Sequence[Piece]
    gaps: Sequence[tuple[datetime, datetime]]


@dataclass(frozen=True)
class Buckets:
    """The buckets of a question by their begin, in quarters of an hour: all time zones' are whole ones."""

    starts: tuple[datetime, ...]
    quarters: Integers

    @cached_property
    def begins(self) -> list[int]:
        """The same quarters, to look up one by one."""
        found: list[int] = self.quarters.tolist()
        return found

    def places(self, quarters: Integers) -> Integers:
        """Give the bucket of each quarter."""
        found: Integers = np.searchsorted(self.quarters, quarters, side="right") - 1
        return found

    def place(self, quarter: int) -> int:
        """Give the bucket of a quarter."""
        return bisect_right(self.begins, quarter) - 1


def plan(connection: Connection, question: Question, *, in_buckets: bool) -> Plan:
    """Lay out how a question is answered.

    Args:
        connection: Sees one moment.
        question: Its time is not empty.
        in_buckets: Whether the answer is given by bucket, or in all.
    """
    starts = bucket_starts(question) if in_buckets else (question.start,)
    quarters = np.array([floor_quarter(start) for start in starts], np.int64)
    buckets = Buckets(starts, quarters)
    first, last = ceil_quarter(question.start), floor_quarter(question.end)
    pieces = _pieces(connection, buckets, first, last) if first < last and not question.after_row else []
    gaps, cursor = list[tuple[datetime, datetime]](), question.start
    for piece in pieces:
        start, end = piece.time
        if cursor < start:
            gaps.append((cursor, start))
        cursor = end
    if cursor < question.end:
        gaps.append((cursor, question.end))
    return Plan(buckets, [each for each in pieces if each.segment.calls or each.segment.frozen_id is not None], gaps)


def _pieces(connection: Connection, buckets: Buckets, first: int, last: int) -> list[Piece]:
    """Take days where they fit into a bucket, hours where those do, and split what is left of days."""
    days = _asked(connection, buckets, first, last, Level.DAYS)
    wanted = _not_by_days(days, first, last)
    hours = _asked(connection, buckets, *wanted, Level.HOURS) if wanted else []
    begins, ends = [hour.start for hour in hours], [hour.end for hour in hours]
    taken, rest = list[Piece](), 0
    for day in days:
        inside = hours[bisect_left(begins, day.start) : bisect_right(ends, day.end)]
        covers = sum(hour.end - hour.start for hour in inside) == day.end - day.start
        splits = day.bucket is None and covers and all(hour.bucket is not None for hour in inside)
        # Hours that no day has a part in, up to this day.
        taken.extend(hours[rest : bisect_right(ends, day.start)])
        taken.extend(inside if splits else [day])
        rest = bisect_left(begins, day.end)
    return [*taken, *hours[rest:]]


def _not_by_days(days: Sequence[Piece], first: int, last: int) -> tuple[int, int] | None:
    """Give the stretch in which lies whatever days do not cover, or have to be split for."""
    covered = [day for day in days if day.bucket is not None]
    edges = [first, *(edge for day in covered for edge in (day.start, day.end)), last]
    open_ = [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end]
    return (open_[0][0], open_[-1][1]) if open_ else None


def _asked(connection: Connection, buckets: Buckets, first: int, last: int, level: Level) -> list[Piece]:
    found = list[Piece]()
    for segment in segments(connection, first, last, level):
        start, end = max(segment.start, first), min(segment.end, last)
        if not segment.is_good or start >= end:
            continue
        bucket = buckets.place(start)
        is_whole = (start, end) == (segment.start, segment.end) and bucket == buckets.place(end - 1)
        found.append(Piece(segment, level, start, end, bucket if is_whole else None))
    return found
