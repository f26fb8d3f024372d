"""A series around an anomaly in, a line over what was expected out, with the anomaly's time and driver."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.axes import blank, on_clock, say, time_axis
from dashboard.figures.units import axis_of
from dashboard.frames import FloatArray, Stretch, Unit, Watched
from dashboard.theme import Palette, measured

NOTHING_KNOWN = "Nothing is known of this time"


def with_band(frame: Watched, colours: Palette) -> go.Figure:
    """Draw what was measured over what was expected; the band has a gap where the detector still learnt."""
    figure, times = blank(colours), on_clock(frame.buckets, frame.zone)
    shade(figure, frame.planned, frame, colours.planned)
    shade(figure, (frame.anomaly,), frame, colours.span)
    scale = axis_of(figure, frame.unit, _highest(frame))
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "connectgaps": False}
    figure.add_trace(go.Scatter(x=times, y=gaps(frame.lower, scale), name="Lower", **edge))
    fill = {"fill": "tonexty", "fillcolor": colours.band}
    figure.add_trace(go.Scatter(x=times, y=gaps(frame.upper, scale), name="Expected range", **fill, **edge))
    for name, values, style in _lines(frame, colours):
        figure.add_trace(_line(times, values, frame.unit, scale, {"name": name, "line": style}))
    if frame.partial is not None:
        figure.add_trace(_so_far(times, frame, frame.partial, scale, colours))
    time_axis(figure, times, frame.bucket_length, frame.zone)
    if not np.isfinite(frame.values).any():
        say(figure, NOTHING_KNOWN, colours)
    return figure


def legend_of(frame: Watched, colours: Palette) -> list[tuple[str, str, str]]:
    """Name what is drawn, each with its colour."""
    drawn = [(frame.name, colours.accent, ""), ("Expected range", colours.band, ""), ("Anomaly", colours.span, "")]
    without = [(f"Without {frame.driver}", colours.series[1], "")] if frame.without is not None else []
    planned = [("Planned", colours.planned, ", ".join(each.name for each in frame.planned))] if frame.planned else []
    return [*drawn, *without, *planned]


def shade(figure: go.Figure, stretches: Iterable[Stretch], frame: Any, colour: str) -> None:
    """Lay a colour under each time, as far as it is shown."""
    if not frame.buckets:
        return
    first, last = frame.buckets[0], frame.buckets[-1] + frame.bucket_length
    for each in stretches:
        start, end = on_clock((max(each.start, first), min(each.end, last)), frame.zone)
        if start < end:
            figure.add_vrect(x0=start, x1=end, fillcolor=colour, line_width=0, layer="below")


def gaps(values: FloatArray, scale: float = 1.0) -> list[float | None]:
    """Write numbers for plotly, which leaves a gap where nothing is known."""
    return [float(value) / scale if np.isfinite(value) else None for value in values]


def _highest(frame: Watched) -> float:
    drawn = [frame.values, frame.upper, np.zeros(1), *([] if frame.without is None else [frame.without])]
    return float(np.nanmax(np.concatenate(drawn)))


def _lines(frame: Watched, colours: Palette) -> list[tuple[str, FloatArray, dict[str, Any]]]:
    lines: list[tuple[str, FloatArray, dict[str, Any]]] = [
        ("Expected", frame.expected, {"color": colours.dimmed, "width": 1, "dash": "dot"}),
        (frame.name, _complete(frame), {"color": colours.accent, "width": 1.8}),
    ]
    if frame.without is not None:
        dashed = {"color": colours.series[1], "width": 1.8, "dash": "dash"}
        lines.insert(1, (f"Without {frame.driver}", frame.without, dashed))
    return lines


def _line(times: Sequence[datetime], values: FloatArray, unit: Unit, scale: float, style: dict[str, Any]) -> go.Scatter:
    return go.Scatter(
        x=list(times),
        y=gaps(values, scale),
        mode="lines+markers" if len(times) == 1 else "lines",
        customdata=[measured(float(value), unit) for value in values],
        hovertemplate="%{fullData.name}: <b>%{customdata}</b><extra></extra>",
        **style,
    )


def _complete(frame: Watched) -> FloatArray:
    if frame.partial is None:
        return frame.values
    return np.where(np.arange(frame.values.size) == frame.partial, np.nan, frame.values)


def _so_far(times: Sequence[datetime], frame: Watched, at: int, scale: float, colours: Palette) -> go.Scatter:
    """Draw the bucket that is not over yet on its own, since a line down to it would look like a drop."""
    return go.Scatter(
        x=[times[at]],
        y=gaps(frame.values[at : at + 1], scale),
        name="So far",
        mode="markers",
        marker={"size": 8, "symbol": "circle-open", "color": colours.accent, "line": {"width": 1.8}},
        customdata=[measured(float(frame.values[at]), frame.unit)],
        hovertemplate="So far: <b>%{customdata}</b><extra></extra>",
    )
