"""One series in, how wrong each model would have been about sums of its own past out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from usage_plugin.analysis.arrays import BoolArray, FloatArray
from usage_plugin.analysis.forecast.intervals import weekly_change
from usage_plugin.analysis.forecast.models import DAYS_A_WEEK, Model, paths

LEAST_WEEKS, MOST_WEEKS = 2, 8
"""What a model sees: the same in the back-test as in the forecast."""
STRETCHES = 3
"""So many sums that do not overlap are left for testing, where history allows, before models see more weeks."""
MOST_WINDOWS = 96
SMALL = 0.1
"""Of the usual sum: added to both sides of a ratio, so that nothing after next to nothing is no infinite error."""
LEAST_USUAL = 0.25
"""Of the whole history's mean: what is usual is never less, so that a quiet month forgets no scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackTest:
    """What would have been forecast at earlier days, and what came."""

    days: int
    """How far ahead was tested: fewer than asked for where history is short."""
    weeks: int
    stretches: float
    """Lengths of the horizon in what was tested: windows overlap, these would not."""
    actual: FloatArray
    """Sums of shape ``(windows,)``, over the days that are known."""
    expected: dict[Model, FloatArray]
    change: float
    """How much the series' days usually differ from a week before."""
    small: FloatArray
    """What is small beside the sum of each window, shape ``(windows,)``."""

    def errors(self, model: Model) -> FloatArray:
        """Give the logarithm of what came over what was expected."""
        return log_ratio(self.actual, self.expected[model], self.small)

    def relative_error(self, model: Model) -> float | None:
        """Give the mean miss as a share of the mean sum; None where nothing was spent."""
        spent = float(self.actual.sum())
        return float(np.abs(self.actual - self.expected[model]).sum()) / spent if spent > 0 else None


def log_ratio(actual: FloatArray, expected: FloatArray, small: FloatArray) -> FloatArray:
    """Compare sums as a ratio; 0 where both are nothing and nothing is small."""
    above, below = actual + small, expected + small
    both = (above > 0) & (below > 0)
    return np.log(np.divide(above, below, out=np.ones_like(above), where=both))


def back_test(filled: FloatArray, known: BoolArray, days: int) -> BackTest:
    """Forecast from many earlier days what is known by now.

    Args:
        filled: Daily values of shape ``(time,)`` without gaps, at least two weeks and two days.
        known: Which of them were measured; only these are compared.
        days: Length of the sum that is asked for.
    """
    tested, weeks = _lengths(filled.size, days)
    length = weeks * DAYS_A_WEEK
    origins = np.arange(filled.size - tested, length - 1, -_stride(filled.size - tested - length + 1))
    whole = np.lib.stride_tricks.sliding_window_view(filled, length)[origins - length]
    counted = np.lib.stride_tricks.sliding_window_view(known, tested)[origins]
    came = np.lib.stride_tricks.sliding_window_view(filled, tested)[origins]
    # A window that is mostly a gap says little; the newest one decides nothing alone.
    told = 2 * counted.sum(1) >= tested
    told = told if told.any() else np.ones_like(told)
    counted, came, whole = counted[told], came[told], whole[told]
    expected = paths(whole.reshape(len(whole), weeks, DAYS_A_WEEK), tested)
    return BackTest(
        days=tested,
        weeks=weeks,
        stretches=(filled.size - length) / tested * float(told.mean()),
        actual=(came * counted).sum(1),
        expected={model: (path * counted).sum(1) for model, path in expected.items()},
        change=weekly_change(filled, SMALL * float(filled.mean())),
        small=small_beside(whole.mean(1), filled, counted.sum(1)),
    )


def small_beside(mean: FloatArray, filled: FloatArray, days: int | BoolArray | FloatArray) -> FloatArray:
    """Say what is small beside a sum of *days* after a history with the daily *mean*."""
    usual: FloatArray = np.maximum(mean, LEAST_USUAL * filled.mean())
    return SMALL * usual * np.asarray(days, dtype=np.float64)


def _lengths(known_days: int, days: int) -> tuple[int, int]:
    """Choose how far ahead to test, and how many weeks the models see."""
    tested = min(days, (known_days - LEAST_WEEKS * DAYS_A_WEEK) // 2)
    weeks = (known_days - STRETCHES * tested) // DAYS_A_WEEK
    return tested, min(max(weeks, LEAST_WEEKS), MOST_WEEKS)


def _stride(origins: int) -> int:
    """Look at no more windows than are worth their time, and on all weekdays."""
    stride = -(-origins // MOST_WINDOWS)
    return stride + 1 if stride % DAYS_A_WEEK == 0 else stride
