from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from usage_plugin.analysis.arrays import FloatArray, as_series, past_windows, shifted
from usage_plugin.analysis.robust import MAD_TO_SIGMA, MEAN_AD_TO_SIGMA, median_of, robust_z, scale_of

SERIES = arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e6, 1e6) | st.just(np.nan))


@given(SERIES)
def test_the_median_is_numpys_without_missing_points(values: FloatArray) -> None:
    """Leaving out NaN gives what numpy gives for the rest."""
    present = values[np.isfinite(values)]
    expected = np.median(present) if present.size else np.nan
    assert median_of(values, least=1) == pytest.approx(expected, rel=1e-12, abs=1e-9, nan_ok=True)


def test_too_few_points_have_no_median() -> None:
    """A median of two points is refused where three are asked for."""
    assert np.isnan(median_of(np.array([1.0, np.nan, 3.0]), least=3))


@given(arrays(np.float64, st.integers(3, 40), elements=st.floats(-1e6, 1e6)))
def test_the_scale_is_scipys_mad_around_zero(residuals: FloatArray) -> None:
    """The scale equals scipy's normal-consistent MAD, taken around zero, unless that is zero."""
    mad = stats.median_abs_deviation(residuals, center=lambda x, axis: np.zeros(()), scale="normal")
    if mad > 0:
        assert scale_of(residuals, least=1) == pytest.approx(mad, rel=1e-4)


def test_the_factors_make_a_normal_deviation() -> None:
    """Both factors turn a deviation of normal noise into its standard deviation."""
    assert pytest.approx(1 / stats.norm.ppf(0.75), rel=1e-4) == MAD_TO_SIGMA
    assert pytest.approx(np.sqrt(np.pi / 2), rel=1e-4) == MEAN_AD_TO_SIGMA


def test_a_mostly_constant_past_still_has_a_scale() -> None:
    """Where the median deviation is zero, the mean one speaks: nine zeros and a 10 give 1.2533."""
    assert scale_of(np.array([0.0] * 9 + [10.0]), least=1) == pytest.approx(1.2533)


def test_z_counts_scales_and_is_unknown_without_one() -> None:
    """Ten above an expectation of 20 at a scale of 5 is 2; a zero scale or a missing value has no z."""
    z = robust_z(np.array([30.0, 30.0, np.nan]), np.array([20.0, 20.0, 20.0]), np.array([5.0, 0.0, 5.0]))
    assert z[0] == 2.0
    assert np.isnan(z[1:]).all()


def test_shapes_that_do_not_fit_are_refused() -> None:
    """Our own mistakes raise."""
    with pytest.raises(ValueError, match="broadcast"):
        robust_z(np.zeros((2, 3)), np.zeros((2, 4)), np.ones((2, 4)))


def test_a_window_holds_the_past_only() -> None:
    """The window of a point ends just before it."""
    windows = past_windows(np.array([[1.0, 2.0, 3.0]]), 2)
    np.testing.assert_array_equal(windows[0], [[np.nan, np.nan], [np.nan, 1.0], [1.0, 2.0]])


@pytest.mark.parametrize(("steps", "moved"), [(1, [np.nan, 1.0, 2.0]), (3, [np.nan] * 3), (9, [np.nan] * 3)])
def test_shifting_brings_the_past_to_the_present(steps: int, moved: list[float]) -> None:
    """A point sees what was *steps* before it, and nothing before the start."""
    np.testing.assert_array_equal(shifted(np.array([[1.0, 2.0, 3.0]]), steps)[0], moved)


def test_one_series_or_many_are_read_and_infinity_is_missing() -> None:
    """A flat list is one series; the caller's array is left alone."""
    mine = np.array([1.0, np.inf])
    read = as_series(mine)
    assert read.shape == (1, 2)
    assert np.isnan(read[0, 1])
    assert np.isinf(mine[1])
    with pytest.raises(ValueError, match=r"\(1, 1, 1\)"):
        as_series(np.zeros((1, 1, 1)))
