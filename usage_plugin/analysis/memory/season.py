"""A state and a place on the clock in; what is expected there, and how far a point may be off, out."""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import numpy as np

from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.analysis.memory.profile import Profile, Stabiliser, at_least, rate
from usage_plugin.analysis.memory.state import Point, Rows, State
from usage_plugin.analysis.robust import MEAN_AD_TO_SIGMA

DAYS_A_WEEK = 7
SATURDAY = 5
WORKDAYS, DAYS_OFF = range(SATURDAY), range(SATURDAY, DAYS_A_WEEK)
TRUSTED_VISITS = 3.0
"""Visits after which a bin's own scale counts half of what it may."""
FIRST_VISIT = 1.5
"""A bin that was seen n times moves by 1 / (n + 1.5): level and bins together may not take one point twice."""
TINY = 1e-300


class Season(NamedTuple):
    """What is expected of one point of each series; stabilised, arrays of shape ``(series,)``."""

    bins: tuple[int, ...]
    expected: FloatArray
    residual: FloatArray
    """How far the point is off, 0 where it is missing."""
    holiday: FloatArray | None
    """Below which a point is too low even for the quietest day of the week, where that is asked."""
    scale: FloatArray
    """Of any point; TINY where all was zero."""
    wider: FloatArray | float
    """How many times that a point at this time of day is off."""


def season_at(profile: Profile, state: State, point: Point, slot: int) -> Season:
    """Compare a point with what *state* expects at *slot*, in points since a Monday's midnight."""
    bins = bins_at(profile, slot)
    expected = state.level + _added(state.seasons, bins)
    if profile.stabiliser is not Stabiliser.NONE:
        expected = np.maximum(expected, 0.0)
    scale = np.abs(state.level)
    scale *= profile.floor
    np.maximum(scale, state.scale, out=scale)
    np.maximum(scale, TINY, out=scale)
    wider = _wider(profile, state, bins, scale) if state.local else 1.0
    residual = (point.stable - expected) * point.weight
    return Season(bins, expected, residual, _holiday(profile, state, slot, expected, scale * wider), scale, wider)


def bins_at(profile: Profile, slot: int) -> tuple[int, ...]:
    """Name the bin of each seasonal table."""
    of_day, day = slot % profile.day, slot // profile.day % DAYS_A_WEEK
    of_week = (slot % profile.week,) * profile.by_week
    if profile.day == 1:
        return of_week
    weekend = profile.by_weekend and day >= SATURDAY
    return (of_day * profile.day_bins // profile.day + profile.day_bins * weekend, *of_week)


def _added(seasons: tuple[Rows, ...], bins: tuple[int, ...]) -> FloatArray | float:
    rows = [table[at] for table, at in zip(seasons, bins, strict=True)]
    return reduce(np.add, rows) if rows else 0.0


def _wider(profile: Profile, state: State, bins: tuple[int, ...], scale: FloatArray) -> FloatArray:
    """Mix the scale of this time of day with that of all, by how well the former is known."""
    visits = state.visits[0][bins[0]]
    mixed = state.local[bins[0]] / scale
    mixed *= mixed
    mixed -= 1.0
    mixed *= profile.local * visits / (visits + TRUSTED_VISITS)
    mixed += 1.0
    return np.sqrt(mixed, out=mixed)


def _holiday(profile: Profile, state: State, slot: int, expected: FloatArray, spread: FloatArray) -> FloatArray | None:
    if profile.quietest is None:
        return None
    lowest = reduce(np.minimum, (_lowest(profile, state, slot, days) for days in (WORKDAYS, DAYS_OFF)))
    return np.minimum(expected, state.level + lowest) - profile.quietest * spread


def _lowest(profile: Profile, state: State, slot: int, days: range) -> FloatArray | float:
    """Give the least that days add at this time; they share the bin of the day, so only that of the week differs."""
    bins = [bins_at(profile, slot % profile.day + day * profile.day) for day in days]
    if not profile.by_week:
        return _added(state.seasons, bins[0])
    least = reduce(np.minimum, (state.seasons[-1][each[-1]] for each in bins))
    return least if len(state.seasons) == 1 else state.seasons[0][bins[0][0]] + least


def learnt(profile: Profile, state: State, season: Season, cut: FloatArray, point: Point) -> State:
    """Move every bin of this time by a residual.

    Args:
        profile: The detector's.
        state: Before the point.
        season: At the point.
        cut: The residual, as much of it as may be learnt from; 0 where the point is missing.
        point: That was compared.
    """
    seasons, visits, local = list(state.seasons), list(state.visits), state.local
    for table, at in enumerate(season.bins):
        count = visits[table][at]
        # Points that share a bin within a day are one visit.
        part = profile.day_bins / profile.day if table == 0 and profile.day > 1 else 1.0
        share = part * at_least(rate(profile.visits), count, FIRST_VISIT)
        if local and table == 0:
            deviation = MEAN_AD_TO_SIGMA * np.abs(cut)
            local = _with(local, at, local[at] + point.weight * share * (deviation - local[at]))
        seasons[table] = _with(seasons[table], at, seasons[table][at] + share * cut)
        visits[table] = _with(visits[table], at, count + part * point.weight)
    return state._replace(seasons=tuple(seasons), visits=tuple(visits), local=local)


def _with(rows: Rows, at: int, row: FloatArray) -> Rows:
    return (*rows[:at], row, *rows[at + 1 :])
