"""Daily values of one scope in, the sum of the days ahead out, with how wrong such sums have been."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from usage_plugin.analysis.arrays import BoolArray, FloatArray
from usage_plugin.analysis.forecast.backtest import BackTest, back_test, small_beside
from usage_plugin.analysis.forecast.intervals import LONGER, widths
from usage_plugin.analysis.forecast.models import DAYS_A_WEEK, Model, paths
from usage_plugin.analysis.forecast.periods import Period, days_left

LEAST_DAYS = 28
"""Two weeks to learn from and two to be tested on."""
LEAST_KNOWN_SHARE = 2 / 3
"""Of the last four weeks and of the whole history."""
MOST_HISTORY_DAYS = 730
FILLED_FROM_WEEKS = 3
WORTH_LEAVING = 0.75
"""One model alone must have been wrong by less than so much of what the median was: luck wins short contests."""


class Interval(NamedTuple):
    """Where a sum is expected, in the unit of the values."""

    low: float
    high: float


class Reason(StrEnum):
    """Why nothing is forecast."""

    SHORT = "not enough data"
    GAPS = "too many days are missing"
    NEGATIVE = "values below zero"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoForecast:
    """What is missing for a forecast."""

    reason: Reason
    days: int
    """Days from the first one with a value above zero to the last one, gaps included."""
    known_days: int
    least_days: int = LEAST_DAYS

    @property
    def days_to_wait(self) -> int:
        """How many more known days it takes; 0 where waiting alone does not help."""
        return self.least_days - self.known_days if self.reason is Reason.SHORT else 0

    @property
    def why(self) -> str:
        """Say it in words, with the number of days."""
        match self.reason:
            case Reason.SHORT:
                return f"{self.reason}, {self.known_days} of {self.least_days} days are known"
            case Reason.GAPS:
                return f"{self.reason}: on {self.days - self.known_days} of {self.days} no call has a price"
            case Reason.NEGATIVE:
                return str(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The sum of the days ahead; all amounts in the unit of the values."""

    days: int
    daily: FloatArray
    """What each day is expected to be, shape ``(days,)``."""
    remaining: float
    interval_80: Interval
    interval_95: Interval
    model: Model
    past_error: float | None
    """Mean miss of this model's sums in the past as a share of the mean sum; None where nothing was spent."""
    tested_days: int
    """How many days ahead that was measured: fewer than ``days`` where history is short."""
    tested_stretches: float
    """How many sums of so many days were tested, not counting overlaps."""


def forecast_period(daily: ArrayLike, last_known: date, period: Period) -> Forecast | NoForecast:
    """Forecast what is left of the week, month or quarter that the day after *last_known* lies in."""
    return forecast(daily, days_left(period, last_known))


def forecast(daily: ArrayLike, days: int) -> Forecast | NoForecast:
    """Forecast the sum of the next days from whole days of the past.

    The model is chosen, and the intervals are made, from what the models would have said of this series' own past.

    Args:
        daily: Shape ``(time,)``, oldest first, each day of the calendar; NaN is a missing day, not a zero. What comes
            before the first value above zero is not history: a new key spent nothing before it existed.
        days: How many days after the last one are added up.

    Returns:
        A forecast, or what is missing for one.

    Raises:
        ValueError: *daily* is not one series, or *days* is below 1.
    """
    history = _history(daily, days)
    known = np.isfinite(history)
    reason = _obstacle(history, known)
    if reason is not None:
        return NoForecast(reason=reason, days=history.size, known_days=int(known.sum()))
    filled = _fill(history)
    tested = back_test(filled, known, days)
    model = _choose(tested)
    last = filled[-tested.weeks * DAYS_A_WEEK :]
    path = paths(last.reshape(1, tested.weeks, DAYS_A_WEEK), days)[model][0]
    small = float(small_beside(last.mean(keepdims=True), filled, days)[0])
    return Forecast(
        days=days,
        daily=path,
        remaining=float(path.sum()),
        interval_80=_interval(tested, model, path, small, 0.8),
        interval_95=_interval(tested, model, path, small, 0.95),
        model=model,
        past_error=tested.relative_error(model),
        tested_days=tested.days,
        tested_stretches=tested.stretches,
    )


def _history(daily: ArrayLike, days: int) -> FloatArray:
    values = np.array(daily, dtype=np.float64)
    if values.ndim != 1 or days < 1:
        msg = (
            f"values have the shape {values.shape} and {days} days are asked for; give one series and at least one day"
        )
        raise ValueError(msg)
    values[~np.isfinite(values)] = np.nan
    values = values[-MOST_HISTORY_DAYS:]
    known = np.isfinite(values)
    spent = known & (values != 0)
    begins = spent if spent.any() else known
    return values[int(np.argmax(begins)) :] if begins.any() else values[:0]


def _obstacle(history: FloatArray, known: BoolArray) -> Reason | None:
    # Where days are missing, waiting for more of the same does not help.
    if history.size >= LEAST_DAYS and min(known.mean(), known[-LEAST_DAYS:].mean()) < LEAST_KNOWN_SHARE:
        return Reason.GAPS
    if known.sum() < LEAST_DAYS:
        return Reason.SHORT
    if np.any(history < 0):
        return Reason.NEGATIVE
    return None


def _fill(history: FloatArray) -> FloatArray:
    """Put into each gap what the same weekday was lately, or else the mean so far: never what came later."""
    filled = history.copy()
    for day in np.flatnonzero(np.isnan(history)):
        same = filled[day % DAYS_A_WEEK : day : DAYS_A_WEEK][-FILLED_FROM_WEEKS:]
        filled[day] = same.mean() if same.size else filled[:day].mean()
    return filled


def _choose(tested: BackTest) -> Model:
    """Take the median of models, unless one alone was clearly better.

    Squares, since the least absolute error on rare spend is that of expecting none.
    """
    missed = {model: math.sqrt(float(np.square(tested.errors(model)).mean())) for model in Model}
    best = min(missed, key=missed.__getitem__)
    return best if missed[best] < WORTH_LEAVING * missed[Model.MEDIAN] else Model.MEDIAN


def _interval(tested: BackTest, model: Model, path: FloatArray, small: float, share: float) -> Interval:
    """Turn errors into amounts; those of shorter sums grow with the length."""
    stretch = (path.size / tested.days) ** LONGER
    below, above = widths(tested.errors(model), tested.days, tested.stretches, tested.change, share)
    return around(float(path.sum()), small, below * stretch, above * stretch)


def around(middle: float, small: float, below: float, above: float) -> Interval:
    """Turn logarithms of ratios into an interval of amounts, none of them below zero."""
    low, high = (middle + small) * math.exp(-below) - small, (middle + small) * math.exp(above) - small
    return Interval(low=max(low, 0.0), high=high)
