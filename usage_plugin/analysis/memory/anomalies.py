"""What points say in, anomalies out: alarms that belong together, with begin, peak, end, kind and what is at stake."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from usage_plugin.analysis.arrays import FloatArray, SingleArray, SmallIntArray, as_series
from usage_plugin.analysis.memory.batch import Scores
from usage_plugin.analysis.memory.profile import Profile

ESCALATION = 2.0
"""An anomaly is told again when it is so many times as severe as when it was told last."""
LASTS_DAYS = 14
"""An anomaly that no alarm renews is over after this: what lasts longer has become usual."""
MUCH = 0.25
"""A point that is off by less than this share of the worst one is no part of an anomaly."""
RISES = 1.5
"""A leak ends with so many times the excess that it began with; a shift of the level does not."""


class Kind(StrEnum):
    """What an anomaly looks like."""

    SPIKE = "spike"
    """One point too high."""
    RUNAWAY = "runaway"
    """Too high for hours."""
    DROP = "drop"
    """Too low."""
    LEAK = "leak"
    """Too high for days, and more each day."""
    LEVEL_SHIFT = "level shift"
    """Too high for days, about as much each day."""
    VOLATILITY = "volatility"
    """Moves much more or much less than usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """Alarms of one series that belong together; places are indices of points."""

    series: int
    kind: Kind
    start: int
    """First point that is off; a channel of many points alarms later than that."""
    peak: int
    end: int
    """Last point that is off."""
    told: tuple[int, ...]
    """The alarms that somebody should hear of: the first, and those that are much worse than the one told before."""
    severity: float
    """Of the worst alarm, below 0 where it is too low."""
    expected: float
    """Sum from start to end, in the unit of the series."""
    actual: float

    @property
    def at_stake(self) -> float:
        """What is too much, or missing below 0."""
        return self.actual - self.expected


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """Alarms of one series that belong together, and what its points say; arrays of shape ``(time,)``."""

    profile: Profile
    series: int
    alarms: list[int]
    until: int
    """First alarm that does not belong to them, or the end of the series."""
    values: FloatArray
    severity: SingleArray
    channel: SmallIntArray
    expected: SingleArray
    lower: SingleArray
    upper: SingleArray

    @property
    def loudest(self) -> int:
        return max(self.alarms, key=lambda at: abs(self.severity[at]))

    @property
    def is_high(self) -> bool:
        return bool(self.severity[self.loudest] > 0)

    @property
    def excess(self) -> FloatArray:
        """How far points are off to the side of the worst alarm, 0 where they are missing."""
        off: FloatArray = np.nan_to_num(self.values - self.expected)
        return off if self.is_high else -off


def anomalies(profile: Profile, values: ArrayLike, scores: Scores) -> list[Anomaly]:
    """Make one of alarms of a series that are at most ``profile.gap`` points apart.

    Args:
        profile: That the scores were made with.
        values: That were scored, shape ``(series, time)`` or ``(time,)``.
        scores: Of the same shape.

    Returns:
        By series and time.
    """
    given, alarms = as_series(values), scores.alarms
    return [
        _anomaly(case)
        for series in np.flatnonzero(alarms.any(axis=1)).tolist()
        for case in _cases(profile, given[series], scores, series)
    ]


def _cases(profile: Profile, values: FloatArray, scores: Scores, series: int) -> list[_Case]:
    places = np.flatnonzero(scores.alarms[series])
    groups = [group.tolist() for group in np.split(places, np.flatnonzero(np.diff(places) > profile.gap) + 1)]
    following = [*(group[0] for group in groups[1:]), len(values)]
    rows = {name: getattr(scores, name)[series] for name in ("severity", "channel", "expected", "lower", "upper")}
    return [
        _Case(profile=profile, series=series, alarms=group, until=until, values=values, **rows)
        for group, until in zip(groups, following, strict=True)
    ]


def _anomaly(case: _Case) -> Anomaly:
    start = _begin(case)
    within = slice(start, _end(case, start) + 1)
    there = np.isfinite(case.values[within])
    return Anomaly(
        series=case.series,
        kind=_kind(case, case.excess[within]),
        start=start,
        peak=start + int(np.argmax(case.excess[within])),
        end=within.stop - 1,
        told=_told(case),
        severity=float(case.severity[case.loudest]),
        expected=float(case.expected[within][there].sum(dtype=np.float64)),
        actual=float(case.values[within][there].sum()),
    )


def _begin(case: _Case) -> int:
    """Go back within the window of the channel that alarmed, as long as points are off to the same side."""
    first, channels = case.alarms[0], case.profile.channels
    number = int(case.channel[first])
    points = channels[number].points if number < len(channels) else 1
    start, excess = first, case.excess
    while start > max(first - points + 1, 0) and excess[start - 1] > 0:
        start -= 1
    return start


def _end(case: _Case, start: int) -> int:
    """Find the last point that is off by much, of the band and of the worst so far, with gaps as between alarms."""
    alarm = case.alarms[-1]
    span = slice(start, min(case.until, alarm + LASTS_DAYS * case.profile.day + 1))
    edge = case.upper if case.is_high else case.lower
    much = np.maximum(np.abs(edge[span] - case.expected[span]) / 2, case.excess[start : alarm + 1].max() * MUCH)
    end = start
    for place in (start + np.flatnonzero(case.excess[span] > much)).tolist():
        if place > alarm and place - end > case.profile.gap:
            break
        end = place
    return end


def _told(case: _Case) -> tuple[int, ...]:
    told = [case.alarms[0]]
    for at in case.alarms[1:]:
        if abs(case.severity[at]) > ESCALATION * abs(case.severity[told[-1]]):
            told.append(at)
    return tuple(told)


def _kind(case: _Case, excess: FloatArray) -> Kind:
    if (case.channel[case.alarms] == len(case.profile.channels)).all():
        return Kind.VOLATILITY
    if not case.is_high:
        return Kind.DROP
    if len(excess) == 1:
        return Kind.SPIKE
    if len(excess) <= case.profile.day:
        return Kind.RUNAWAY
    third = max(len(excess) // 3, 1)
    rises = excess[-third:].mean() > RISES * excess[:third].mean()
    return Kind.LEAK if rises else Kind.LEVEL_SHIFT
