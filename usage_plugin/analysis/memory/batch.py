"""Whole series in, what every point of them says out: one step after another, in portions that fit a cache."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from usage_plugin.analysis.arrays import BoolArray, FloatArray, as_series
from usage_plugin.analysis.detection import Verdict, judge
from usage_plugin.analysis.memory.profile import Profile
from usage_plugin.analysis.memory.state import State, begin
from usage_plugin.analysis.memory.step import Seen, step

SERIES_AT_ONCE = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What points say; arrays of shape ``(series, time)``, see ``Seen``."""

    severity: FloatArray
    channel: FloatArray
    expected: FloatArray
    lower: FloatArray
    upper: FloatArray
    verdicts: tuple[Verdict, ...]
    """What can be said of each series at all."""

    @property
    def alarms(self) -> BoolArray:
        """Where something is beyond its threshold and its record."""
        return np.abs(self.severity) > 1


def run(profile: Profile, values: ArrayLike, slots: ArrayLike | None = None) -> Scores:
    """Score whole series, each point against its past.

    Args:
        profile: The detector's.
        values: Shape ``(time,)`` or ``(series, time)``; NaN is a missing point.
        slots: Place of each point on the clock, shape ``(time,)``, see ``step``; by default from a Monday on.
    """
    given = as_series(values)
    count, length = given.shape
    clock = list(range(length)) if slots is None else np.asarray(slots, dtype=np.int64).tolist()
    found = np.empty((len(Seen._fields), length, count))
    for first in range(0, count, SERIES_AT_ONCE):
        part = slice(first, first + SERIES_AT_ONCE)
        _run(profile, np.ascontiguousarray(given[part].T), clock, found[:, :, part])
    arrays = {name: array.T for name, array in zip(Seen._fields, found, strict=True)}
    known = np.isfinite(given).sum(axis=1, keepdims=True) > profile.learning
    return Scores(**arrays, verdicts=judge(given, known))


def _run(profile: Profile, columns: FloatArray, clock: list[int], found: FloatArray) -> State:
    state = begin(profile, columns.shape[1])
    for at, slot in enumerate(clock):
        state, seen = step(profile, state, columns[at], slot)
        found[:, at] = seen
    return state
