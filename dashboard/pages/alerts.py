"""Alerts: what goes on that people are told of, and what became of each message."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from dash import Dash, Output, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.alerts import active_card, log_card
from dashboard.components.parts import page_title
from dashboard.components.states import loading
from dashboard.data import Data
from dashboard.pages.page import Canvas
from dashboard.queries.alerts import AlertLog, alert_log

PATH: Final = "/alerts"
TITLE: Final = "Alerts"
NOTE: Final = "What people are told of, where, and whether it arrived"

CANVAS: Final = Canvas(
    PATH,
    ids.ALERTS_STATE,
    ids.ALERTS_FIGURES,
    {"active": Output(ids.ALERTS_ACTIVE, "children"), "log": Output(ids.ALERTS_LOG, "children")},
)


def layout(_zone: ZoneInfo) -> Component:
    """Show the page's shape until there is a list."""
    rows = [html.Div(id=ids.ALERTS_ACTIVE), html.Div(id=ids.ALERTS_LOG)]
    return html.Div([page_title(TITLE, NOTE), *CANVAS.layout(loading(cards=0), *rows)], className="of-all")


def register(app: Dash, data: Data) -> None:
    """Fill the page whenever the store or an alert changes."""
    CANVAS.keep_filled(app, data, alert_log, alerts_view)


def alerts_view(frame: AlertLog) -> dict[str, Any]:
    """Draw each part of the page."""
    return {"active": active_card(frame), "log": log_card(frame)}
