"""Whole weeks of many histories in, what each model expects of the days after them out.

Every model takes ``weeks`` of shape ``(histories, weeks, 7)`` without gaps, where the last day of the last week is the
day before the first one that is asked for, and gives ``(histories, days)``. So a weekday needs no date, and a back-test
is one call with as many histories as it has windows. Levels are followed by whole weeks, which have no season, and
spread over the week's days afterwards: dividing by the share of a Sunday, which may be nothing, is never needed.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from itertools import product

import numpy as np
from numpy.typing import NDArray

from usage_plugin.analysis.arrays import FloatArray

DAYS_A_WEEK = 7
LEVEL_WEEKS = 3
MOST_OF_A_DAY = 3.0
"""A day counts up to so many times the second largest of its week, or the typical day that is not zero."""
LEVEL_GAINS = (0.3, 0.6, 0.9)
TREND_GAINS = (0.1, 0.4)
DAMPING = 0.8
"""Of the trend, for each week ahead."""


class Model(StrEnum):
    """What a forecast was made with."""

    SEASONAL_NAIVE = "seasonal naive"
    RUN_RATE = "run-rate"
    ROBUST_LEVEL = "robust level by day of week"
    HOLT_WINTERS = "damped Holt-Winters"
    THETA = "Theta"
    MEDIAN = "median of three"


COMBINED = (Model.SEASONAL_NAIVE, Model.ROBUST_LEVEL, Model.THETA)
"""Who errs least alike: with the other two the median was wrong by more on generated spend (seeds 1, 11 and 12)."""


def paths(weeks: FloatArray, days: int) -> dict[Model, FloatArray]:
    """Ask every model, and take the median of some for each day."""
    each = {model: expect(weeks, days) for model, expect in _MODELS.items()}
    return each | {Model.MEDIAN: np.median([each[model] for model in COMBINED], axis=0)}


def seasonal_naive(weeks: FloatArray, days: int) -> FloatArray:
    """Repeat the last week."""
    return weeks[:, -1, _weekdays(days)]


def run_rate(weeks: FloatArray, days: int) -> FloatArray:
    """Go on at the mean of all days, rare and huge ones included."""
    return np.repeat(weeks.mean((1, 2))[:, None], days, axis=1)


def robust_level(weeks: FloatArray, days: int) -> FloatArray:
    """Go on at the median of the last weeks."""
    tamed = _tame(weeks)
    level = np.median(tamed[:, -LEVEL_WEEKS:].mean(2), axis=1)
    made: FloatArray = level[:, None] * _season(tamed)[:, _weekdays(days)]
    return made


def holt_winters(weeks: FloatArray, days: int) -> FloatArray:
    """Follow a level with a trend that fades, and the share of each weekday.

    The two gains are those that foretold the history's own weeks best.

    Source: Gardner & McKenzie (1985), "Forecasting trends in time series".
    """
    tamed = _tame(weeks)
    means = tamed.mean(2)
    gains = np.array(list(product(LEVEL_GAINS, TREND_GAINS)))
    level, trend, errors = _follow(means, gains[:, 0], gains[:, 1])
    best = np.argmin(errors, axis=1)[:, None]
    level, trend = (np.take_along_axis(each, best, axis=1) for each in (level, trend))
    faded = DAMPING * (1 - DAMPING ** _weeks_ahead(days)) / (1 - DAMPING)
    made: FloatArray = np.maximum(level + trend * faded, 0) * _season(tamed)[:, _weekdays(days)]
    return made


def theta(weeks: FloatArray, days: int) -> FloatArray:
    """Take the mean of the straight line through the weeks and of a smoothed series with twice its curvature.

    Source: Assimakopoulos & Nikolopoulos (2000), "The theta model".
    """
    tamed = _tame(weeks)
    means = tamed.mean(2)
    at = np.arange(means.shape[1]) - (means.shape[1] - 1) / 2
    middle, slope = means.mean(1)[:, None], (means @ at / (at @ at))[:, None]
    gains = np.array(LEVEL_GAINS)
    level, _, errors = _follow(2 * means - (middle + slope * at), gains, np.zeros(gains.size))
    smooth = np.take_along_axis(level, np.argmin(errors, axis=1)[:, None], axis=1)
    line = middle + slope * (at[-1] + _weeks_ahead(days))
    made: FloatArray = np.maximum((line + smooth) / 2, 0) * _season(tamed)[:, _weekdays(days)]
    return made


_MODELS: dict[Model, Callable[[FloatArray, int], FloatArray]] = {
    Model.SEASONAL_NAIVE: seasonal_naive,
    Model.RUN_RATE: run_rate,
    Model.ROBUST_LEVEL: robust_level,
    Model.HOLT_WINTERS: holt_winters,
    Model.THETA: theta,
}


def _weekdays(days: int) -> NDArray[np.int64]:
    return np.arange(days, dtype=np.int64) % DAYS_A_WEEK


def _weeks_ahead(days: int) -> FloatArray:
    """How far each day is from the middle of the last week."""
    return (np.arange(days) + (DAYS_A_WEEK + 1) / 2) / DAYS_A_WEEK


def _follow(
    means: FloatArray, level_gains: FloatArray, trend_gains: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Smooth ``(histories, weeks)`` with each pair of gains: last level, last trend, squared errors by pair."""
    level = np.repeat(means[:, :1], level_gains.size, axis=1)
    trend, errors = np.zeros_like(level), np.zeros_like(level)
    for mean in means.T[1:, :, None]:
        error = mean - level - DAMPING * trend
        errors += error * error
        level = level + DAMPING * trend + level_gains * error
        trend = DAMPING * trend + level_gains * trend_gains * error
    return level, trend, errors


def _tame(weeks: FloatArray) -> FloatArray:
    """Cut huge days, but neither a new level, whose week has several such days, nor the size that rare days have."""
    second = np.sort(weeks, axis=2)[:, :, -2:-1]
    flat = weeks.reshape(len(weeks), -1)
    ordered = np.sort(np.where(flat > 0, flat, np.inf), axis=1)
    middle = np.maximum((flat > 0).sum(1) - 1, 0) // 2
    typical = ordered[np.arange(len(flat)), middle][:, None, None]
    tamed: FloatArray = np.minimum(weeks, MOST_OF_A_DAY * np.maximum(second, typical))
    return tamed


def _season(weeks: FloatArray) -> FloatArray:
    """Give each weekday's share of a week as factors of mean 1, shrunk towards none as by one week without season."""
    means = weeks.mean(2, keepdims=True)
    shares = np.divide(weeks, means, out=np.ones_like(weeks), where=means > 0)
    factors = (np.median(shares, axis=1) * weeks.shape[1] + 1) / (weeks.shape[1] + 1)
    normal: FloatArray = factors / factors.mean(1, keepdims=True)
    return normal
