"""The axes that figures share: dollars up, a zone's time along."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import plotly.graph_objects as go

from dashboard.theme import Palette, template

MILLISECONDS = 1000
EMPTY_TOP_USD = 1.0
HOUR_STEPS = (1, 2, 4, 8)
MOST_HOUR_TICKS = 6
MIDNIGHT = "2000-01-01"
NOTHING_KNOWN = "No call of this time has a known price"
NOTHING_BILLED = "Nothing was billed in this time"


def blank(colours: Palette) -> go.Figure:
    """Give a figure without data in the look of the scheme."""
    figure = go.Figure(layout={"template": template(colours), "autosize": True, "uirevision": "kept"})
    figure.update_layout(showlegend=False, bargap=0.18)
    return figure


def on_clock(moments: Iterable[datetime], zone: ZoneInfo) -> list[datetime]:
    """Give what a zone's clocks show; marked as UTC, since plotly knows no other zone and leaves those alone."""
    return [moment.astimezone(zone).replace(tzinfo=UTC) for moment in moments]


def time_axis(figure: go.Figure, times: Sequence[datetime], length: timedelta, zone: ZoneInfo) -> None:
    """Show every bucket of the asked time, also at the ends, and say on whose clocks.

    Args:
        figure: To be given the axis.
        times: The buckets `on_clock`.
        length: Of a bucket on it.
        zone: Whose clock it is.
    """
    hourly = length < timedelta(days=1)
    if times:
        whole = times[-1] + length - times[0]
        figure.update_xaxes(range=[times[0], times[-1] + length], **_hour_ticks(whole) if hourly else {})
    figure.update_xaxes(
        type="date",
        title_text=zone.key,
        hoverformat=f"%a %d %b %Y, %H:%M {zone.key}" if hourly else f"%a %d %b %Y ({zone.key})",
        tickangle=0,
    )


def _hour_ticks(whole: timedelta) -> dict[str, Any]:
    """Keep the ticks of up to two days at whole hours: by itself plotly puts them in the middle of narrow bars."""
    hours = whole / timedelta(hours=1)
    step = next((step for step in HOUR_STEPS if hours <= step * MOST_HOUR_TICKS), None)
    return {} if step is None else {"tick0": MIDNIGHT, "dtick": step * MILLISECONDS * 3600}


def dollar_axis(figure: go.Figure, largest_usd: float) -> None:
    """Count dollars from 0, with as many decimals as the ticks need and no more."""
    figure.update_yaxes(tickformat=tick_format(largest_usd), rangemode="tozero")
    if largest_usd <= 0:
        figure.update_yaxes(range=[0, EMPTY_TOP_USD], showticklabels=False)


def say(figure: go.Figure, words: str, colours: Palette) -> None:
    """Write in the middle of a figure why it shows nothing."""
    figure.add_annotation(
        text=words,
        xref="paper",
        yref="paper",
        x=0.5,
        y=0.5,
        showarrow=False,
        font={"size": 13, "color": colours.dimmed},
    )


def tick_format(largest_usd: float) -> str:
    """Give plotly's format for dollars up to *largest_usd*: $1,000 / $12.50 / $0.00004."""
    if largest_usd <= 0 or largest_usd >= 50:  # noqa: PLR2004
        return "$,.0f"
    decimals = max(2, 1 - math.floor(math.log10(largest_usd)))
    return f"$,.{decimals}f"


def bucket_width(length: timedelta) -> dict[str, Any]:
    """Say that a value covers its whole bucket, so that bars stand in its middle."""
    return {"xperiod": length.total_seconds() * MILLISECONDS, "xperiodalignment": "middle"}
