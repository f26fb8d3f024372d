"""Requests: every call that matches, and one call in full."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard import ids
from dashboard.components.detail import detail_view, missing_view
from dashboard.components.grid import requests_grid, row_of
from dashboard.components.parts import page_title
from dashboard.components.states import empty_state
from dashboard.data import Data
from dashboard.filters import Filters
from dashboard.members import storable
from dashboard.queries.health import why_broken, why_empty
from dashboard.queries.requests import arithmetic, detail, matching, rows
from dashboard.theme import full_count
from usage_plugin.errors import StoreError

PATH: Final = "/requests"
TITLE: Final = "Requests"
SHOWN: Final = "grid-panel card drawn"
HIDDEN: Final = "grid-panel card gone"
Listing = tuple[Component | None, str, str]
"""Why there is no row, how many there are, and the class of the grid's panel."""


def layout(zone: ZoneInfo) -> Component:
    """Show the grid, which fills itself."""
    panel = html.Div(requests_grid(zone), id=ids.REQUESTS_PANEL, className="grid-panel card")
    drawer = dmc.Drawer(
        html.Div(id=ids.DETAIL_BODY, className="detail"),
        id=ids.DETAIL,
        title="Request",
        position="right",
        size="36rem",
        padding="md",
        closeButtonProps={"aria-label": "Close"},
    )
    counted = [html.Span(id=ids.REQUESTS_COUNT, className="num"), html.Span(id=ids.REQUESTS_LISTED, className="num")]
    title = page_title(TITLE, html.Span(counted))
    return html.Div([title, html.Div(id=ids.REQUESTS_STATE), panel, drawer], className="requests")


def register(app: Dash, data: Data) -> None:
    """Fill the grid, say why it is empty, and open a call by the address's hash."""
    _register_state(app, data)
    _register_rows(app, data)
    _register_detail(app, data)


def _register_state(app: Dash, data: Data) -> None:
    def fill(search: str | None, _version: str | None, panel: str | None) -> Listing:
        try:
            return listing(data, search)
        except StoreError as error:
            if panel == SHOWN and ctx.triggered_id == ids.VERSION:
                raise PreventUpdate from None
            reason = empty_state(why_broken(data, error), Filters.from_query(search), PATH)
            return reason, "", HIDDEN

    app.callback(
        Output(ids.REQUESTS_STATE, "children"),
        Output(ids.REQUESTS_COUNT, "children"),
        Output(ids.REQUESTS_PANEL, "className"),
        Input(ids.URL, "search"),
        Input(ids.VERSION, "data"),
        State(ids.REQUESTS_PANEL, "className"),
    )(fill)


def listing(data: Data, search: str | None) -> Listing:
    """Say how many calls match, or why none does; raises StoreError."""
    filters, look = Filters.from_query(search), data.look()
    number = matching(look, filters).calls
    if not number:
        return empty_state(why_empty(look, filters), filters, PATH), "", HIDDEN
    counted = "1 call" if number == 1 else f"{full_count(number)} calls"
    return None, f"{counted} {filters.words(look.zone)}", SHOWN


def _register_rows(app: Dash, data: Data) -> None:
    def fill(wish: dict[str, Any] | None, search: str | None) -> tuple[dict[str, Any], str]:
        found = rows(data.look(), Filters.from_query(search), wish or {})
        shown = [row_of(record, data.zone) for record in found.page.records]
        note = f"; the newest {full_count(found.newest)} are listed" if found.newest else ""
        return {"rowData": shown, "rowCount": found.page.total}, note

    app.callback(
        Output(ids.REQUESTS_GRID, "getRowsResponse"),
        Output(ids.REQUESTS_LISTED, "children"),
        Input(ids.REQUESTS_GRID, "getRowsRequest"),
        State(ids.URL, "search"),
        prevent_initial_call=True,
        on_error=_no_rows,
    )(fill)
    app.clientside_callback(
        ClientsideFunction("usage", "refreshGrid"), Input(ids.URL, "search"), Input(ids.VERSION, "data")
    )


def _no_rows(_error: Exception) -> tuple[dict[str, Any], str]:
    """End the grid's request; the page says what is wrong."""
    return {"rowData": [], "rowCount": 0}, ""


def _register_detail(app: Dash, data: Data) -> None:
    def show(fragment: str | None) -> tuple[bool, Component | None]:
        event_key = storable(fragment or "").lstrip("#")
        if not event_key:
            return False, None
        found = detail(data.look(), event_key)
        known = None if found is None else detail_view(found, arithmetic(found), data.zone)
        return True, known or missing_view(event_key)

    app.callback(Output(ids.DETAIL, "opened"), Output(ids.DETAIL_BODY, "children"), Input(ids.URL, "hash"))(show)
    app.clientside_callback(ClientsideFunction("usage", "openRow"), Input(ids.REQUESTS_GRID, "selectedRows"))
    app.clientside_callback(ClientsideFunction("usage", "closeRow"), Input(ids.DETAIL, "opened"))
