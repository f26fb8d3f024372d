"""The course of a budget in, what is spent, forecast, planned and allowed as bars and lines out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.axes import blank, bucket_width, dollar_axis, on_clock, time_axis
from dashboard.figures.watched import gaps
from dashboard.frames import Course, FloatArray
from dashboard.theme import Palette, dollars, percent

DAY = timedelta(days=1)
NOON = timedelta(hours=12)


def budget_course(frame: Course, colours: Palette) -> go.Figure:
    """Draw what is spent by the end of each day, solid, and what is forecast, hatched, under the limit."""
    figure, times = blank(colours), on_clock(frame.days, frame.zone)
    solid = {"color": colours.accent, "line": {"width": 0}}
    hatched = {
        "color": "rgba(0,0,0,0)",
        "pattern": {"shape": "/", "fgcolor": colours.accent, "size": 6, "solidity": 0.35},
        "line": {"width": 1, "color": colours.accent},
    }
    figure.add_trace(_bars("Spent", times, frame.spent_usd, solid))
    figure.add_trace(_bars("Forecast", times, frame.forecast_usd, hatched))
    figure.add_trace(_pace(times, frame, colours))
    if frame.likely_usd is not None and np.isfinite(frame.forecast_usd[-1:]).all():
        figure.add_trace(_interval(times[-1], frame, frame.likely_usd, colours))
    figure.update_layout(barmode="overlay")
    highest = max(_highest(frame), frame.limit_usd)
    time_axis(figure, times, DAY, frame.zone)
    dollar_axis(figure, highest)
    figure.update_yaxes(range=[0, highest * 1.12 or 1.0])
    _limits(figure, frame, colours)
    return figure


def _highest(frame: Course) -> float:
    top = max(frame.likely_usd) if frame.likely_usd else 0.0
    return float(np.nanmax(np.concatenate([frame.spent_usd, frame.forecast_usd, frame.pace_usd, [0.0, top]])))


def _bars(name: str, times: list[datetime], usd: FloatArray, marker: dict[str, Any]) -> go.Bar:
    return go.Bar(
        name=name,
        x=times,
        y=gaps(usd),
        marker=marker,
        customdata=[dollars(float(value)) for value in usd],
        hovertemplate="%{fullData.name}: <b>%{customdata}</b><extra></extra>",
        **bucket_width(DAY),
    )


def _interval(day: datetime, frame: Course, likely_usd: tuple[float, float], colours: Palette) -> go.Scatter:
    """Show where the last day is expected to end."""
    (low, high), last = likely_usd, float(frame.forecast_usd[-1])
    ends = {"array": [max(high - last, 0.0)], "arrayminus": [max(last - low, 0.0)]}
    return go.Scatter(
        name="80 %",
        x=[day + NOON],
        y=[last],
        mode="markers",
        marker={"size": 5, "color": colours.text},
        error_y={"type": "data", "symmetric": False, **ends, "color": colours.text, "thickness": 1.5, "width": 4},
        customdata=[f"{dollars(low)} to {dollars(high)}"],
        hovertemplate="80 %: %{customdata}<extra></extra>",
    )


def _pace(times: list[datetime], frame: Course, colours: Palette) -> go.Scatter:
    return go.Scatter(
        name="Even pace",
        x=[time + NOON for time in times],
        y=gaps(frame.pace_usd),
        mode="lines",
        line={"color": colours.dimmed, "width": 1.2, "dash": "dot"},
        customdata=[dollars(float(value)) for value in frame.pace_usd],
        hovertemplate="Even pace: %{customdata}<extra></extra>",
    )


def _limits(figure: go.Figure, frame: Course, colours: Palette) -> None:
    """Draw the limit, and below it the shares at which somebody is told."""
    for share in sorted({*frame.thresholds, 1.0}):
        usd, is_limit = share * frame.limit_usd, share == 1.0
        line = {"color": colours.bad if is_limit else colours.warning, "width": 1.6 if is_limit else 1}
        text = f"Limit {dollars(usd)}" if is_limit else f"{percent(share, 0)} {dollars(usd)}"
        figure.add_hline(
            y=usd,
            line={**line, "dash": "solid" if is_limit else "dash"},
            annotation={"text": text, "font": {"size": 11, "color": line["color"]}, "xanchor": "left"},
            annotation_position="top left",
        )
