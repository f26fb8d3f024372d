"""Stacked cost in, cost over time as bars out."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.axes import NOTHING_BILLED, NOTHING_KNOWN, blank, bucket_width, dollar_axis, say, time_axis
from dashboard.frames import StackedCost
from dashboard.theme import Palette, money

NANO_PER_USD = 1e9


def cost_over_time(stack: StackedCost, colours: Palette) -> go.Figure:
    """Draw one bar per bucket, one colour per member; buckets whose cost nobody knows have none."""
    figure = blank(colours)
    for row, (name, colour) in zip(stack.cost_nano_usd, legend_of(stack, colours), strict=True):
        figure.add_trace(_bars(name, colour, stack, row))
    figure.update_layout(barmode="stack")
    time_axis(figure, stack.buckets, stack.bucket_length)
    highest = _highest(stack)
    dollar_axis(figure, highest)
    if highest <= 0:
        say(figure, NOTHING_BILLED if _is_known(stack) else NOTHING_KNOWN, colours)
    return figure


def legend_of(stack: StackedCost, colours: Palette) -> list[tuple[str, str]]:
    """Name each row and its colour."""
    used = [*colours.series[: len(stack.names) - stack.has_rest], *([colours.other] if stack.has_rest else [])]
    return list(zip(stack.names, used, strict=True))


def _bars(name: str, colour: str, stack: StackedCost, row: Sequence[int | None]) -> go.Bar:
    return go.Bar(
        name=name,
        x=list(stack.buckets),
        y=[None if nano is None else nano / NANO_PER_USD for nano in row],
        customdata=[money(nano) for nano in row],
        hovertemplate="%{fullData.name}: <b>%{customdata}</b><extra></extra>",
        marker={"color": colour, "line": {"width": 0}},
        **bucket_width(stack.bucket_length),
    )


def _is_known(stack: StackedCost) -> bool:
    return any(nano is not None for row in stack.cost_nano_usd for nano in row)


def _highest(stack: StackedCost) -> float:
    columns = zip(*stack.cost_nano_usd, strict=True)
    return max((sum(nano or 0 for nano in column) for column in columns), default=0) / NANO_PER_USD
