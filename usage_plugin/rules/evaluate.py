"""A rule and arrays in, where it fires out: the same for the present moment and for a back-test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from usage_plugin.analysis.arrays import BoolArray, FloatArray
from usage_plugin.analysis.burn import burning, trailing_mean, window_sums
from usage_plugin.analysis.memory import Profile, anomalies, run
from usage_plugin.detect.series import Metric
from usage_plugin.rules.rule import BurnRate, Detector, NoData, Rule, RuleKind, Threshold

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
USUAL: Final = timedelta(days=28)
USUAL_BY_MINUTE: Final = timedelta(days=1)
HEARD_FROM: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrays:
    """What a rule looks at; arrays of shape ``(series, time)`` unless they say otherwise."""

    values: FloatArray
    """In the metric's own unit; NaN where nobody can say. Of a threshold: of the hour or day so far."""
    step: timedelta
    lengths_h: FloatArray
    """How many hours of each point are over, shape ``(time,)``: the last may go on."""
    is_over: BoolArray
    """Whether a point is the last of its hour or day, and over; shape ``(time,)``."""
    slots: NDArray[np.int64]
    """Place on the clock, for a detector; shape ``(time,)``."""
    profile: Profile | None = None


@dataclass(frozen=True, slots=True)
class Fired:
    """Where a rule fires; arrays of shape ``(series, time)``."""

    fires: BoolArray
    shown: FloatArray
    """What is compared with the limit."""
    limit: FloatArray
    """NaN where there is none."""
    excess: FloatArray
    """Of each point beyond what is allowed or expected, in the metric's own unit."""


def evaluate(rule: Rule, arrays: Arrays) -> Fired:
    """Say where a rule fires.

    A point is judged by itself and those before it: what comes later changes nothing.

    Args:
        rule: What is asked for.
        arrays: What it looks at.
    """
    return _KINDS[rule.kind](rule, rule.settings, arrays)


def lookback(rule: Rule) -> timedelta:
    """Say how much before a point has to be known to judge it."""
    settings = rule.settings
    if isinstance(settings, Threshold):
        return DAY
    if isinstance(settings, NoData):
        return HEARD_FROM + settings.hours * HOUR
    if isinstance(settings, Detector):
        return timedelta(days=60 if settings.period == "hour" else 180)
    longest = max(each.length for each in settings.windows)
    if settings.per_day is not None:
        return longest
    return longest + (USUAL_BY_MINUTE if rule.is_by_minute else USUAL)


def _threshold(_rule: Rule, given: Threshold, arrays: Arrays) -> Fired:
    limit = np.full(arrays.values.shape, given.above if given.above is not None else given.below, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        is_low = (arrays.values < limit) & arrays.is_over
        fires = is_low if given.above is None else arrays.values > limit
    excess: FloatArray = np.where(fires, arrays.values - limit, 0.0)
    # The value of a day so far holds that of its hours before.
    growth = np.diff(excess, axis=-1, prepend=0.0)
    return Fired(fires, arrays.values, limit, np.where(fires, np.maximum(growth, 0.0), 0.0))


def _burn_rate(rule: Rule, given: BurnRate, arrays: Arrays) -> Fired:
    points = [max(round(each.length / arrays.step), 1) for each in given.windows]
    times = [each.times for each in given.windows]
    if given.per_day is not None:
        allowed = np.full(arrays.values.shape, given.per_day * (arrays.step / DAY))
    else:
        usual = (USUAL_BY_MINUTE if rule.is_by_minute else USUAL) // arrays.step
        allowed = trailing_mean(arrays.values, usual, max(points))
    longest = int(np.argmax(points))
    shown = _in_windows(arrays.values, points[longest])
    fires = burning(arrays.values, allowed, points, times)
    limit = allowed * points[longest] * times[longest]
    return Fired(fires, shown, limit, np.maximum(np.nan_to_num(arrays.values - allowed), 0.0))


def _in_windows(values: FloatArray, points: int) -> FloatArray:
    """Add points up; where the only calls of a window are such that nobody can say, nobody can."""
    sums, unknown = window_sums(values, points), window_sums(np.isnan(values), points)
    found: FloatArray = np.where((sums <= 0) & (unknown > 0), np.nan, sums)
    return found


def _no_data(_rule: Rule, given: NoData, arrays: Arrays) -> Fired:
    silent = np.nan_to_num(arrays.values) <= 0
    before = np.cumsum(np.where(silent, arrays.lengths_h, 0.0), axis=-1)
    since = np.maximum.accumulate(np.where(silent, 0.0, before), axis=-1)
    hours: FloatArray = np.where(silent, before - since, 0.0)
    # Whoever is missed is missed until the next call, however long that takes.
    was_heard = np.cumsum(~silent, axis=-1) > 0
    limit = np.full(hours.shape, float(given.hours))
    return Fired((hours >= limit) & was_heard, hours, limit, np.zeros(hours.shape))


def _detector(rule: Rule, given: Detector, arrays: Arrays) -> Fired:
    if arrays.profile is None:
        msg = "a detector needs a profile"
        raise ValueError(msg)
    # A point that is not over looks like a drop.
    over = int(np.flatnonzero(arrays.is_over)[-1]) + 1 if arrays.is_over.any() else 0
    values = arrays.values[:, :over]
    scores = run(arrays.profile, values, arrays.slots[:over])
    fires, excess = np.zeros(arrays.values.shape, np.bool_), np.zeros(arrays.values.shape)
    off = np.nan_to_num(values - scores.expected)
    for each in anomalies(arrays.profile, values, scores):
        since = np.abs(np.cumsum(off[each.series, each.start : each.end + 1]))
        first = next((at for at in range(each.told[0], each.end + 1) if since[at - each.start] >= given.least), None)
        if first is not None:
            fires[each.series, first : each.end + 1] = True
            excess[each.series, first : each.end + 1] = off[each.series, first : each.end + 1]
            excess[each.series, first] = off[each.series, each.start : first + 1].sum()
    limit = np.full(arrays.values.shape, np.nan)
    limit[:, :over] = scores.upper
    return Fired(fires, arrays.values, limit, excess if rule.metric == Metric.COST else np.zeros(excess.shape))


_KINDS: Final[Mapping[RuleKind, Callable[[Rule, Any, Arrays], Fired]]] = {
    RuleKind.THRESHOLD: _threshold,
    RuleKind.BURN_RATE: _burn_rate,
    RuleKind.NO_DATA: _no_data,
    RuleKind.DETECTOR: _detector,
}
