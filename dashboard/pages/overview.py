"""The overview: what was spent, on what, by whom, and how sure that is."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from dash import Dash, Input, Output, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard import ids
from dashboard.components.activity import recent_table
from dashboard.components.ahead import ahead_cards
from dashboard.components.breakdown import confidence_panel, share_list, token_panel
from dashboard.components.graph import graph
from dashboard.components.kpi import kpi_card, kpis
from dashboard.components.parts import card, legend, link, page_title
from dashboard.components.states import loading
from dashboard.data import Data
from dashboard.figures.cost import cost_over_time, legend_of
from dashboard.filters import Filters
from dashboard.frames import StackedCost
from dashboard.members import word_of
from dashboard.pages.page import Canvas
from dashboard.queries.ahead import ahead
from dashboard.queries.overview import Overview, overview
from dashboard.theme import Palette, money, palette
from usage_plugin.errors import StoreError
from usage_plugin.store.read import Dimension

PATH: Final = "/"
TITLE: Final = "Overview"
NO_COMPARISON: Final = (
    "No comparison: single calls of the time before are pruned, and totals cannot tell what these filters ask together"
)


CANVAS: Final = Canvas(
    PATH,
    ids.OVERVIEW_STATE,
    ids.OVERVIEW_FIGURES,
    {
        "compared": Output(ids.COMPARED, "children"),
        "kpis": Output(ids.KPIS, "children"),
        "title": Output(ids.COST_TITLE, "children"),
        "note": Output(ids.COST_NOTE, "children"),
        "cost": Output(ids.COST_GRAPH, "figure"),
        "legend": Output(ids.COST_LEGEND, "children"),
        "side": Output(ids.SIDE, "children"),
        "shares": Output(ids.SHARES, "children"),
        "recent": Output(ids.RECENT, "children"),
    },
)


def layout(_zone: ZoneInfo) -> Component:
    """Show the page's shape until its figures are there."""
    cost = card(
        html.Span(id=ids.COST_TITLE),
        graph(ids.COST_GRAPH, "Cost over time as stacked bars; the list below has the sums"),
        html.Div(id=ids.COST_LEGEND),
        note=html.Span(id=ids.COST_NOTE),
        className="grow",
    )
    side = html.Div(id=ids.SIDE, className="stack side-cards")
    rows = [
        html.Div(id=ids.KPIS, className="kpis"),
        html.Div(id=ids.AHEAD, className="columns ahead"),
        html.Div([cost, side], className="columns"),
        html.Div(id=ids.SHARES, className="columns even"),
        html.Div(id=ids.RECENT),
    ]
    title = page_title(TITLE, html.Span(id=ids.COMPARED))
    return html.Div([title, *CANVAS.layout(loading(), *rows)])


def register(app: Dash, data: Data) -> None:
    """Fill the page whenever the filters, the scheme or the store change."""

    def fill(search: str | None, _version: str | None, scheme: str | None, figures: str | None) -> dict[str, Any]:
        return CANVAS.fill(data, search, figures, overview, partial(overview_view, colours=palette(scheme)))

    inputs = [Input(ids.URL, "search"), Input(ids.VERSION, "data"), Input(ids.SCHEME, "data")]
    app.callback(output=CANVAS.outputs, inputs=inputs, state=[CANVAS.memory])(fill)

    def look_ahead(search: str | None, _version: str | None) -> list[Component]:
        try:
            return ahead_cards(ahead(data.look(), Filters.from_query(search)))
        except StoreError:  # said by the figures
            raise PreventUpdate from None

    # By itself, so that a forecast keeps no figure waiting.
    app.callback(Output(ids.AHEAD, "children"), Input(ids.URL, "search"), Input(ids.VERSION, "data"))(look_ahead)


def overview_view(frame: Overview, colours: Palette) -> dict[str, Any]:
    """Draw each part of the overview."""
    filters = frame.filters
    calls = link("All requests", f"/requests{filters.to_query()}")
    return {
        "compared": None if frame.previous is not None else NO_COMPARISON,
        "kpis": [kpi_card(kpi, colours) for kpi in kpis(frame)],
        "title": f"Cost over time by {word_of(filters.group_by)}",
        "note": f"per {filters.bucket.value}, {frame.stack.zone.key}",
        "cost": cost_over_time(frame.stack, colours),
        "legend": cost_legend(frame.stack, colours),
        "side": [
            card("How sure the cost is", confidence_panel(frame.usage, frame.confidence, colours)),
            card("Token composition", token_panel(frame.usage, colours)),
        ],
        "shares": [
            card(f"Cost by {word_of(dimension)}", share_list(shares, dimension, filters), className="half")
            for dimension, shares in ((Dimension.MODEL, frame.by_model), (Dimension.PROVIDER, frame.by_provider))
        ],
        "recent": card("Recent activity", recent_table(frame.recent, frame.now, filters), note=calls),
    }


def cost_legend(stack: StackedCost, colours: Palette) -> Component:
    """Name the colours of the bars, with what each adds up to."""
    known = [[nano for nano in row if nano is not None] for row in stack.cost_nano_usd]
    values = [money(sum(row)) if row else "unpriced" for row in known]
    named = legend_of(stack, colours)
    return legend((name, colour, value) for (name, colour), value in zip(named, values, strict=True))
