"""Anomalies: what was spent against what was to be expected, by day and by hour."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from dash import Dash, Input, Output, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.anomaly import watch_card, watch_legend, watch_list, watch_note
from dashboard.components.parts import page_title
from dashboard.components.states import loading
from dashboard.data import Data
from dashboard.figures.band import cost_with_band
from dashboard.pages.page import Canvas
from dashboard.queries.anomalies import Anomalies, anomalies
from dashboard.theme import Palette, palette
from usage_plugin.store.read import Granularity

PATH: Final = "/anomalies"
TITLE: Final = "Anomalies"
NOTE: Final = "Each day and hour against its own past: a robust z-score that knows the rhythm of the week"


CANVAS: Final = Canvas(
    PATH,
    ids.ANOMALIES_STATE,
    ids.ANOMALIES_FIGURES,
    {
        f"{granularity.value}_{part}": Output(ids.watch(granularity.value, part), prop)
        for granularity in (Granularity.DAY, Granularity.HOUR)
        for part, prop in (("graph", "figure"), ("note", "children"), ("list", "children"))
    },
)


def layout(_zone: ZoneInfo) -> Component:
    """Show the page's shape until its figures are there."""
    cards = [watch_card(granularity) for granularity in (Granularity.DAY, Granularity.HOUR)]
    return html.Div([page_title(TITLE, NOTE), *CANVAS.layout(loading(cards=0), *cards)])


def register(app: Dash, data: Data) -> None:
    """Fill the page whenever the filters, the scheme or the store change."""

    def fill(search: str | None, _version: str | None, scheme: str | None, figures: str | None) -> dict[str, Any]:
        return CANVAS.fill(data, search, figures, anomalies, partial(anomalies_view, colours=palette(scheme)))

    inputs = [Input(ids.URL, "search"), Input(ids.VERSION, "data"), Input(ids.SCHEME, "data")]
    app.callback(output=CANVAS.outputs, inputs=inputs, state=[CANVAS.memory])(fill)


def anomalies_view(frame: Anomalies, colours: Palette) -> dict[str, Any]:
    """Draw each part of the page."""
    parts: dict[str, Any] = {}
    for watch in (frame.daily, frame.hourly):
        name = watch.granularity.value
        parts[f"{name}_graph"] = cost_with_band(watch.band, colours)
        parts[f"{name}_note"] = watch_note(watch)
        parts[f"{name}_list"] = [watch_legend(colours), watch_list(watch, frame.filters)]
    return parts
