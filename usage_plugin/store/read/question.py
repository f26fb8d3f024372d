"""What a reader wants to know, as one frozen value: which time, in whose days, which calls, split how, for whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self
from zoneinfo import ZoneInfo

from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.zones import UTC_ZONE, floor_day, floor_hour, next_day, next_hour

__all__ = ["Choice", "Dimension", "Granularity", "Question", "Scope", "bucket_starts"]

Choice = str | None
"""A value of a dimension; ``None`` stands for calls that have none."""
Scope = tuple[tuple[Dimension, tuple[Choice, ...]], ...]
"""What somebody may see: of each dimension these values and no other. An empty one hides nothing."""


class Granularity(StrEnum):
    """What one bucket of a series is, on the wall clocks of a time zone."""

    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        """How long a bucket is, unless clocks are changed in it."""
        return timedelta(hours=1) if self is Granularity.HOUR else timedelta(days=1)

    def floor(self, moment: datetime, zone: ZoneInfo = UTC_ZONE) -> datetime:
        """Give the start of the bucket that *moment* lies in, in UTC."""
        return floor_hour(moment, zone) if self is Granularity.HOUR else floor_day(moment, zone)

    def after(self, moment: datetime, zone: ZoneInfo = UTC_ZONE) -> datetime:
        """Give the start of the bucket after the one that *moment* lies in, in UTC."""
        return next_hour(moment, zone) if self is Granularity.HOUR else next_day(moment, zone)

    def ceil(self, moment: datetime, zone: ZoneInfo = UTC_ZONE) -> datetime:
        """Give the first bucket start at or after *moment*."""
        start = self.floor(moment, zone)
        return start if start == moment else self.after(moment, zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which calls are meant; an empty tuple means that the dimension does not matter.

    ``start`` is inside the range and ``end`` is not. Both are timezone-aware. ``zone`` says whose days and hours the
    buckets are. ``scope`` is what the asker may see: it narrows every filter and cannot be widened by one. Only rows
    stored after ``after_row`` count. ``as_kept`` takes time that is no longer kept for time without calls: for whoever
    learns from as much of the past as there is, and gives no sum.
    """

    start: datetime
    end: datetime
    granularity: Granularity = Granularity.HOUR
    zone: ZoneInfo = UTC_ZONE
    group_by: Dimension = Dimension.MODEL
    provider: tuple[Choice, ...] = ()
    model: tuple[Choice, ...] = ()
    team: tuple[Choice, ...] = ()
    organization: tuple[Choice, ...] = ()
    user: tuple[Choice, ...] = ()
    key: tuple[Choice, ...] = ()
    project: tuple[Choice, ...] = ()
    end_user: tuple[Choice, ...] = ()
    feature: tuple[Choice, ...] = ()
    tag: tuple[Choice, ...] = ()
    environment: tuple[Choice, ...] = ()
    call_type: tuple[Choice, ...] = ()
    status: tuple[Choice, ...] = ()
    scope: Scope = ()
    after_row: int = 0
    as_kept: bool = False

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            msg = f"{self.start!r} to {self.end!r} has no time zone; usage is asked for in UTC"
            raise ValueError(msg)

    @property
    def choices(self) -> Mapping[Dimension, tuple[Choice, ...]]:
        """The filters that are set, within the scope: a dimension without a value left matches no call."""
        chosen = {dimension: getattr(self, dimension.value) for dimension in Dimension}
        found = {dimension: values for dimension, values in chosen.items() if values}
        for dimension, allowed in self.scope:
            wanted = found.get(dimension, allowed)
            found[dimension] = tuple(value for value in wanted if value in allowed)
        return found

    @property
    def is_hopeless(self) -> bool:
        """Whether no call can match: the time is empty, or nothing of what is asked for may be seen."""
        return self.start >= self.end or any(not values for values in self.choices.values())

    def between(self, start: datetime, end: datetime) -> Self:
        """Ask the same about another time."""
        return replace(self, start=start, end=end)

    def after(self, row_id: int) -> Self:
        """Ask the same about rows that were stored after one."""
        return replace(self, after_row=row_id)

    def grouped_by(self, dimension: Dimension) -> Self:
        """Ask the same, split by another dimension."""
        return replace(self, group_by=dimension)

    def unfiltered(self) -> Self:
        """Ask about every call of the same time that may be seen."""
        nothing: dict[str, Any] = {dimension.value: () for dimension in Dimension}
        return replace(self, **nothing)


def bucket_starts(question: Question) -> tuple[datetime, ...]:
    """Give every bucket of the asked time in UTC, those without calls too; the first may begin before it."""
    return _starts(question.start, question.end, question.granularity, question.zone)


@lru_cache(256)
def _starts(start: datetime, end: datetime, granularity: Granularity, zone: ZoneInfo) -> tuple[datetime, ...]:
    if start >= end:
        return ()
    bucket, found = granularity.floor(start, zone), list[datetime]()
    while bucket < end:
        found.append(bucket)
        bucket = granularity.after(bucket, zone)
    return tuple(found)
