"""Calendar: what is planned to change usage, and is no anomaly."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from dash import Dash, Input, Output, State, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.calendar import FIELDS, chosen_event, event_form, event_lists
from dashboard.components.form import button
from dashboard.components.parts import card, page_title
from dashboard.components.states import loading
from dashboard.data import Data
from dashboard.pages.acting import act_on_click, rest_if_read_only
from dashboard.pages.offering import offer_members
from dashboard.pages.page import Canvas, number_in
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
    def view(frame: Calendar, fragment: str | None) -> dict[str, Any]:
        return calendar_view(frame, number_in(fragment, "#"))

    CANVAS.keep_filled(app, data, lambda look, _fragment: calendar(look), view, Input(ids.URL, "hash"))


def calendar_view(frame: Calendar, number: int | None) -> dict[str, Any]:
    """Draw each part of the page."""
    event = frame.event(number)
    chosen = chosen_event(event, frame)
    return {"lists": event_lists(frame), "chosen": chosen, "panel": "card" if event is not None else "card gone"}


def _register_form(app: Dash, data: Data) -> None:
    offer_members(app, data, ids.event)
    rest_if_read_only(app, data, ids.EVENT_SAID, ids.EVENT_FORM, ids.EVENT_REMOVE)

    def save(*values: Any) -> str:
        return keep_event(data, dict(zip(FIELDS, values, strict=True)))

    states = [State(ids.event(name), "value") for name in FIELDS]
    act_on_click(app, data, ids.EVENT_SAVE, ids.EVENT_SAID, save, *states)


def _register_remove(app: Dash, data: Data) -> None:
    def remove(fragment: str | None) -> str:
        return drop_event(data, number_in(fragment, "#"))

    act_on_click(app, data, ids.EVENT_REMOVE, ids.EVENT_REMOVED, remove, State(ids.URL, "hash"))
