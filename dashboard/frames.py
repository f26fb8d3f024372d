"""What figures are drawn from: plain numbers and names, without Dash and without the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from usage_plugin.time_zone import UTC_ZONE
from usage_plugin.watch import Alert

FloatArray = NDArray[np.float64]


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
class Band:
    """Cost per bucket in dollars beside what was expected; NaN where unknown. All arrays have one shape."""

    buckets: tuple[datetime, ...]
    bucket_length: timedelta
    cost_usd: FloatArray
    lower: FloatArray
    expected: FloatArray
    upper: FloatArray
    z: FloatArray
    flagged: NDArray[np.bool_]
    verdict: str
    zone: ZoneInfo = UTC_ZONE
    partial: int | None = None
    """Place of the bucket that is not over yet."""
