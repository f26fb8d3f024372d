"""Errors of a back-test in, how far below and above what is expected the next sum may be out.

Student's t about the series' own errors, pooled with the error that is usual for a series whose weeks differ as much as
these do. Windows overlap, so that ninety may be worth three: the degrees of freedom count stretches that do not.
What spend brings by surprise is mostly more of it, so more is expected above than below. Single days are many, and err
each for itself: for the rest of one, the errors there were say it all.

The constants were chosen so that 80 and 95 % of sums are within: on generated spend (seeds 1 and 11 to 30 of
``tests/detection/spend.py``, eight lengths of history and horizon, 4,000 sums each) and on some real daily series (two
of the M4 competition, five of visits to pages of Wikipedia). ``make bench-forecast`` measures them on others.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.stats import norm, t

from usage_plugin.analysis.arrays import FloatArray

DAYS_A_WEEK = 7
PRIOR_ABOVE, PRIOR_BELOW = 0.58, 0.46
"""Of the usual change from week to week, as the logarithm of a ratio: what a sum of ten days is out before its own past
is known."""
PRIOR_DAYS, PRIOR_GROWTH, PRIOR_STRETCHES = 10.0, 0.4, 3.7
"""For other lengths it grows with this power of the days; and it counts as much as so many stretches of the past."""
LONGER = 0.7
"""Sums that are too long to be tested err with this power of the length: a level wanders, and a trend goes on."""
LEAST_CHANGE = 0.015
"""Nothing is so regular that it cannot change."""
NORMAL = 1.4826
"""Turns a median of absolute deviations into the standard deviation of normal ones."""
OF_MEAN = 0.6
"""Of the mean deviation: what counts where most days are alike and a few are not."""
FREEDOM, FREEDOM_OF_A_STRETCH = 1.5, 0.2
"""Neighbouring stretches err alike, and seldom but much: each is worth a fifth of an independent one."""

BEYOND = 1.25
"""Of the largest known error, where there are too few for what is asked."""


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
    usual = change * (days / PRIOR_DAYS) ** PRIOR_GROWTH

    def side(prior: float) -> float:
        square = (own + PRIOR_STRETCHES * (prior * usual) ** 2) / (stretches + PRIOR_STRETCHES)
        return factor * math.sqrt(square)

    return Widths(side(PRIOR_BELOW), side(PRIOR_ABOVE))


def widths_by_rank(errors: FloatArray, share: float) -> Widths:
    """Say which errors *share* of the next ones stay between, where each errs for itself: one more among those known.

    Source: the split conformal method, Lei et al. (2018), "Distribution-free predictive inference for regression".

    Args:
        errors: As of `widths`, of single days.
        share: 0.8 for an interval of 80 %.
    """
    sizes = np.sort(np.abs(errors))
    rank = math.ceil((sizes.size + 1) * share)
    width = float(sizes[rank - 1]) if rank <= sizes.size else BEYOND * float(sizes[-1])
    width = max(width, LEAST_CHANGE * float(norm.ppf((1 + share) / 2)))
    return Widths(width, width)
