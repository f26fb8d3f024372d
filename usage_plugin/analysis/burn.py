"""Spend by the minute, hour or day in, where it burns out: faster than it may, or than it ever did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from usage_plugin.analysis.arrays import BoolArray, FloatArray


def window_sums(values: ArrayLike, points: int) -> FloatArray:
    """Add each point and those before it up.

    Args:
        values: Shape ``(..., time)``; NaN counts as 0.
        points: How many, with the point itself. At the begin there are fewer.

    Returns:
        The same shape.
    """
    known = np.nan_to_num(np.asarray(values, dtype=np.float64))
    sums: FloatArray = np.cumsum(known, axis=-1)
    out = sums.copy()
    if points < known.shape[-1]:
        out[..., points:] -= sums[..., :-points]
    # What floats leave of a difference of long sums.
    return np.where(np.abs(out) < 1e-12 * np.maximum(sums, 0), 0.0, out)


def trailing_mean(values: ArrayLike, points: int, gap: int) -> FloatArray:
    """Give the mean of the points before each, NaN where there are none of which anything is known.

    Args:
        values: Shape ``(..., time)``; NaN is left out.
        points: How many.
        gap: How many points right before are left out, the point itself included.
    """
    sums, known = window_sums(values, points), window_sums(np.isfinite(np.asarray(values, np.float64)), points)
    length = sums.shape[-1]
    mean = np.full(sums.shape, np.nan)
    if gap < length:
        before = (..., slice(length - gap))
        np.divide(sums[before], known[before], out=mean[..., gap:], where=known[before] > 0)
    return mean


def burning(values: ArrayLike, allowed: ArrayLike, windows: Sequence[int], times: Sequence[float]) -> BoolArray:
    """Say where every window burns so many times faster than is allowed.

    The long window says that it matters, the short one that it still goes on.

    Args:
        values: Shape ``(..., time)``.
        allowed: Per point, same shape or one that broadcasts; NaN: nobody can say.
        windows: Points.
        times: For each window.

    Source: multiwindow, multi-burn-rate alerts in "The Site Reliability Workbook" (2018), chapter 5.
    """
    rate = np.asarray(allowed, dtype=np.float64)
    known = np.asarray(values, dtype=np.float64)
    found = np.ones(np.broadcast_shapes(known.shape, rate.shape), np.bool_)
    for points, factor in zip(windows, times, strict=True):
        limit = rate * points * factor
        found &= (window_sums(known, points) >= limit) & (limit > 0)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Runaway:
    """What is a runaway.

    Args:
        windows: Points; one of them is enough.
        times: So many times more than usual.
        beyond: And so many times more than ever in ``memory`` points.
        least_per_point: And so much more than usual, in the mean of the window.
        least_calls: In as many calls: a single dear one is no runaway.
        memory: How far back the most ever is looked for.
        forget: An alarm is no precedent for so many points.
        recent: Points whose mean is usual, too.
        day: Points of a day: what was at this time yesterday is usual, too.
        new: Whoever did nothing before the recent points needs so many times as much.
    """

    windows: tuple[int, ...] = (2, 10)
    times: float = 6.0
    beyond: float = 1.5
    least_per_point: float
    least_calls: int = 10
    memory: int = 26 * 60
    forget: int = 12 * 60
    recent: int = 120
    day: int = 24 * 60
    new: float = 10.0


@dataclass(frozen=True, slots=True)
class Alarms:
    """Where something runs away; arrays of the shape of the values."""

    alarms: BoolArray
    usual: FloatArray
    """Per point."""


def runaways(values: ArrayLike, calls: ArrayLike, seasonal: ArrayLike, what: Runaway, first: int) -> Alarms:
    """Go through series point by point, as a watch would have.

    Args:
        values: Shape ``(series, time)``.
        calls: In which they were, same shape.
        seasonal: Per point what is usual for its time of the week, same shape; NaN where nobody can say.
        what: Is a runaway.
        first: Point from which on alarms are looked for; those before are only remembered.
    """
    known = np.nan_to_num(np.asarray(values, dtype=np.float64))
    season = np.nan_to_num(np.asarray(seasonal, dtype=np.float64))
    sums = {points: window_sums(known, points) for points in what.windows}
    counts = {points: window_sums(calls, points) >= what.least_calls for points in what.windows}
    long_known = _long_known(known, season, what)
    alarms, usual = np.zeros(known.shape, np.bool_), np.zeros(known.shape)
    for at in range(first, known.shape[-1]):
        usual[:, at] = np.maximum(season[:, at], _usual(known, alarms, at, what))
        for points in what.windows:
            now, most = sums[points][:, at], _most(sums[points], alarms, at, points, what)
            least = np.where(long_known[:, at], 1.0, what.new) * what.least_per_point * points
            is_much = (now >= what.times * usual[:, at] * points) & (now - usual[:, at] * points >= least)
            alarms[:, at] |= is_much & (now >= what.beyond * most) & counts[points][:, at]
    return Alarms(alarms, usual)


def _usual(values: FloatArray, alarms: BoolArray, at: int, what: Runaway) -> FloatArray:
    """Give the larger mean of the last hours and of this time yesterday, alarms left out."""
    until = max(at - max(what.windows) + 1, 0)
    recent = _mean(values, alarms, until - what.recent, until)
    half = what.recent // 4
    yesterday = _mean(values, alarms, at - what.day - half, at - what.day + half)
    return np.maximum(recent, yesterday)


def _mean(values: FloatArray, alarms: BoolArray, start: int, end: int) -> FloatArray:
    within = slice(max(start, 0), max(end, 0))
    counted = ~alarms[:, within]
    total = np.where(counted, values[:, within], 0.0).sum(axis=1)
    mean: FloatArray = total / np.maximum(counted.sum(axis=1), 1)
    return mean


def _most(sums: FloatArray, alarms: BoolArray, at: int, points: int, what: Runaway) -> FloatArray:
    """Give the most that a window had before, alarms left out unless they are old."""
    before = slice(max(at - what.memory, 0), max(at - points + 1, 0))
    is_old = np.arange(before.start, before.stop) < at - what.forget
    most: FloatArray = np.where(alarms[:, before] & ~is_old, 0.0, sums[:, before]).max(axis=1, initial=0.0)
    return most


def _long_known(values: FloatArray, season: FloatArray, what: Runaway) -> BoolArray:
    """Say who did something in the memory before the recent points, or in other weeks."""
    before = window_sums(values, what.memory - what.recent)
    known = season > 0
    known[:, what.recent :] |= before[:, : -what.recent] > 0
    return known
