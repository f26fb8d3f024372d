"""Arrays with gaps in, robust locations, scales and z-scores out."""

from __future__ import annotations

import numpy as np

from usage_plugin.analysis.arrays import FloatArray

# 1 / the 75 % quantile of a normal distribution: makes a MAD estimate its standard deviation.
MAD_TO_SIGMA = 1.4826
# sqrt(pi / 2): does the same for the mean absolute deviation.
MEAN_AD_TO_SIGMA = 1.2533


def robust_z(values: FloatArray, expected: FloatArray, scale: FloatArray) -> FloatArray:
    """Standardise residuals by a robust scale.

    Args:
        values: Observed series, shape ``(series, time)``, in the series' own unit.
        expected: Baseline of the same shape.
        scale: Robust standard deviation, same shape or ``(series, 1)``; 0 where the past was constant.

    Returns:
        z-scores of the same shape; NaN where *values* or *expected* is NaN or *scale* is 0.

    Raises:
        ValueError: The shapes do not broadcast.

    Source: Iglewicz & Hoaglin (1993), "How to Detect and Handle Outliers", for the 1.4826 factor and the 3.5 threshold.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z: FloatArray = np.where(scale > 0, (values - expected) / scale, np.nan)
    return z


def median_of(windows: FloatArray, least: int) -> FloatArray:
    """Take the median along the last axis, leaving out NaN.

    Args:
        windows: Shape ``(..., window)``.
        least: Fewest points that a median is taken of.

    Returns:
        Shape ``(...)``; NaN where fewer than *least* points are there.
    """
    ordered = np.sort(windows, axis=-1)  # NaN goes last
    count = np.sum(np.isfinite(ordered), axis=-1)
    low = np.take_along_axis(ordered, (np.maximum(count - 1, 0) // 2)[..., None], axis=-1)[..., 0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, ordered.shape[-1] - 1)[..., None], axis=-1)[..., 0]
    median: FloatArray = np.where(count >= max(least, 1), low + (high - low) / 2, np.nan)
    return median


def scale_of(residual_windows: FloatArray, least: int) -> FloatArray:
    """Estimate a standard deviation of residuals around zero that outliers hardly move.

    The median absolute residual, or the mean one where more than half of the residuals are zero.

    Args:
        residual_windows: Shape ``(..., window)``; NaN is left out.
        least: Fewest residuals that a scale is taken of.

    Returns:
        Shape ``(...)``; NaN where fewer than *least* residuals are there, 0 where all are 0.

    Source: Iglewicz & Hoaglin (1993) for both estimators.
    """
    deviations = np.abs(residual_windows)
    middle = median_of(deviations, least)
    count = np.sum(np.isfinite(deviations), axis=-1)
    mean = np.nansum(deviations, axis=-1) / np.maximum(count, 1)
    scale: FloatArray = np.where(middle == 0, MEAN_AD_TO_SIGMA * mean, MAD_TO_SIGMA * middle)
    return scale
