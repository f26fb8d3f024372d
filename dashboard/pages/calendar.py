"""Calendar: what is planned to change usage, and is no anomaly."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from dash import Dash, Input, Output, State, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.acts import attempt, is_read_only
from dashboard.components.calendar import FIELDS, chosen_event, event_form, event_lists
from dashboard.components.form import button, read_only_note, said
from dashboard.components.parts import card, page_title
from dashboard.components.states import loading
from dashboard.data import Data, Look
from dashboard.filters import Filters
from dashboard.pages.offering import offer_members
from dashboard.pages.page import Canvas, number_in, only_if_clicked
from dashboard.queries.calendar import Calendar, calendar, drop_event, keep_event

PATH: Final = "/calendar"
TITLE: Final = "Calendar"
NOTE: Final = "What is planned to change usage, so that nobody is alarmed by it"

CANVAS: Final = Canvas(
    PATH,
    ids.CALENDAR_STATE,
    ids.CALENDAR_FIGURES,
    {
        "lists": Output(ids.CALENDAR_LISTS, "children"),
        "chosen": Output(ids.EVENT_CHOSEN, "children"),
        "panel": Output(ids.EVENT_PANEL, "className"),
    },
)


def layout(zone: ZoneInfo) -> Component:
    """Show the page's shape until there is a list."""
    chosen = [
        html.Div(id=ids.EVENT_CHOSEN),
        html.Div(button(ids.EVENT_REMOVE, "Remove it", "danger"), className="buttons"),
        html.Div(id=ids.EVENT_REMOVED, role="status"),
    ]
    rows = [
        html.Section(chosen, id=ids.EVENT_PANEL, className="card gone"),
        html.Div(id=ids.CALENDAR_LISTS, className="stack"),
    ]
    plan = card("Plan an event", event_form(), note=f"on the clocks of {zone.key}", className="below")
    return html.Div([page_title(TITLE, NOTE), *CANVAS.layout(loading(cards=0), *rows), plan], className="of-all")


def register(app: Dash, data: Data) -> None:
    """Fill the page whenever the store or the calendar changes, and take events."""
    _register_lists(app, data)
    _register_form(app, data)
    _register_remove(app, data)


def _register_lists(app: Dash, data: Data) -> None:
    def fill(fragment: str | None, _version: str | None, _changed: Any, shown: str | None) -> dict[str, Any]:
        def query(look: Look, _filters: Filters) -> Calendar:
            return calendar(look)

        return CANVAS.fill(data, "", shown, query, lambda frame: calendar_view(frame, number_in(fragment, "#")))

    inputs = [Input(ids.URL, "hash"), Input(ids.VERSION, "data"), Input(ids.CHANGED, "data")]
    app.callback(output=CANVAS.outputs, inputs=inputs, state=[CANVAS.memory])(fill)


def calendar_view(frame: Calendar, number: int | None) -> dict[str, Any]:
    """Draw each part of the page."""
    event = frame.event(number)
    chosen = chosen_event(event, frame)
    return {"lists": event_lists(frame), "chosen": chosen, "panel": "card" if event is not None else "card gone"}


def _register_form(app: Dash, data: Data) -> None:
    offer_members(app, data, ids.event)

    def rest(_path: str | None) -> tuple[bool, bool, Any]:
        rests = is_read_only(data)
        return rests, rests, read_only_note() if rests else None

    app.callback(
        Output(ids.EVENT_FORM, "disabled"),
        Output(ids.EVENT_REMOVE, "disabled"),
        Output(ids.EVENT_SAID, "children"),
        Input(ids.URL, "pathname"),
    )(rest)

    def save(_clicks: int | None, *values: Any) -> tuple[Any, Any]:
        only_if_clicked()
        given = dict(zip(FIELDS, values, strict=True))
        outcome = attempt(data, lambda: keep_event(data, given))
        return said(outcome), data.changes

    app.callback(
        Output(ids.EVENT_SAID, "children", allow_duplicate=True),
        Output(ids.CHANGED, "data", allow_duplicate=True),
        Input(ids.EVENT_SAVE, "n_clicks"),
        *[State(ids.event(name), "value") for name in FIELDS],
        prevent_initial_call=True,
    )(save)


def _register_remove(app: Dash, data: Data) -> None:
    def remove(_clicks: int | None, fragment: str | None) -> tuple[Any, Any]:
        only_if_clicked()
        outcome = attempt(data, lambda: drop_event(data, number_in(fragment, "#")))
        return said(outcome), data.changes

    app.callback(
        Output(ids.EVENT_REMOVED, "children"),
        Output(ids.CHANGED, "data", allow_duplicate=True),
        Input(ids.EVENT_REMOVE, "n_clicks"),
        State(ids.URL, "hash"),
        prevent_initial_call=True,
    )(remove)
