"""A residual in; what each channel shows, what it had shown at most, and what of it is remembered, out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.analysis.memory.profile import Profile, Volatility, at_least, rate
from usage_plugin.analysis.memory.season import TINY, Season
from usage_plugin.analysis.memory.state import Point, Rows, State
from usage_plugin.analysis.robust import MEAN_AD_TO_SIGMA

LEAST_SPREAD = 0.3
"""A channel's scale is at least this share of what independent residuals would give it."""
LEAST_VOLATILITY = 0.1
"""Least scale of the logarithm that tells how much a series moves."""
LEAST_MOVE = 1e-3
"""Moves of less than this share of the level are none."""
BIGGEST_MOVE = 5.0
"""What is learnt of a move, at most, in usual ones."""
BEYOND_ANYTHING = 1e100


class Shown(NamedTuple):
    """What the channels show at one point, volatility last; arrays of shape ``(channels, series)``."""

    value: FloatArray
    spread: FloatArray
    threshold: FloatArray
    ring: Rows
    sums: FloatArray
    moves: FloatArray


def look(profile: Profile, state: State, season: Season, point: Point) -> Shown:
    """Take the mean residual over each channel's last points, and how much the series moves."""
    even = season.residual / season.wider
    ring, sums = _windows(profile, state, even)
    means = sums * profile.shares
    means[0] = (
        _off_both(even, (season.residual - state.recent * point.weight) / season.wider) if profile.recent else even
    )
    least = (LEAST_SPREAD * np.sqrt(profile.shares)) * season.scale
    moves = state.moves
    if profile.volatility is not None:
        moves, ratio = _moved(profile.volatility, state, point)
        means = np.concatenate([means, ratio[None]])
        least = np.concatenate([least, np.full((1, state.series), LEAST_VOLATILITY)])
    spread = np.maximum(state.spread, least, out=least)
    threshold = profile.thresholds * spread
    threshold *= 1.0 + profile.small_sample * at_least(0.0, np.maximum(state.seen, 1.0), 0.0)
    return Shown(means, spread, threshold, ring, sums, moves)


def _off_both(even: FloatArray, off_recent: FloatArray) -> FloatArray:
    """Take the lesser of two residuals of one sign, and nothing where the signs differ."""
    up = np.maximum(np.minimum(even, off_recent), 0.0)
    return up + np.minimum(np.maximum(even, off_recent), 0.0)


def _windows(profile: Profile, state: State, even: FloatArray) -> tuple[Rows, FloatArray]:
    if not state.ring:
        return (), np.broadcast_to(even, state.sums.shape)
    size, at = len(state.ring), state.steps % len(state.ring)
    sums = state.sums + even
    for row, each in zip(sums, profile.channels, strict=True):
        np.subtract(row, state.ring[(state.steps - each.points) % size], out=row)
    return (*state.ring[:at], even, *state.ring[at + 1 :]), sums


def _moved(volatility: Volatility, state: State, point: Point) -> tuple[FloatArray, FloatArray]:
    """Follow how much the series moves from point to point, lately and for long; give the logarithm of their ratio."""
    before, short, long = state.moves
    known = point.weight * (state.seen > 0)
    move = np.abs(point.stable - before) * known
    short = short + known * at_least(rate(volatility.short), state.seen, 1.0) * (move - short)
    usual = np.where(long > 0, np.minimum(move, BIGGEST_MOVE * long), move)
    least = LEAST_MOVE * np.abs(state.level) + TINY
    ratio = np.log((short + least) / (long + least)) * known
    long = long + known * at_least(rate(volatility.long), state.seen, 1.0) * (usual - long)
    return np.stack([np.where(point.there, point.stable, before), short, long]), ratio


def with_records(profile: Profile, state: State, shown: Shown, slot: int) -> State:
    """At the begin of a block, take the block before the last one into the records; of an epoch, forget older ones."""
    block = slot // profile.block
    if block == state.block:
        return state
    record, young = state.record, state.young
    if block * profile.block // profile.remember != state.block * profile.block // profile.remember:
        record, young = young, np.zeros_like(young)
    shown_last = profile.margin * np.stack([state.last[0], -state.last[1]])
    most = profile.raised * np.maximum(record, shown.threshold)
    raised = np.where(state.seen < profile.learning, shown_last, np.minimum(shown_last, most))
    return state._replace(
        block=block,
        record=np.maximum(record, raised),
        young=np.maximum(young, raised),
        last=state.now,
        now=np.zeros_like(state.now),
    )


def remembered(profile: Profile, state: State, season: Season, shown: Shown, point: Point) -> State:
    """Learn what channels show usually, and at most."""
    # Nothing is cut while it settles, and where there is no scale yet to cut by.
    uncut = (state.seen < profile.settled) | (season.scale <= TINY)
    cut = shown.spread * np.where(uncut, BEYOND_ANYTHING, profile.clip)
    np.minimum(cut, np.abs(shown.value), out=cut)
    share = point.weight * at_least(rate(profile.scale), np.maximum(state.seen - profile.settled, 0.0), 2.0)
    cut *= MEAN_AD_TO_SIGMA * share
    cut += state.spread * (1.0 - share)
    counts = point.there & (state.seen >= profile.least)
    counted = shown.value if counts.all() else shown.value * counts
    now = np.empty_like(state.now)
    np.maximum(state.now[0], counted, out=now[0])
    np.minimum(state.now[1], counted, out=now[1])
    return state._replace(spread=cut, now=now, ring=shown.ring, sums=shown.sums, moves=shown.moves)
