"""What a detector with memory is made with: its unit of time, how long it remembers, and when it alarms."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from usage_plugin.analysis.arrays import FloatArray, SingleArray


class Stabiliser(StrEnum):
    """What is scored in place of the value, so that the spread does not grow with the level."""

    SQUARE_ROOT = "square root"
    CUBE_ROOT = "cube root"
    NONE = "none"
    """For latency, rates, and whatever can be negative."""

    def apply(self, values: FloatArray) -> FloatArray:
        """Stabilise; what should not be negative and is counts as zero."""
        if self is Stabiliser.NONE:
            return values
        positive = np.maximum(values, 0.0)
        return np.sqrt(positive) if self is Stabiliser.SQUARE_ROOT else np.cbrt(positive)

    def undo(self, stable: FloatArray) -> SingleArray:
        """Go back to the unit of the values, with the seven digits that a chart needs."""
        single = stable.astype(np.float32)
        if self is Stabiliser.NONE:
            return single
        positive = np.maximum(single, np.float32(0))
        return positive * positive if self is Stabiliser.SQUARE_ROOT else positive * positive * positive


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to look: the mean residual of the last *points* points, against *threshold* of its own scales."""

    points: int
    threshold: float


@dataclass(frozen=True, slots=True)
class Volatility:
    """Looks at how much the series moves from point to point: over *short* points, against *long* ones."""

    short: int
    long: int
    threshold: float


@dataclass(frozen=True, kw_only=True)
class Profile:
    """All counts and half-lives are in points of the series, those of seasons in visits of a bin.

    Attributes:
        name: What it is for.
        day: Points of a day; 1 for a daily series, which has only days of the week for seasons.
        stabiliser: What is scored in place of the value.
        by_weekend: Times of day have a bin of their own on Saturdays and Sundays.
        by_week: Times of the week have bins too.
        day_bins: Bins of a day; fewer than points where points are many.
        level: Half-life of the level.
        visits: Half-life of a bin, in visits.
        scale: Half-life of the scales.
        recent: Half-life of the last days' level, or 0. With it a point stands out only if it is off that one too, so
            that the second day of a change and each day of a growth is no news.
        clip: Scales at which a residual is cut before anything learns from it.
        floor: Least scale as a share of the level, so that a near-constant series does not alarm on cents.
        local: How much the scale is that of the time of day: with 0 a night is judged by the spread of the day.
        channels: Ways to look, the shortest first; the first must have one point.
        volatility: A way to look at how much the series moves, or none.
        small_sample: Thresholds are wider by this over the number of points seen.
        quietest: A point that is lower than expected stands out only this many scales below the quietest season's
            expectation: a weekday like a Sunday is a holiday. None where that does not apply.
        least: Points seen before a record is kept: the first ones say more about the start than about the series.
        settled: Points seen before residuals are cut, and before scales count: the first errors are those of the start.
        learning: Points seen before channels alarm; until then only a point far beyond all before it does.
        block: Points of a block; records hold what is older than the last one to two blocks.
        remember: Points for which a record stands: between so many and twice as many.
        margin: How many times its record a channel must show.
        raised: By how much at most one block raises the record that it breaks.
        gap: Alarms at most so many points apart are one anomaly.
    """

    name: str
    day: int
    stabiliser: Stabiliser
    by_weekend: bool = False
    by_week: bool = False
    day_bins: int = 1
    level: float
    visits: float
    scale: float
    recent: float = 0.0
    clip: float
    floor: float
    local: float = 0.0
    channels: tuple[Channel, ...]
    volatility: Volatility | None = None
    small_sample: float
    quietest: float | None = None
    least: int
    settled: int
    learning: int
    block: int
    remember: int
    margin: float
    raised: float
    gap: int

    @property
    def week(self) -> int:
        """Points of a week."""
        return 7 * self.day

    @cached_property
    def shares(self) -> FloatArray:
        """What one point counts in each channel's mean, shape ``(channels, 1)``."""
        return np.array([[1.0 / each.points] for each in self.channels])

    @cached_property
    def thresholds(self) -> FloatArray:
        """Threshold of each channel, volatility last, shape ``(channels, 1)``."""
        volatility = [] if self.volatility is None else [self.volatility.threshold]
        return np.array([*(each.threshold for each in self.channels), *volatility])[:, None]

    @property
    def longest(self) -> int:
        """Points of the longest channel."""
        return max(each.points for each in self.channels)


def rate(half_life: float) -> float:
    """Give the share by which an exponentially weighted mean moves to its next value."""
    return float(1 - 0.5 ** (1 / half_life))


def at_least(slow: float, seen: FloatArray, ahead: float) -> FloatArray | float:
    """Give the rate of a mean that is young: 1 / (points + ahead), until that is slower than *slow*."""
    if not seen.size:
        return slow
    youngest = float(seen.min())
    # One number for all series, where it is the same for all, saves a division for each.
    if 1.0 / (youngest + ahead) <= slow or youngest == seen.max():
        return max(slow, 1.0 / (youngest + ahead))
    return np.maximum(slow, 1.0 / (seen + ahead))
