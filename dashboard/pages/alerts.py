"""Alerts: what goes on that people are told of, who looks after it, and what became of each message."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from dash import Dash, Input, Output, State, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.alerts import active_card, chosen_alert, log_card
from dashboard.components.form import button, form, text_field
from dashboard.components.parts import page_title
from dashboard.components.states import loading
from dashboard.data import Data, Look
from dashboard.pages.acting import act_on_click, rest_if_read_only
from dashboard.pages.page import Canvas, number_in
from dashboard.queries.alerts import LONGEST_NAME, AlertLog, alert_log, give_back, take
from usage_plugin.store.alerts import AlertState

PATH: Final = "/alerts"
TITLE: Final = "Alerts"
NOTE: Final = "What people are told of, where, and whether it arrived"
HASH: Final = "#"

CANVAS: Final = Canvas(
    PATH,
    ids.ALERTS_STATE,
    ids.ALERTS_FIGURES,
    {
        "active": Output(ids.ALERTS_ACTIVE, "children"),
        "log": Output(ids.ALERTS_LOG, "children"),
        "chosen": Output(ids.ALERT_CHOSEN, "children"),
        "panel": Output(ids.ALERT_PANEL, "className"),
        "take": Output(ids.ALERT_LOOK_AFTER, "className"),
        "give_back": Output(ids.ALERT_OPEN_AGAIN, "className"),
    },
)


def layout(_zone: ZoneInfo) -> Component:
    """Show the page's shape until there is a list."""
    acts = [
        text_field(ids.ALERT_BY, "Your name", most=LONGEST_NAME, persistence=True, persistence_type="local"),
        html.Div(
            [button(ids.ALERT_LOOK_AFTER, "I look after it", "primary"), button(ids.ALERT_OPEN_AGAIN, "Open again")],
            className="buttons full-row",
        ),
    ]
    chosen = [html.Div(id=ids.ALERT_CHOSEN, className="chosen"), form(ids.ALERT_FORM, *acts, note_id=ids.ALERT_SAID)]
    rows = [
        html.Section(chosen, id=ids.ALERT_PANEL, className="card gone"),
        html.Div(id=ids.ALERTS_ACTIVE),
        html.Div(id=ids.ALERTS_LOG),
    ]
    return html.Div([page_title(TITLE, NOTE), *CANVAS.layout(loading(cards=0), *rows)], className="of-all")


def register(app: Dash, data: Data) -> None:
    """Fill the page whenever the store or an alert changes or another one is chosen, and take who looks after it."""

    def query(look: Look, fragment: str | None) -> AlertLog:
        return alert_log(look, number_in(fragment, HASH))

    CANVAS.keep_filled(app, data, query, lambda frame, _fragment: alerts_view(frame), Input(ids.URL, "hash"))
    rest_if_read_only(app, data, ids.ALERT_SAID, ids.ALERT_FORM)

    def do(act: Any, fragment: str | None, by: str | None) -> str:
        done: str = act(data, number_in(fragment, HASH), by)
        return done

    states = (State(ids.URL, "hash"), State(ids.ALERT_BY, "value"))
    for name, act in ((ids.ALERT_LOOK_AFTER, take), (ids.ALERT_OPEN_AGAIN, give_back)):
        act_on_click(app, data, name, ids.ALERT_SAID, partial(do, act), *states)


def alerts_view(frame: AlertLog) -> dict[str, Any]:
    """Draw each part of the page."""
    state = None if frame.chosen is None else frame.chosen.state
    return {
        "active": active_card(frame),
        "log": log_card(frame),
        "chosen": chosen_alert(frame.chosen, frame),
        "panel": "card gone" if state is None else "card",
        "take": "button primary" if state == AlertState.OPEN else "gone",
        "give_back": "button" if state == AlertState.ACKNOWLEDGED else "gone",
    }
