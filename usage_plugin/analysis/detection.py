"""What a detector found: the band in the unit of the series, a score per point, a verdict per series."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from usage_plugin.analysis.arrays import BoolArray, FloatArray


class Verdict(StrEnum):
    """What can be said of a series at all."""

    OK = "ok"
    """Its newest points are scored."""
    LEARNING = "learning"
    """Too little history to judge any point."""
    CONSTANT = "constant"
    """Always the same value: nothing can stand out."""
    ALL_ZERO = "all_zero"
    """Nothing has happened yet."""
    EMPTY = "empty"
    """No point, or only missing ones."""


@dataclass(frozen=True, slots=True)
class FlaggedPoint:
    """A point that was not expected."""

    series: int
    index: int
    value: float
    expected: float
    z: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """Arrays of the shape of ``values``, ``(series, time)``; NaN where nothing can be said."""

    values: FloatArray
    expected: FloatArray
    lower: FloatArray
    upper: FloatArray
    z: FloatArray
    flagged: BoolArray
    verdicts: tuple[Verdict, ...]

    def points(self) -> list[FlaggedPoint]:
        """List what is flagged, by series and time."""
        return [
            FlaggedPoint(series, index, float(self.values[at]), float(self.expected[at]), float(self.z[at]))
            for series, index in np.argwhere(self.flagged).tolist()
            for at in [(series, index)]
        ]


def judge(values: FloatArray, scored: BoolArray) -> tuple[Verdict, ...]:
    """Name what each series is.

    Args:
        values: Shape ``(series, time)``.
        scored: Same shape; where a score could be given.
    """
    return tuple(_verdict(row[np.isfinite(row)], bool(some.any())) for row, some in zip(values, scored, strict=True))


def _verdict(present: FloatArray, scored: bool) -> Verdict:
    if present.size == 0:
        return Verdict.EMPTY
    if not present.any():
        return Verdict.ALL_ZERO
    if not scored:
        return Verdict.LEARNING
    return Verdict.CONSTANT if np.ptp(present) == 0 else Verdict.OK
