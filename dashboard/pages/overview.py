"""The overview: what was spent, on what, by whom, and how sure that is."""

from __future__ import annotations

from functools import partial
from typing import Final

from dash import Dash, Input, Output, State, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.activity import recent_table
from dashboard.components.breakdown import confidence_panel, share_list, token_panel
from dashboard.components.graph import graph
from dashboard.components.kpi import kpi_row
from dashboard.components.parts import card, legend, link, page_title
from dashboard.components.states import loading
from dashboard.data import Data
from dashboard.figures.cost import cost_over_time, legend_of
from dashboard.pages.page import WAITING, Drawn, body, draw
from dashboard.queries.overview import Overview, overview
from dashboard.theme import Palette, money, palette
from usage_plugin.store.read import Dimension

PATH: Final = "/"
TITLE: Final = "Overview"


def layout() -> Component:
    """Show the page's shape until its figures are there."""
    return html.Div([page_title(TITLE), html.Div(loading(), id=ids.OVERVIEW_BODY, className=WAITING)])


def register(app: Dash, data: Data) -> None:
    """Fill the page whenever the filters, the scheme or the store change."""

    def fill(search: str | None, _version: str | None, scheme: str | None, state: str | None) -> Drawn:
        view = partial(overview_view, colours=palette(scheme))
        return body(data, search, PATH, state, lambda: draw(data, search, PATH, overview, view))

    app.callback(
        Output(ids.OVERVIEW_BODY, "children"),
        Output(ids.OVERVIEW_BODY, "className"),
        Input(ids.URL, "search"),
        Input(ids.VERSION, "data"),
        Input(ids.SCHEME, "data"),
        State(ids.OVERVIEW_BODY, "className"),
    )(fill)


def overview_view(frame: Overview, colours: Palette) -> Component:
    """Lay the overview out."""
    filters = frame.filters
    shares = [(Dimension.MODEL, frame.by_model), (Dimension.PROVIDER, frame.by_provider)]
    cards = [
        card(f"Cost by {dimension.value}", share_list(rows, dimension, filters), className="half")
        for dimension, rows in shares
    ]
    calls = link("All requests", f"/requests{filters.to_query()}")
    recent = card("Recent activity", recent_table(frame.recent, frame.now, filters), note=calls)
    return html.Div(
        [
            kpi_row(frame, colours),
            html.Div([_cost_card(frame, colours), _side_cards(frame, colours)], className="columns"),
            html.Div(cards, className="columns even"),
            recent,
        ],
        className="stack",
    )


def _cost_card(frame: Overview, colours: Palette) -> Component:
    title = f"Cost over time by {frame.filters.group_by.value}"
    description = f"{title}, {frame.filters.words}: {money(frame.usage.cost_nano_usd)} in all"
    totals = [sum(nano for nano in row if nano is not None) for row in frame.stack.cost_nano_usd]
    known = [any(nano is not None for nano in row) for row in frame.stack.cost_nano_usd]
    values = [money(total) if is_known else "unpriced" for total, is_known in zip(totals, known, strict=True)]
    entries = [
        (name, colour, value) for (name, colour), value in zip(legend_of(frame.stack, colours), values, strict=True)
    ]
    note = f"per {frame.filters.bucket.value}, UTC"
    drawing = graph(ids.COST_GRAPH, cost_over_time(frame.stack, colours), description)
    return card(title, drawing, legend(entries), note=note, className="grow")


def _side_cards(frame: Overview, colours: Palette) -> Component:
    known = card("How sure the cost is", confidence_panel(frame.usage, frame.confidence, colours))
    return html.Div([known, card("Token composition", token_panel(frame.usage, colours))], className="stack side-cards")
