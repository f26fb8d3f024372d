"""A unit and the largest number in, an axis that counts in it out."""

from __future__ import annotations

import plotly.graph_objects as go

from dashboard.figures.axes import dollar_axis
from dashboard.frames import Unit

SECOND_MS = 1000.0
LEAST_SHARE = 0.1


def axis_of(figure: go.Figure, unit: Unit, largest: float) -> float:
    """Count on the vertical axis from 0 in a unit.

    Returns:
        What values are divided by: milliseconds are shown in seconds where there are many.
    """
    match unit:
        case Unit.DOLLARS:
            dollar_axis(figure, largest)
        case Unit.COUNT:
            figure.update_yaxes(tickformat="~s" if largest >= SECOND_MS else "~r", rangemode="tozero")
        case Unit.SHARE:
            places = 0 if largest >= LEAST_SHARE else 2
            figure.update_yaxes(tickformat=f".{places}%", rangemode="tozero")
        case Unit.MILLISECONDS:
            in_seconds = largest >= SECOND_MS
            figure.update_yaxes(ticksuffix=" s" if in_seconds else " ms", tickformat="~r", rangemode="tozero")
            return SECOND_MS if in_seconds else 1.0
    return 1.0
