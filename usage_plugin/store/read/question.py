"""What a reader wants to know, as one frozen value: which time, which calls, split how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

Choice = str | None
"""A value of a dimension; ``None`` stands for calls that have none."""


class Granularity(StrEnum):
    """Length of one bucket of a series, in UTC."""

    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        """How long a bucket is."""
        return timedelta(hours=1) if self is Granularity.HOUR else timedelta(days=1)

    def floor(self, moment: datetime) -> datetime:
        """Give the start of the bucket that *moment* lies in."""
        hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return hour if self is Granularity.HOUR else hour.replace(hour=0)

    def ceil(self, moment: datetime) -> datetime:
        """Give the first bucket start at or after *moment*."""
        start = self.floor(moment)
        return start if start == moment else start + self.length


class Dimension(StrEnum):
    """What usage can be filtered by and split by."""

    PROVIDER = "provider"
    MODEL = "model"
    TEAM = "team"
    USER = "user"
    KEY = "key"
    STATUS = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which calls are meant; an empty tuple means that the dimension does not matter.

    ``start`` is inside the range and ``end`` is not. Both are timezone-aware.
    """

    start: datetime
    end: datetime
    granularity: Granularity = Granularity.HOUR
    group_by: Dimension = Dimension.MODEL
    provider: tuple[Choice, ...] = ()
    model: tuple[Choice, ...] = ()
    team: tuple[Choice, ...] = ()
    user: tuple[Choice, ...] = ()
    key: tuple[Choice, ...] = ()
    status: tuple[Choice, ...] = ()

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            msg = f"{self.start!r} to {self.end!r} has no time zone; usage is asked for in UTC"
            raise ValueError(msg)

    @property
    def choices(self) -> Mapping[Dimension, tuple[Choice, ...]]:
        """The filters that are set."""
        by_dimension = {dimension: getattr(self, dimension.value) for dimension in Dimension}
        return {dimension: chosen for dimension, chosen in by_dimension.items() if chosen}

    def between(self, start: datetime, end: datetime) -> Self:
        """Ask the same about another time."""
        return replace(self, start=start, end=end)

    def grouped_by(self, dimension: Dimension) -> Self:
        """Ask the same, split by another dimension."""
        return replace(self, group_by=dimension)

    def unfiltered(self) -> Self:
        """Ask about every call of the same time."""
        return replace(self, provider=(), model=(), team=(), user=(), key=(), status=())
