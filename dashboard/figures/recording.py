"""Recorded calls per minute in, how many and how soon they were stored out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard.figures.axes import MIDNIGHT, MILLISECONDS, blank, bucket_width, on_clock, say, time_axis
from dashboard.frames import Recorded
from dashboard.theme import Palette, calls, duration

TICK_MINUTES = 10
FEW = 6
LONELY = 10
"""So few points hardly make a line, and are drawn larger."""
# From so many seconds on, the unit, and what seconds are multiplied by.
DELAY_UNITS = (
    (2 * 86_400, " d", 1 / 86_400),
    (2 * 3600, " h", 1 / 3600),
    (2 * 60, " min", 1 / 60),
    (1, " s", 1),
    (0, " ms", MILLISECONDS),
)
NOTHING_STORED = "No call was stored in this hour"
AWAY = "The database does not answer"


def calls_per_minute(frame: Recorded, colours: Palette) -> go.Figure:
    """Draw one bar per minute."""
    figure = blank(colours)
    bars = go.Bar(
        x=on_clock(frame.minutes, frame.zone),
        y=list(frame.calls),
        name="Calls",
        marker={"color": colours.accent, "line": {"width": 0}},
        customdata=[calls(number) for number in frame.calls],
        hovertemplate="<b>%{customdata}</b><extra></extra>",
        **bucket_width(frame.minute),
    )
    figure.add_trace(bars)
    _minutes(figure, frame)
    most = max(frame.calls, default=0)
    figure.update_yaxes(tickformat=",d", rangemode="tozero", **({"dtick": 1} if 0 < most < FEW else {}))
    if not most:
        _nothing(figure, NOTHING_STORED, colours)
    return figure


def delay(frame: Recorded, colours: Palette) -> go.Figure:
    """Draw how long after their end calls were stored: half of them within the lower line, 95 % within the upper."""
    figure = blank(colours)
    slowest_s = max((known for known in frame.p95_s if known is not None), default=0.0)
    unit, factor = next((unit, factor) for least_s, unit, factor in DELAY_UNITS if slowest_s >= least_s)
    for name, colour, delays_s in zip(("p50", "p95"), delay_colours(colours), (frame.p50_s, frame.p95_s), strict=True):
        figure.add_trace(_line(name, colour, frame, delays_s, factor))
    _minutes(figure, frame)
    figure.update_yaxes(ticksuffix=unit, tickformat="~r", rangemode="tozero")
    if not any(known is not None for known in frame.p95_s):
        _nothing(figure, NOTHING_STORED, colours)
    return figure


def delay_colours(colours: Palette) -> tuple[str, str]:
    """Give the colours of the middle and of the slow end."""
    return colours.series[0], colours.series[1]


def unknown(colours: Palette) -> go.Figure:
    """Say that the store cannot be asked."""
    figure = blank(colours)
    figure.update_xaxes(visible=False)
    _nothing(figure, AWAY, colours)
    return figure


def _line(name: str, colour: str, frame: Recorded, delays_s: Sequence[float | None], factor: float) -> go.Scatter:
    lonely = sum(known is not None for known in delays_s) < LONELY
    marker: dict[str, Any] = {"size": 8 if lonely else 4, "color": colour}
    return go.Scatter(
        x=[minute + frame.minute / 2 for minute in on_clock(frame.minutes, frame.zone)],
        y=[None if known is None else known * factor for known in delays_s],
        name=name,
        mode="lines+markers",
        connectgaps=False,
        marker=marker,
        line={"color": colour, "width": 1.8},
        customdata=[duration(None if known is None else known * MILLISECONDS) for known in delays_s],
        hovertemplate="%{fullData.name}: <b>%{customdata}</b><extra></extra>",
    )


def _minutes(figure: go.Figure, frame: Recorded) -> None:
    time_axis(figure, on_clock(frame.minutes, frame.zone), frame.minute, frame.zone)
    figure.update_xaxes(tick0=MIDNIGHT, dtick=TICK_MINUTES * 60 * MILLISECONDS, tickformat="%H:%M")


def _nothing(figure: go.Figure, words: str, colours: Palette) -> None:
    figure.update_yaxes(range=[0, 1], showticklabels=False)
    say(figure, words, colours)
