"""Whole series in, what every point of them says out: one step after another, in portions that fit a cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from usage_plugin.analysis.arrays import BoolArray, FloatArray, SingleArray, SmallIntArray
from usage_plugin.analysis.detection import Verdict, judge
from usage_plugin.analysis.memory.profile import Profile
from usage_plugin.analysis.memory.state import State, begin
from usage_plugin.analysis.memory.step import Seen, step

SERIES_AT_ONCE = 12_000
COLUMNS_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What points say; arrays of shape ``(series, time)``, see ``Seen``."""

    severity: SingleArray
    channel: SmallIntArray
    expected: SingleArray
    lower: SingleArray
    upper: SingleArray
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
        values: Shape ``(time,)`` or ``(series, time)``; NaN is a missing point, and so is infinity.
        slots: Place of each point on the clock, shape ``(time,)``, see ``step``; by default from a Monday on.
    """
    given = np.atleast_2d(np.asarray(values, dtype=np.float64))
    count, length = given.shape
    clock = list(range(length)) if slots is None else np.asarray(slots, dtype=np.int64).tolist()
    found = _room(length, count)
    portions = -(-count // SERIES_AT_ONCE)
    for part in np.array_split(np.arange(count), max(portions, 1)):
        within = slice(part[0], part[-1] + 1) if part.size else slice(0, 0)
        _run(profile, given, within, clock, found)
    arrays = {name: rows.T for name, rows in found._asdict().items()}
    known = np.isfinite(given).sum(axis=1, keepdims=True) > profile.learning
    return Scores(**arrays, verdicts=judge(given, known))


def advance(
    profile: Profile, state: State, values: ArrayLike, slots: ArrayLike, learn: ArrayLike | None = None
) -> tuple[State, Seen]:
    """Score the next points of series and learn from them: the same as `run` says, from where a state stands.

    Args:
        profile: The detector's.
        state: Of the points before; stays as it is.
        values: Shape ``(series, time)``; NaN is a missing point.
        slots: Place of each point on the clock, shape ``(time,)``.
        learn: What is learnt from in place of the values, of their shape: NaN where a point is scored only.

    Returns:
        The state after them, and what they say, in arrays of shape ``(series, time)``.
    """
    given = np.atleast_2d(np.asarray(values, dtype=np.float64))
    taught = given if learn is None else np.atleast_2d(np.asarray(learn, dtype=np.float64))
    found = _room(given.shape[1], len(given))
    for at, slot in enumerate(np.asarray(slots, dtype=np.int64).tolist()):
        point, lesson = (np.ascontiguousarray(each[:, at]) for each in (given, taught))
        following, seen = step(profile, state, point, slot)
        if learn is not None and not np.array_equal(point, lesson, equal_nan=True):
            following, _ = step(profile, state, lesson, slot)
        state = following
        _put(found, at, seen)
    turned: dict[str, Any] = {name: rows.T for name, rows in found._asdict().items()}
    return state, Seen(**turned)


def _put(found: Seen, at: int, seen: Seen, within: slice = slice(None)) -> None:
    found.severity[at, within] = seen.severity
    found.channel[at, within] = seen.channel
    found.expected[at, within] = seen.expected
    found.lower[at, within] = seen.lower
    found.upper[at, within] = seen.upper


def _room(length: int, count: int) -> Seen:
    """Make room for what *length* steps say, in rows of *count* series."""
    channel = np.empty((length, count), dtype=np.int8)
    severity, expected, lower, upper = (np.empty((length, count), dtype=np.float32) for _ in range(4))
    return Seen(severity, channel, expected, lower, upper)


def _run(profile: Profile, values: FloatArray, within: slice, clock: list[int], found: Seen) -> None:
    state = begin(profile, len(values[within]))
    # A column of many series lies all over the memory: a few dozen are turned at once, always in the same place.
    turned = np.empty((COLUMNS_AT_ONCE, state.series))
    for first in range(0, len(clock), COLUMNS_AT_ONCE):
        columns = values[within, first : first + COLUMNS_AT_ONCE].T
        turned[: len(columns)] = columns
        for at, column in enumerate(turned[: len(columns)], start=first):
            state, seen = step(profile, state, column, clock[at])
            _put(found, at, seen, within)
