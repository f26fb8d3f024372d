"""Whatever holds numbers in, a ``(series, time)`` array of floats out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
SingleArray = NDArray[np.float32]
SmallIntArray = NDArray[np.int8]
BoolArray = NDArray[np.bool_]


def as_series(values: ArrayLike) -> FloatArray:
    """Read one series or many.

    Args:
        values: Shape ``(time,)`` or ``(series, time)``; NaN is a missing point, not a zero.

    Returns:
        A copy of shape ``(series, time)``; infinities count as missing.

    Raises:
        ValueError: There are more than two dimensions.
    """
    array = np.array(values, dtype=np.float64, ndmin=2)
    if array.ndim > 2:  # noqa: PLR2004 - series and time
        msg = f"values have the shape {array.shape}; series are (time,) or (series, time)"
        raise ValueError(msg)
    array[~np.isfinite(array)] = np.nan
    return array


def shifted(values: FloatArray, steps: int) -> FloatArray:
    """Move every series *steps* points into the future; what was not there yet is NaN."""
    result = np.full_like(values, np.nan)
    if steps < values.shape[1]:
        result[:, steps:] = values[:, : values.shape[1] - steps]
    return result


def past_windows(values: FloatArray, length: int) -> FloatArray:
    """Show for each point the *length* points before it, without the point itself.

    Returns:
        A view of shape ``(series, time, length)``, NaN where the past has not begun.
    """
    count, steps = values.shape
    padding = np.full((count, length), np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([padding, values], axis=1), length, axis=1)
    return windows[:, :steps, :]
