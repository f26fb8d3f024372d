from __future__ import annotations

import numpy as np
import pytest

from usage_plugin.analysis.arrays import as_series
from usage_plugin.analysis.robust import MEAN_AD_TO_SIGMA


def test_the_factor_makes_a_normal_deviation() -> None:
    """It turns the mean absolute deviation of normal noise into its standard deviation."""
    assert pytest.approx(np.sqrt(np.pi / 2), rel=1e-4) == MEAN_AD_TO_SIGMA


def test_one_series_or_many_are_read_and_infinity_is_missing() -> None:
    """A flat list is one series; the caller's array is left alone."""
    mine = np.array([1.0, np.inf])
    read = as_series(mine)
    assert read.shape == (1, 2)
    assert np.isnan(read[0, 1])
    assert np.isinf(mine[1])
    with pytest.raises(ValueError, match=r"\(1, 1, 1\)"):
        as_series(np.zeros((1, 1, 1)))
