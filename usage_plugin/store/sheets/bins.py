"""Durations in, logarithmic bins out, and the quantiles of binned counts: off by at most one percent.

Bins add up, so that the quantile of any time is that of the sum of its parts. The mapping is DDSketch's
(Masson, Rim and Lee, "DDSketch: a fast and fully-mergeable quantile sketch", VLDB 2019).
"""

from __future__ import annotations

from math import ceil, log
from typing import Final

import numpy as np
from numpy.typing import NDArray

ACCURACY: Final = 0.01
NOTHING: Final = 0
"""Bin of calls that have no such duration."""
_GAMMA: Final = (1 + ACCURACY) / (1 - ACCURACY)
_LOG: Final = log(_GAMMA)
# A microsecond, the shortest that is told apart, in milliseconds.
_LEAST_MS: Final = 0.001
_FIRST: Final = 1 - ceil(log(_LEAST_MS) / _LOG)


def bins(milliseconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give the bin of each duration; `NOTHING` for NaN."""
    known = ~np.isnan(milliseconds)
    inside = np.maximum(np.where(known, milliseconds, 1.0), _LEAST_MS)
    place = np.ceil(np.log(inside) / _LOG).astype(np.int64) + _FIRST
    return np.where(known, place, NOTHING)


def quantile_ms(bin_numbers: NDArray[np.int64], counts: NDArray[np.int64], share: float) -> float | None:
    """Give the duration that a share of the counted ones stayed within; ``None`` where nothing was counted.

    Args:
        bin_numbers: In any order, also repeated.
        counts: How many in each.
        share: Between 0 and 1, by nearest rank.
    """
    total = int(counts.sum())
    if not total:
        return None
    order = np.argsort(bin_numbers, kind="stable")
    rank = max(ceil(share * total), 1)
    at = int(np.searchsorted(np.cumsum(counts[order]), rank))
    upper = _GAMMA ** (int(bin_numbers[order][at]) - _FIRST)
    return float(2 * upper / (_GAMMA + 1))
