"""A series and when a rule would have fired in, a line with the firings marked under it out."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.axes import blank, on_clock, say, time_axis
from dashboard.figures.units import axis_of
from dashboard.figures.watched import NOTHING_KNOWN, gaps, shade
from dashboard.frames import Fired
from dashboard.theme import Palette, measured


def firings(frame: Fired, colours: Palette) -> go.Figure:
    """Draw the series that a rule watches, its limit, and the times at which it would have fired."""
    figure, times = blank(colours), on_clock(frame.buckets, frame.zone)
    shade(figure, frame.firings, frame, colours.span)
    limits = np.zeros(0) if frame.limits is None else frame.limits
    highest = float(np.nanmax(np.concatenate([frame.values, limits, [0.0, frame.limit or 0.0]])))
    scale = axis_of(figure, frame.unit, highest)
    line = go.Scatter(
        name=frame.name,
        x=times,
        y=gaps(frame.values, scale),
        mode="lines+markers" if len(times) == 1 else "lines",
        line={"color": colours.accent, "width": 1.5},
        customdata=[measured(float(value), frame.unit) for value in frame.values],
        hovertemplate="%{fullData.name}: <b>%{customdata}</b><extra></extra>",
    )
    figure.add_trace(line)
    if frame.limit is not None:
        figure.add_hline(y=frame.limit / scale, line={"color": colours.bad, "width": 1.2, "dash": "dash"})
    if frame.limits is not None:
        dashed = {"color": colours.bad, "width": 1.2, "dash": "dash"}
        figure.add_trace(
            go.Scatter(name="Limit", x=times, y=gaps(limits, scale), mode="lines", line=dashed, hoverinfo="skip")
        )
    time_axis(figure, times, frame.bucket_length, frame.zone)
    if not np.isfinite(frame.values).any():
        say(figure, NOTHING_KNOWN, colours)
    return figure
