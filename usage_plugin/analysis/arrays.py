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
