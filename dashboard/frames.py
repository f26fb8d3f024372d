"""What figures are drawn from: plain numbers and names, without Dash and without the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from usage_plugin.time_zone import UTC_ZONE
from usage_plugin.watch import Alert

FloatArray = NDArray[np.float64]


class Unit(StrEnum):
    """What a number counts."""

    DOLLARS = "dollars"
    COUNT = "count"
    MILLISECONDS = "milliseconds"
    SHARE = "share"
    """Of 1."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time with a name; ``end`` is not inside any more."""

    name: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StackedCost:
    """Cost per bucket and member in billionths of a dollar; ``None`` where nobody knows, or nothing happened."""

    buckets: tuple[datetime, ...]
    bucket_length: timedelta
    names: tuple[str, ...]
    cost_nano_usd: tuple[tuple[int | None, ...], ...]
    """One row per name, one column per bucket."""
    zone: ZoneInfo = UTC_ZONE
    """On whose clocks it is shown."""
    has_rest: bool = False
    """Whether the last name stands for everything that is not named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Calls stored per minute, and how long after their end, in seconds; ``None`` where none was."""

    minutes: tuple[datetime, ...]
    minute: timedelta
    calls: tuple[int, ...]
    p50_s: tuple[float | None, ...]
    p95_s: tuple[float | None, ...]
    zone: ZoneInfo = UTC_ZONE
    behind: Alert | None = None
    """Where many calls are not added up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A series around an anomaly, beside what was expected of it; NaN where unknown. All arrays have one shape."""

    name: str
    unit: Unit
    buckets: tuple[datetime, ...]
    bucket_length: timedelta
    values: FloatArray
    lower: FloatArray
    expected: FloatArray
    upper: FloatArray
    anomaly: Stretch
    without: FloatArray | None = None
    """The series as it would have been without what drove it."""
    driver: str = ""
    planned: tuple[Stretch, ...] = ()
    zone: ZoneInfo = UTC_ZONE
    partial: int | None = None
    """Place of the bucket that is not over yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a budget's period has cost by the end of each of its days, in dollars; NaN where that is not known yet."""

    days: tuple[datetime, ...]
    spent_usd: FloatArray
    """Up to today."""
    forecast_usd: FloatArray
    """From tomorrow on; today's too where today is forecast."""
    pace_usd: FloatArray
    """What would be spent by then if the whole amount were spent evenly."""
    limit_usd: float
    thresholds: tuple[float, ...] = ()
    """Shares of the limit at which somebody is told."""
    likely_usd: tuple[float, float] | None = None
    """Where the end is expected with 80 %."""
    zone: ZoneInfo = UTC_ZONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """A series beside the limit of a rule, and when the rule would have fired; NaN where unknown."""

    name: str
    unit: Unit
    buckets: tuple[datetime, ...]
    bucket_length: timedelta
    values: FloatArray
    firings: tuple[Stretch, ...]
    limit: float | None = None
    limits: FloatArray | None = None
    """Instead of one limit, that of each bucket."""
    zone: ZoneInfo = UTC_ZONE
