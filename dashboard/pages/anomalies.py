"""Anomalies: an inbox of what was not expected, the dearest first."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from dash import Dash, Input, Output, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.inbox import inbox_list, inbox_note, segment_tabs
from dashboard.components.parts import page_title
from dashboard.components.states import loading
from dashboard.data import Data, Look
from dashboard.pages.page import Canvas
from dashboard.queries.inbox import Inbox, inbox, segment_in

PATH: Final = "/anomalies"
TITLE: Final = "Anomalies"
NOTE: Final = "What was not expected of a series, judged by its own past, the dearest first"

CANVAS: Final = Canvas(
    PATH,
    ids.INBOX_STATE,
    ids.INBOX_FIGURES,
    {
        "tabs": Output(ids.INBOX_TABS, "children"),
        "note": Output(ids.INBOX_NOTE, "children"),
        "list": Output(ids.INBOX_LIST, "children"),
    },
)


def layout(_zone: ZoneInfo) -> Component:
    """Show the page's shape until there is a list."""
    head = html.Div([html.Div(id=ids.INBOX_TABS), html.P(id=ids.INBOX_NOTE, className="quiet")], className="tabs-row")
    parts = CANVAS.layout(loading(cards=0), head, html.Div(id=ids.INBOX_LIST))
    return html.Div([page_title(TITLE, NOTE), *parts], className="of-all")


def register(app: Dash, data: Data) -> None:
    """Fill the page whenever the segment, the store or a state changes."""

    def query(look: Look, fragment: str | None) -> Inbox:
        return inbox(look, segment_in(fragment))

    CANVAS.keep_filled(app, data, query, lambda frame, _fragment: inbox_view(frame), Input(ids.URL, "hash"))


def inbox_view(frame: Inbox) -> dict[str, Any]:
    """Draw each part of the page."""
    return {"tabs": segment_tabs(frame, PATH), "note": inbox_note(frame), "list": inbox_list(frame)}
