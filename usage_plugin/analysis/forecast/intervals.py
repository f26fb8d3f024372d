"""Errors of a back-test in, how far below and above what is expected the next sum may be out.

Student's t about the series' own errors, pooled with the error that is usual for a series whose weeks differ as much as
these do. Windows overlap, so that ninety may be worth three: the degrees of freedom count stretches that do not.
What spend brings by surprise is mostly more of it, so more is expected above than below.

The constants were chosen on generated spend (seeds 1 and 11 to 19 of ``tests/detection/spend.py``, eight lengths of
history and horizon) so that 80 and 95 % of 600 sums each are within; ``make bench-forecast`` measures them on others.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.stats import t

from usage_plugin.analysis.arrays import FloatArray

DAYS_A_WEEK = 7
PRIOR_ABOVE, PRIOR_BELOW = 0.5, 0.34
"""Of the usual change from week to week, as the logarithm of a ratio: what a sum of ten days is out before its own past
is known; it grows with the root of the days."""
PRIOR_DAYS, PRIOR_STRETCHES = 10.0, 5.0
LEAST_CHANGE = 0.08
"""Nothing is so regular that it cannot change."""
NORMAL = 1.4826
"""Turns a median of absolute deviations into the standard deviation of normal ones."""
OF_MEAN = 0.6
"""Of the mean deviation: what counts where most days are alike and a few are not."""
FREEDOM, FREEDOM_OF_A_STRETCH = 1.0, 0.25
"""Neighbouring stretches err alike, and seldom but much: each is worth a quarter of an independent one."""


class Widths(NamedTuple):
    """Logarithms of a ratio, both above zero."""

    below: float
    above: float


def weekly_change(filled: FloatArray, small: float) -> float:
    """Say how much days usually differ from the same weekday before, as the logarithm of a ratio.

    Args:
        filled: Daily values of shape ``(time,)``, more than a week of them.
        small: Added to both, so that nothing after next to nothing is no infinite change.
    """
    before, after = filled[:-DAYS_A_WEEK] + small, filled[DAYS_A_WEEK:] + small
    both = (before > 0) & (after > 0)
    change = np.log(np.divide(after, before, out=np.ones_like(after), where=both))
    differs = np.abs(change)
    return max(NORMAL * float(np.median(differs)), OF_MEAN * float(differs.mean()), LEAST_CHANGE)


def widths(errors: FloatArray, days: int, stretches: float, change: float, share: float) -> Widths:
    """Say which errors *share* of the next sums stay between.

    Args:
        errors: Logarithms of actual over expected, shape ``(windows,)``, at least one.
        days: Length of the sums.
        stretches: How many windows that do not overlap they are worth.
        change: The series' `weekly_change`.
        share: 0.8 for an interval of 80 %.
    """
    factor = float(t.ppf((1 + share) / 2, FREEDOM + FREEDOM_OF_A_STRETCH * stretches))
    own = stretches * float(np.mean(errors * errors))
    usual = change * math.sqrt(days / PRIOR_DAYS)

    def side(prior: float) -> float:
        square = (own + PRIOR_STRETCHES * (prior * usual) ** 2) / (stretches + PRIOR_STRETCHES)
        return factor * math.sqrt(square)

    return Widths(side(PRIOR_BELOW), side(PRIOR_ABOVE))
