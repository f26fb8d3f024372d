"""What a page is, and how its body is drawn: figures, a reason why there are none, or what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar
from zoneinfo import ZoneInfo

from dash import Dash, Input, Output, State, ctx, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard import ids
from dashboard.components.states import empty_state
from dashboard.data import Data, Look
from dashboard.filters import Filters
from dashboard.queries.health import why_broken, why_empty
from usage_plugin.errors import StoreError

SHOWN: Final = "stack drawn"
HIDDEN: Final = "stack gone"
LONGEST_NUMBER: Final = 18
"""Digits that a BIGINT holds."""


class Frame(Protocol):
    """What a query gives a page."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        ...


AnyFrame = TypeVar("AnyFrame", bound=Frame)


@dataclass(frozen=True, slots=True)
class Page:
    """A page: where it is, what it shows at once, and how it is filled.

    A path that ends in a slash is that of many pages of one kind, which the navigation does not list: ``/budgets/3``.
    """

    path: str
    title: str
    layout: Callable[[ZoneInfo], Component]
    register: Callable[[Dash, Data], None]

    @property
    def is_one_of_many(self) -> bool:
        """Whether its address says which one is meant."""
        return self.path.endswith("/") and self.path != "/"


def only_if_clicked() -> None:
    """Stop a callback that no click has called: Dash calls it, too, when its button appears.

    Raises:
        PreventUpdate: Nobody has clicked.
    """
    if not any(each["value"] for each in ctx.triggered):
        raise PreventUpdate


def page_at(pages: Sequence[Page], path: str) -> Page | None:
    """Find the page that an address means."""
    for page in pages:
        if path == page.path or (page.is_one_of_many and path.startswith(page.path)):
            return page
    return None


def number_in(path: str | None, of: str) -> int | None:
    """Read which one of many an address means; ``None`` where it says no number that a database could hold."""
    text = (path or "").removeprefix(of)
    is_number = text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
    return int(text) if is_number else None


@dataclass(frozen=True, slots=True)
class Canvas:
    """The part of a page that shows figures, or says why there are none.

    ``parts`` names what a view gives, and the property of the component that takes it.
    """

    path: str
    state_id: str
    figures_id: str
    parts: Mapping[str, Output]

    @property
    def outputs(self) -> dict[str, Output]:
        """What a callback fills."""
        own = {"state": Output(self.state_id, "children"), "figures": Output(self.figures_id, "className")}
        return {**own, **self.parts}

    @property
    def memory(self) -> State:
        """Whether figures are shown already."""
        return State(self.figures_id, "className")

    def layout(self, shape: Component, *figures: Component) -> list[Component]:
        """Show the page's shape until there are figures."""
        return [html.Div(shape, id=self.state_id), html.Div(list(figures), id=self.figures_id, className=HIDDEN)]

    def fill(
        self,
        data: Data,
        search: str | None,
        figures: str | None,
        query: Callable[[Look, Filters], AnyFrame],
        view: Callable[[AnyFrame], Mapping[str, Any]],
    ) -> dict[str, Any]:
        """Ask and draw. While the store is away, figures that are there already stay.

        Args:
            data: What is asked.
            search: The address's query.
            figures: What `memory` holds.
            query: Gives the frame.
            view: Gives a value for each of the parts.
        """
        filters = Filters.from_query(search)
        try:
            look = data.look()
            frame = query(look, filters)
        except StoreError as error:
            if figures == SHOWN and ctx.triggered_id == ids.VERSION:
                raise PreventUpdate from None
            return self.say(empty_state(why_broken(data, error), filters, self.path))
        if frame.is_empty:
            return self.say(empty_state(why_empty(look, filters), filters, self.path))
        return {"state": None, "figures": SHOWN, **view(frame)}

    def keep_filled(
        self,
        app: Dash,
        data: Data,
        query: Callable[..., Frame],
        view: Callable[..., Mapping[str, Any]],
        *inputs: Input,
    ) -> None:
        """Fill it whenever the store, something that somebody set, or one of *inputs* changes.

        Args:
            app: Whose page.
            data: What is asked.
            query: Gives the frame, from a look and the values of *inputs*.
            view: Gives a value for each of the parts, from the frame and the values of *inputs*.
            *inputs: What it depends on besides.
        """

        def fill(_version: str | None, _changed: Any, *given: Any) -> dict[str, Any]:
            *values, shown = given
            return self.fill(
                data, "", shown, lambda look, _filters: query(look, *values), lambda frame: view(frame, *values)
            )

        always = [Input(ids.VERSION, "data"), Input(ids.CHANGED, "data")]
        app.callback(output=self.outputs, inputs=[*always, *inputs], state=[self.memory])(fill)

    def say(self, state: Component) -> dict[str, Any]:
        """Show a reason instead of figures."""
        return {"state": state, "figures": HIDDEN, **dict.fromkeys(self.parts, no_update)}
