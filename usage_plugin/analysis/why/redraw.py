"""A series and its driver's in, the series as it would have been without the driver out."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", np.int64, np.float64)


def without(series: NDArray[Number], drivers: NDArray[Number], usual: NDArray[Number] | None = None) -> NDArray[Number]:
    """Redraw a series without what drove it.

    Args:
        series: Shape ``(time,)``, in any unit; NaN is a missing point and stays one.
        drivers: The same points of the members that drove it, shape ``(time,)`` or ``(members, time)``; NaN is nothing.
        usual: What is usual of the drivers, of the shape of *drivers*. With it only what is beyond stays away, so that
            the result can be compared with what was expected of the series.

    Returns:
        Shape ``(time,)``; of integers exact integers.

    Raises:
        ValueError: The shapes do not fit.
    """
    taken = _together(drivers, series.shape)
    given = 0 if usual is None else _together(usual, series.shape)
    redrawn: NDArray[Number] = series - taken + given
    return redrawn


def _together(members: NDArray[Number], shape: tuple[int, ...]) -> NDArray[Number]:
    """Add members up, point by point."""
    if members.shape[-1:] != shape or members.ndim > 2:  # noqa: PLR2004 - members and time
        msg = f"members have the shape {members.shape}; they are (time,) or (members, time) of {shape}"
        raise ValueError(msg)
    sums: NDArray[Number] = np.nansum(np.atleast_2d(members), axis=0)
    return sums
