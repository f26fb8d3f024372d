"""Hours of whole days and of today so far in, what the rest of today brings out, tested on the days before.

What is left of a day is taken from what was left of earlier days at the same hour: of the same weekday, or of the last
days, as it was or scaled by how today compares so far. The median of all these is taken unless one alone was clearly
better, as for longer sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from usage_plugin.analysis.arrays import BoolArray, FloatArray
from usage_plugin.analysis.forecast.backtest import LEAST_USUAL, SMALL, log_ratio
from usage_plugin.analysis.forecast.forecast import (
    LEAST_DAYS,
    LEAST_KNOWN_SHARE,
    WORTH_LEAVING,
    Interval,
    NoForecast,
    Reason,
    around,
)
from usage_plugin.analysis.forecast.intervals import widths_by_rank
from usage_plugin.analysis.forecast.models import DAYS_A_WEEK

HOURS_A_DAY = 24
WEEKS_LOOKED_AT, DAYS_LOOKED_AT = 4, 5
FIRST_TESTED = 2 * DAYS_A_WEEK
POWERS = (0.0, 0.5, 1.0)
"""How much of today's lead is expected to go on: none, its root, all of it."""
TINY = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class RestOfDay:
    """What is still to come today, in the unit of the values."""

    remaining: float
    interval_80: Interval
    interval_95: Interval
    model: str
    past_error: float | None
    """Mean miss at this hour of earlier days as a share of the mean rest; None where nothing came."""
    tested_days: int


def forecast_rest_of_day(hours: ArrayLike, so_far: float, elapsed_hours: float) -> RestOfDay | NoForecast:
    """Forecast what comes between now and midnight.

    Args:
        hours: Shape ``(days, 24)``, oldest first, yesterday last, by the hour on the wall clock; NaN is unknown.
        so_far: Of today, up to now.
        elapsed_hours: How far today is, on the wall clock, from 0 to 24.

    Returns:
        A forecast, or what is missing for one.

    Raises:
        ValueError: *hours* are not days of 24 hours, or no moment of a day is asked about.
    """
    days = _known_days(hours, elapsed_hours)
    known: BoolArray = ~np.isnan(days.sum(axis=1))
    has_gaps = len(days) >= LEAST_DAYS and known[-LEAST_DAYS:].mean() < LEAST_KNOWN_SHARE
    if has_gaps or int(known.sum()) < LEAST_DAYS:
        reason = Reason.GAPS if has_gaps else Reason.SHORT
        return NoForecast(reason=reason, days=len(days), known_days=int(known.sum()))
    before, rest = _split(_fill(days), elapsed_hours)
    tested = np.flatnonzero(known[FIRST_TESTED:]) + FIRST_TESTED
    expected = _with_median(np.stack([_candidates(before[:day], rest[:day], before[day]) for day in tested]))
    left = 1 - elapsed_hours / HOURS_A_DAY
    small = SMALL * max(float(rest.mean()), LEAST_USUAL * left * float((before + rest).mean()))
    errors = log_ratio(np.repeat(rest[tested, None], expected.shape[1], axis=1), expected, np.array(small))
    chosen = _choose(errors)
    middle = float(_with_median(_candidates(before, rest, so_far)[None])[0, chosen])
    came = float(rest[tested].sum())
    both = (widths_by_rank(errors[:, chosen], share) for share in (0.8, 0.95))
    interval_80, interval_95 = (around(middle, small, *each) for each in both)
    return RestOfDay(
        remaining=middle,
        interval_80=interval_80,
        interval_95=interval_95,
        model=_NAMES[chosen],
        past_error=float(np.abs(rest[tested] - expected[:, chosen]).sum()) / came if came > 0 else None,
        tested_days=len(tested),
    )


def _with_median(candidates: FloatArray) -> FloatArray:
    return np.column_stack([candidates, np.median(candidates, axis=1)])


_NAMES = (
    *(f"{of}, {how}" for of, how in product(("same weekday", "last days"), ("as it was", "partly scaled", "scaled"))),
    "median of six",
)


def _known_days(hours: ArrayLike, elapsed_hours: float) -> FloatArray:
    days = np.array(hours, dtype=np.float64)
    if days.ndim != 2 or days.shape[1] != HOURS_A_DAY or not 0 <= elapsed_hours <= HOURS_A_DAY:  # noqa: PLR2004
        msg = f"hours have the shape {days.shape} and {elapsed_hours} are over; give days of 24 hours, and 0 to 24"
        raise ValueError(msg)
    days[~np.isfinite(days)] = np.nan
    spent = np.nansum(np.abs(days), axis=1) > 0
    return days[int(np.argmax(spent)) :] if spent.any() else days[:0]


def _fill(days: FloatArray) -> FloatArray:
    """Put the hour's usual value into gaps; days with gaps are not tested."""
    usual = np.nan_to_num(np.nanmedian(np.where(np.isfinite(days).any(0), days, 0.0), axis=0))
    return np.where(np.isfinite(days), days, usual)


def _split(days: FloatArray, elapsed_hours: float) -> tuple[FloatArray, FloatArray]:
    """Cut each day at this moment; within an hour as if it were spent evenly."""
    weights = np.clip(elapsed_hours - np.arange(HOURS_A_DAY), 0, 1)
    before: FloatArray = days @ weights
    rest: FloatArray = days @ (1 - weights)
    return before, rest


def _candidates(before: FloatArray, rest: FloatArray, so_far: float) -> FloatArray:
    """Give what each way of looking at earlier days expects of the day after them, shape ``(6,)``."""
    same = np.arange(len(rest) - DAYS_A_WEEK, -1, -DAYS_A_WEEK)[:WEEKS_LOOKED_AT]
    last = np.arange(len(rest) - DAYS_LOOKED_AT, len(rest))
    slight = SMALL * float((before + rest).mean()) + TINY
    found = list[float]()
    for days in (same, last):
        lead = (so_far + slight) / (float(np.median(before[days])) + slight)
        found.extend(float(np.median(rest[days])) * lead**power for power in POWERS)
    return np.array(found)


def _choose(errors: FloatArray) -> int:
    """Take the median, the last one, unless one alone was clearly better."""
    missed = np.sqrt(np.square(errors).mean(0))
    best = int(np.argmin(missed))
    return best if missed[best] < WORTH_LEAVING * missed[-1] else errors.shape[1] - 1
