"""What a page is, and how its body is drawn: figures, a reason why there are none, or what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from dash import Dash, ctx, no_update
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.states import empty_state
from dashboard.data import Data, Look
from dashboard.filters import Filters
from dashboard.queries.health import why_broken, why_empty
from usage_plugin.errors import StoreError

DRAWN: Final = "drawn"
WAITING: Final = "waiting"
Drawn = tuple[Any, str]


class Frame(Protocol):
    """What a query gives a page."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        ...


AnyFrame = TypeVar("AnyFrame", bound=Frame)


@dataclass(frozen=True, slots=True)
class Page:
    """A page: where it is, what it shows at once, and how it is filled."""

    path: str
    title: str
    layout: Callable[[], Component]
    register: Callable[[Dash, Data], None]


def draw(
    data: Data,
    search: str | None,
    path: str,
    query: Callable[[Look, Filters], AnyFrame],
    view: Callable[[AnyFrame], Any],
) -> Component:
    """Ask and show; what cannot be shown says why.

    Raises:
        StoreError: The store cannot be asked.
    """
    filters = Filters.from_query(search)
    look = data.look()
    frame = query(look, filters)
    shown: Component = empty_state(why_empty(look, filters), filters, path) if frame.is_empty else view(frame)
    return shown


def body(data: Data, search: str | None, path: str, state: str | None, drawing: Callable[[], Component]) -> Drawn:
    """Give a page's body and its state: while the store is away, figures that are there already stay.

    Args:
        data: To say what is wrong.
        search: The address's query.
        path: Of the page.
        state: ``drawn`` where figures are there already.
        drawing: Draws them; may raise StoreError.
    """
    try:
        return drawing(), DRAWN
    except StoreError as error:
        if state == DRAWN and ctx.triggered_id == ids.VERSION:
            return no_update, DRAWN
        return empty_state(why_broken(data, error), Filters.from_query(search), path), WAITING
