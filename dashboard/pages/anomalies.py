"""Anomalies: what was spent against what was to be expected, by day and by hour."""

from __future__ import annotations

from functools import partial
from typing import Final

from dash import Dash, Input, Output, State, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.anomaly import watch_card
from dashboard.components.parts import page_title
from dashboard.components.states import loading
from dashboard.data import Data
from dashboard.pages.page import WAITING, Drawn, body, draw
from dashboard.queries.anomalies import Anomalies, anomalies
from dashboard.theme import Palette, palette

PATH: Final = "/anomalies"
TITLE: Final = "Anomalies"
NOTE: Final = "Each day and hour against its own past: a robust z-score that knows the rhythm of the week"


def layout() -> Component:
    """Show the page's shape until its figures are there."""
    return html.Div([page_title(TITLE, NOTE), html.Div(loading(cards=0), id=ids.ANOMALIES_BODY, className=WAITING)])


def register(app: Dash, data: Data) -> None:
    """Fill the page whenever the filters, the scheme or the store change."""

    def fill(search: str | None, _version: str | None, scheme: str | None, state: str | None) -> Drawn:
        view = partial(anomalies_view, colours=palette(scheme))
        return body(data, search, PATH, state, lambda: draw(data, search, PATH, anomalies, view))

    app.callback(
        Output(ids.ANOMALIES_BODY, "children"),
        Output(ids.ANOMALIES_BODY, "className"),
        Input(ids.URL, "search"),
        Input(ids.VERSION, "data"),
        Input(ids.SCHEME, "data"),
        State(ids.ANOMALIES_BODY, "className"),
    )(fill)


def anomalies_view(frame: Anomalies, colours: Palette) -> Component:
    """Lay the page out."""
    watched = ((frame.daily, ids.DAILY_GRAPH), (frame.hourly, ids.HOURLY_GRAPH))
    cards = [watch_card(watch, graph_id, frame.filters, colours) for watch, graph_id in watched]
    return html.Div(cards, className="stack")
