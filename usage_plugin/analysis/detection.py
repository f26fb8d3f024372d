"""Series in, a verdict on each out: what can be said of it at all."""

from __future__ import annotations

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
