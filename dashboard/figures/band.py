"""A series with its expected band in, a line with the band and the flagged points out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.axes import NOTHING_BILLED, NOTHING_KNOWN, blank, dollar_axis, on_clock, say, time_axis
from dashboard.frames import Band, FloatArray
from dashboard.theme import Palette, dollars
from usage_plugin.analysis import Verdict

SAID = {Verdict.EMPTY.value: NOTHING_KNOWN, Verdict.ALL_ZERO.value: NOTHING_BILLED}


def cost_with_band(band: Band, colours: Palette) -> go.Figure:
    """Draw what was spent over what was expected; the band has a gap where the detector still learns."""
    figure = blank(colours)
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "connectgaps": False}
    times = on_clock(band.buckets, band.zone)
    figure.add_trace(go.Scatter(x=times, y=_gaps(band.lower), name="Lower", **edge))
    fill = {"fill": "tonexty", "fillcolor": colours.band}
    figure.add_trace(go.Scatter(x=times, y=_gaps(band.upper), name="Expected range", **fill, **edge))
    figure.add_trace(_expected(times, band.expected, colours))
    figure.add_trace(_spent(times, _complete(band), colours))
    figure.add_trace(_marks(times, band, colours))
    if band.partial is not None:
        figure.add_trace(_so_far(times, band, band.partial, colours))
    time_axis(figure, times, band.bucket_length, band.zone)
    dollar_axis(figure, _highest(band))
    if band.verdict in SAID:
        say(figure, SAID[band.verdict], colours)
    return figure


def _highest(band: Band) -> float:
    return float(np.nanmax(np.concatenate([band.cost_usd, band.upper, [0.0]])))


def _expected(times: list[datetime], middle: FloatArray, colours: Palette) -> go.Scatter:
    return go.Scatter(
        x=times,
        y=_gaps(middle),
        name="Expected",
        mode="lines",
        line={"color": colours.dimmed, "width": 1, "dash": "dot"},
        customdata=[dollars(float(value)) for value in middle],
        hovertemplate="Expected: %{customdata}<extra></extra>",
    )


def _spent(times: list[datetime], cost_usd: FloatArray, colours: Palette) -> go.Scatter:
    return go.Scatter(
        x=times,
        y=_gaps(cost_usd),
        name="Cost",
        mode="lines+markers" if len(times) == 1 else "lines",
        line={"color": colours.accent, "width": 1.8},
        customdata=[dollars(float(value)) for value in cost_usd],
        hovertemplate="Cost: <b>%{customdata}</b><extra></extra>",
    )


def _complete(band: Band) -> FloatArray:
    if band.partial is None:
        return band.cost_usd
    return np.where(np.arange(band.cost_usd.size) == band.partial, np.nan, band.cost_usd)


def _so_far(times: list[datetime], band: Band, at: int, colours: Palette) -> go.Scatter:
    """Draw the bucket that is not over yet on its own, since a line down to it would look like a drop."""
    cost_usd = float(band.cost_usd[at])
    return go.Scatter(
        x=[times[at]],
        y=_gaps(band.cost_usd[at : at + 1]),
        name="So far",
        mode="markers",
        marker={"size": 8, "symbol": "circle-open", "color": colours.accent, "line": {"width": 1.8}},
        customdata=[dollars(cost_usd)],
        hovertemplate="So far: <b>%{customdata}</b><extra></extra>",
    )


def _marks(times: list[datetime], band: Band, colours: Palette) -> go.Scatter:
    places = np.flatnonzero(band.flagged)
    ring: dict[str, Any] = {"size": 10, "color": colours.bad, "symbol": "diamond"}
    return go.Scatter(
        x=[times[index] for index in places],
        y=[float(band.cost_usd[index]) for index in places],
        name="Unusual",
        mode="markers",
        marker={**ring, "line": {"width": 1.5, "color": colours.card}},
        hovertemplate="<b>Unusual</b><extra></extra>",
    )


def _gaps(values: FloatArray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
