"""Stacked cost in, cost over time as bars out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import plotly.graph_objects as go

from dashboard.figures.axes import (
    NOTHING_BILLED,
    NOTHING_KNOWN,
    blank,
    bucket_width,
    dollar_axis,
    on_clock,
    say,
    time_axis,
)
from dashboard.frames import StackedCost
from dashboard.theme import Palette, money

NANO_PER_USD = 1e9


def cost_over_time(stack: StackedCost, colours: Palette) -> go.Figure:
    """Draw one bar per bucket, one colour per member; buckets whose cost nobody knows have none."""
    figure, stack = blank(colours), _as_clocks_show(stack)
    times = on_clock(stack.buckets, stack.zone)
    for row, (name, colour) in zip(stack.cost_nano_usd, legend_of(stack, colours), strict=True):
        figure.add_trace(_bars(name, colour, stack, row))
    figure.update_layout(barmode="stack")
    time_axis(figure, times, stack.bucket_length, stack.zone)
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
        x=on_clock(stack.buckets, stack.zone),
        y=[None if nano is None else nano / NANO_PER_USD for nano in row],
        customdata=[money(nano) for nano in row],
        hovertemplate="%{fullData.name}: <b>%{customdata}</b><extra></extra>",
        marker={"color": colour, "line": {"width": 0}},
        **bucket_width(stack.bucket_length),
    )


def _as_clocks_show(stack: StackedCost) -> StackedCost:
    """Put the two hours together that clocks show alike on the night when they are put back."""
    place: dict[datetime, int] = {}
    columns = [place.setdefault(time, len(place)) for time in on_clock(stack.buckets, stack.zone)]
    if len(place) == len(columns):
        return stack
    firsts = [columns.index(column) for column in range(len(place))]
    rows = tuple(_added(row, columns, len(place)) for row in stack.cost_nano_usd)
    return replace(stack, buckets=tuple(stack.buckets[at] for at in firsts), cost_nano_usd=rows)


def _added(row: Sequence[int | None], columns: Sequence[int], length: int) -> tuple[int | None, ...]:
    sums: list[int | None] = [None] * length
    for nano, column in zip(row, columns, strict=True):
        if nano is not None:
            sums[column] = (sums[column] or 0) + nano
    return tuple(sums)


def _is_known(stack: StackedCost) -> bool:
    return any(nano is not None for row in stack.cost_nano_usd for nano in row)


def _highest(stack: StackedCost) -> float:
    columns = zip(*stack.cost_nano_usd, strict=True)
    return max((sum(nano or 0 for nano in column) for column in columns), default=0) / NANO_PER_USD
