"""Errors of a back-test in, how far off the next sum may be out.

Split conformal on the series' own errors: an interval of 80 % is as wide as the error that 80 % of the past ones did
not exceed. Windows overlap, so that ninety of them may be worth three. An empirical quantile of three says nothing
about 95 %; so it is a floor, and above it stands Student's t with degrees of freedom for stretches that do not
overlap, about an error that series of this kind have before anything is known of them.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import t

from usage_plugin.analysis.arrays import FloatArray

PRIOR_ERROR_OF_A_DAY = 0.06
"""Logarithm of actual over expected of a sum before its own past is known; grows with the root of the days."""
PRIOR_STRETCHES = 3.0
"""What that is worth."""
FREEDOM_OF_A_STRETCH = 0.5
"""Neighbouring stretches err alike, and seldom but much: each is worth half of an independent one."""


def half_width(errors: FloatArray, days: int, stretches: float, share: float) -> float:
    """Say which error *share* of the next sums stay within.

    Args:
        errors: Logarithms of actual over expected, shape ``(windows,)``, at least one.
        days: Length of the sums.
        stretches: How many windows that do not overlap they are worth.
        share: 0.8 for an interval of 80 %.
    """
    return max(_student(errors, days, stretches, share), _conformal(errors, share))


def _conformal(errors: FloatArray, share: float) -> float:
    """Take the error of the rank that covers the next one, the largest where there is no such rank."""
    rank = math.ceil((errors.size + 1) * share)
    return float(np.sort(np.abs(errors))[min(rank, errors.size) - 1])


def _student(errors: FloatArray, days: int, stretches: float, share: float) -> float:
    worth = stretches + PRIOR_STRETCHES
    prior = PRIOR_ERROR_OF_A_DAY**2 * days
    square = (stretches * float(np.mean(errors * errors)) + PRIOR_STRETCHES * prior) / worth
    return math.sqrt(square) * float(t.ppf((1 + share) / 2, worth * FREEDOM_OF_A_STRETCH))
