"""A button and what it does in, a callback out: it is done by a click, and said what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dash import Dash, Input, Output, State

from dashboard import ids
from dashboard.acts import attempt, is_read_only
from dashboard.components.form import read_only_note, said
from dashboard.data import Data
from dashboard.pages.page import only_if_clicked


def act_on_click(app: Dash, data: Data, button_id: str, said_id: str, act: Callable[..., str], *states: State) -> None:
    """Make a change when a button is clicked.

    Args:
        app: Whose button.
        data: What is changed.
        button_id: Of the button.
        said_id: Where it is said what became of it.
        act: Makes the change from the values of *states*, and says that it is made.
        *states: What the act depends on.
    """

    def clicked(_clicks: int | None, *given: Any) -> tuple[Any, Any]:
        only_if_clicked()
        return said(attempt(data, lambda: act(*given))), data.changes

    app.callback(
        Output(said_id, "children", allow_duplicate=True),
        Output(ids.CHANGED, "data", allow_duplicate=True),
        Input(button_id, "n_clicks"),
        *states,
        prevent_initial_call=True,
    )(clicked)


def rest_if_read_only(app: Dash, data: Data, said_id: str, *form_ids: str) -> None:
    """Let forms and buttons rest where the dashboard may only read, and say why.

    Args:
        app: Whose forms.
        data: What would be changed.
        said_id: Where it is said.
        *form_ids: Of forms and buttons.
    """

    def rest(_path: str | None) -> tuple[Any, ...]:
        rests = is_read_only(data)
        return (read_only_note() if rests else None, *([rests] * len(form_ids)))

    app.callback(
        Output(said_id, "children", allow_duplicate=True),
        *[Output(each, "disabled") for each in form_ids],
        Input(ids.URL, "pathname"),
        prevent_initial_call="initial_duplicate",
    )(rest)
