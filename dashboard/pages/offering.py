"""A form that asks whose calls are meant: the dimension that is chosen in, the names of its members out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dash import Dash, Input, Output

from dashboard.data import Data
from dashboard.queries.names import names_of
from dashboard.scopes import TOTAL
from usage_plugin.errors import StoreError


def offer_members(app: Dash, data: Data, field: Callable[[str], Any]) -> None:
    """Let the form's field for a member know what there is, and rest where all calls are meant.

    Args:
        app: Whose form.
        data: What is asked for members.
        field: Gives the ids of the form's fields ``dimension`` and ``member``.
    """

    def offer(dimension: str | None) -> tuple[list[str], bool]:
        try:
            return list(names_of(data.look(), dimension)), dimension == TOTAL
        except StoreError:
            return [], dimension == TOTAL

    outputs = (Output(field("member"), "data"), Output(field("member"), "disabled"))
    app.callback(*outputs, Input(field("dimension"), "value"))(offer)
