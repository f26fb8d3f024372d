"""A state and the next point of each series in; the next state, and what the point says, out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from usage_plugin.analysis.arrays import FloatArray, SingleArray, SmallIntArray
from usage_plugin.analysis.memory.channels import BEYOND_ANYTHING, Shown, look, remembered, with_records
from usage_plugin.analysis.memory.profile import Profile, at_least, rate
from usage_plugin.analysis.memory.season import TINY, Season, learnt, season_at
from usage_plugin.analysis.memory.state import Point, State
from usage_plugin.analysis.robust import MEAN_AD_TO_SIGMA

WHILE_LEARNING = 3.0
"""How many times its threshold and record a point must be off before seasons are known."""
LOUDEST = 1e6
"""Nothing is worse: after a constant past every point would be infinitely so."""


class Seen(NamedTuple):
    """What one point of each series says; arrays of shape ``(series,)``, *severity* NaN where the point is missing.

    Single precision: seven digits are enough to judge and to draw, and a long history of many series is mostly this.
    """

    severity: SingleArray
    """How many times its threshold and its record the loudest channel shows: an alarm above 1 or below -1."""
    channel: SmallIntArray
    """Number of that channel where it alarms, else 0; that of volatility is the last."""
    expected: SingleArray
    """In the unit of the values, as are both ends of the band, outside of which the channel of one point alarms."""
    lower: SingleArray
    upper: SingleArray


def step(profile: Profile, state: State, values: FloatArray, slot: int) -> tuple[State, Seen]:
    """Score one point of each series against its past, and learn from it.

    Args:
        profile: The same for all steps of a state.
        state: Of the step before; stays as it is.
        values: Shape ``(series,)``; NaN is a missing point, not a zero.
        slot: Place of the point on the clock: points since a Monday's midnight, in the time zone that is reported in.

    Returns:
        The state after the point, and what the point says.
    """
    there = np.isfinite(values)
    point = Point(there, there.astype(np.float64), profile.stabiliser.apply(np.where(there, values, 0.0)))
    if not state.seen.all():
        state = state._replace(level=np.where(state.seen > 0, state.level, point.stable))
    season = season_at(profile, state, point, slot)
    shown = look(profile, state, season, point)
    state = with_records(profile, state, shown, slot)
    seen = _judge(profile, state, season, shown, point)
    return _learn(profile, remembered(profile, state, season, shown, point), season, point), seen


def _judge(profile: Profile, state: State, season: Season, shown: Shown, point: Point) -> Seen:
    up, down = state.record
    severity = shown.value / np.maximum(shown.threshold, np.where(shown.value > 0, up, down))
    loudest, channel = _loudest(_while_learning(profile, state, severity), season, point)
    above = np.maximum(shown.threshold[0], up[0]) * season.wider
    above += season.expected
    below = season.expected - np.maximum(shown.threshold[0], down[0]) * season.wider
    if profile.recent:
        above += np.maximum(state.recent, 0.0)
        below += np.minimum(state.recent, 0.0)
    if season.holiday is not None:
        np.minimum(below, season.holiday, out=below)
    undo = profile.stabiliser.undo
    loudest[~point.there] = np.nan
    return Seen(loudest.astype(np.float32), channel, undo(season.expected), undo(below), undo(above))


def _while_learning(profile: Profile, state: State, severity: FloatArray) -> FloatArray:
    """Until the seasons are known, listen to single points only, and less."""
    learning = state.seen < profile.learning
    if not learning.any():
        return severity
    early = np.where(state.seen < profile.least, 0.0, severity[0] / WHILE_LEARNING)
    return np.where(learning, np.concatenate([early[None], np.zeros_like(severity[1:])]), severity)


def _loudest(severity: FloatArray, season: Season, point: Point) -> tuple[FloatArray, SmallIntArray]:
    highest, lowest = severity.max(axis=0), severity.min(axis=0)
    if season.holiday is not None:
        lowest = np.where(point.stable < season.holiday, lowest, 0.0)
    loudest = np.where(highest > -lowest, highest, lowest)
    np.clip(loudest, -LOUDEST, LOUDEST, out=loudest)
    channel = np.zeros(loudest.shape, dtype=np.int8)
    alarms = np.flatnonzero(np.abs(loudest) > 1)
    channel[alarms] = np.argmax(severity[:, alarms] * np.sign(loudest[alarms]), axis=0)
    return loudest, channel


def _learn(profile: Profile, state: State, season: Season, point: Point) -> State:
    uncut = (state.seen < profile.settled) | (season.scale <= TINY)
    limit = np.where(uncut, BEYOND_ANYTHING, profile.clip * season.scale * season.wider)
    cut = np.minimum(np.maximum(season.residual, -limit), limit)
    share = point.weight * at_least(rate(profile.scale), np.maximum(state.seen - profile.settled, 0.0), 2.0)
    recent = state.recent
    if profile.recent:
        recent = recent + point.weight * rate(profile.recent) * (season.residual - recent)
    state = learnt(profile, state, season, cut, point)
    return state._replace(
        steps=state.steps + 1,
        seen=state.seen + point.weight,
        level=state.level + at_least(rate(profile.level), state.seen, 1.5) * cut,
        scale=state.scale + share * (MEAN_AD_TO_SIGMA * np.abs(cut) - state.scale),
        recent=recent,
    )
