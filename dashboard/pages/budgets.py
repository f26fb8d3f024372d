"""Budgets: what may be spent, what is, and what is to be expected; with a form for a new one."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from dash import Dash, Input, Output, State, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.acts import is_read_only
from dashboard.components.budget import budget_list
from dashboard.components.budget_form import FIELDS, budget_form
from dashboard.components.form import read_only_note
from dashboard.components.parts import card, page_title
from dashboard.components.states import loading
from dashboard.data import Data
from dashboard.pages.acting import act_on_click
from dashboard.pages.offering import offer_members
from dashboard.pages.page import Canvas, number_in
from dashboard.queries.budgets import all_budgets, entered, keep_budget
from usage_plugin.errors import StoreError
from usage_plugin.store.budgets import budgets

PATH: Final = "/budgets"
ONE: Final = "/budgets/"
TITLE: Final = "Budgets"
NOTE: Final = "What may be spent in a period, what is spent, and what is expected at its end"

CANVAS: Final = Canvas(PATH, ids.BUDGETS_STATE, ids.BUDGETS_FIGURES, {"list": Output(ids.BUDGETS_LIST, "children")})


def layout(_zone: ZoneInfo) -> Component:
    """Show the page's shape until there is a list."""
    parts = CANVAS.layout(loading(cards=0), html.Div(id=ids.BUDGETS_LIST))
    add = card("Add a budget", budget_form("Add"), className="below")
    return html.Div([page_title(TITLE, NOTE), *parts, add], className="of-all")


def register(app: Dash, data: Data) -> None:
    """Fill the list, and the form of this page and of each budget's own."""
    CANVAS.keep_filled(app, data, all_budgets, lambda frame: {"list": budget_list(frame)})
    _register_form(app, data)


def _register_form(app: Dash, data: Data) -> None:
    fields = {name: Output(ids.budget(name), prop) for name, prop in FIELDS.items()}

    def begin(path: str | None) -> dict[str, Any]:
        rests = is_read_only(data)
        return {**beginning(data, path), "rests": rests, "said": read_only_note() if rests else None}

    outputs = {
        **fields,
        "parents": Output(ids.budget("parent"), "data"),
        "rests": Output(ids.BUDGET_FORM, "disabled"),
        "said": Output(ids.BUDGET_SAID, "children"),
    }
    app.callback(output=outputs, inputs=[Input(ids.URL, "pathname")])(begin)

    offer_members(app, data, ids.budget)

    def save(path: str | None, *values: Any) -> str:
        return keep_budget(data, number_in(path, ONE), dict(zip(FIELDS, values, strict=True)))

    states = (State(ids.URL, "pathname"), *(State(ids.budget(name), prop) for name, prop in FIELDS.items()))
    act_on_click(app, data, ids.BUDGET_SAVE, ids.BUDGET_SAID, save, *states)


def beginning(data: Data, path: str | None) -> dict[str, Any]:
    """Give what the form begins with, and the budgets that one can be a part of."""
    number = number_in(path, ONE)
    try:
        look = data.look()
        known = look.ask_found(budgets)
    except StoreError:  # said by the list
        return {**dict.fromkeys(FIELDS, ""), "is_enabled": True, "parents": []}
    budget = next((each for each in known if each.id == number), None)
    others = [{"value": str(each.id), "label": each.name} for each in known if each.id != number]
    return {**entered(look, budget), "parents": [{"value": "", "label": "Nothing"}, *others]}
