"""Pages in, the frame around them out: header, navigation, notices, filter bar, and where the page goes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol
from zoneinfo import ZoneInfo

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.filter_bar import filter_bar
from dashboard.components.parts import badge, icon
from dashboard.theme import MANTINE_THEME

SECOND_MS = 1000
REFRESH_MS = {"off": 0, "5 s": 2000, "30 s": 30_000}
"""How often the store is asked for its newest row. "5 s" promises that a call shows within 5 seconds."""
DEFAULT_REFRESH = "5 s"
SCHEMES = ("light", "dark", "auto")


class Titled(Protocol):
    """What the navigation has to know of a page."""

    @property
    def path(self) -> str:
        """Where it is."""
        ...

    @property
    def title(self) -> str:
        """What it is called."""
        ...


def shell(pages: Iterable[Titled], zone: ZoneInfo, *, demo: bool) -> Component:
    """Build what stays while pages change."""
    main = html.Main(
        [html.Div(id=ids.NOTICES, className="notices"), filter_bar(zone), html.Div(id=ids.PAGE, className="page")],
        id="main",
        tabIndex=-1,
    )
    skip = html.A("Skip to the figures", href="#main", className="skip")
    frame = html.Div([skip, _header(demo=demo), _side(pages), main], id=ids.SHELL, className="shell")
    return dmc.MantineProvider([*_machinery(), frame], id=ids.PROVIDER, theme=MANTINE_THEME, forceColorScheme="light")


def nav_links(pages: Iterable[Titled], current: str, search: str) -> list[Component]:
    """Link to each page with the filters that are set, and mark the one that is open."""
    return [_nav_link(page, search, is_current=_leads_to(page.path, current)) for page in pages]


def _leads_to(path: str, current: str) -> bool:
    return current == path or (path != "/" and current.startswith(f"{path}/"))


def _nav_link(page: Titled, search: str, *, is_current: bool) -> Component:
    name = page.title.lower()
    children = [icon(name), page.title]
    target = dcc.Link(children, href=f"{page.path}{search}", className="nav-link", id=ids.nav_link(page.path))
    marked = {"aria-current": "page"} if is_current else {}
    return html.Li(target, className="current" if is_current else "", **marked)


def _header(*, demo: bool) -> Component:
    burger = html.Button(
        icon("burger"),
        id=ids.BURGER,
        className="icon-button burger",
        **{"aria-label": "Menu", "aria-controls": ids.NAV},
    )
    brand = html.Div([icon("logo"), html.Span("LLM usage")], className="brand")
    marks = [badge("Demo data", "demo")] if demo else []
    fresh = html.Div([html.Span(id=ids.FRESHNESS, className="num")], className="freshness")
    parts = [burger, brand, *marks, html.Span(className="spacer"), fresh]
    # Not a <header>: an open drawer brings one of its own, and a page has one banner.
    return html.Div(parts, className="top", role="region", **{"aria-label": "State of the data"})


def _side(pages: Iterable[Titled]) -> Component:
    links = html.Nav(html.Ul(nav_links(pages, "/", ""), id=ids.NAV), **{"aria-label": "Pages"})
    parts = [links, html.Span(className="spacer"), _refresh(), _scheme()]
    return html.Aside(parts, className="side", **{"aria-label": "Pages and display"})


def _refresh() -> Component:
    return _switch("Refresh", ids.REFRESH_CHOICE, tuple(REFRESH_MS), DEFAULT_REFRESH)


def _scheme() -> Component:
    return _switch("Colours", ids.SCHEME_CHOICE, SCHEMES, "auto")


def _switch(label: str, control_id: str, choices: tuple[str, ...], chosen: str) -> Component:
    data = [{"value": choice, "label": choice.capitalize()} for choice in choices]
    control = dmc.SegmentedControl(
        id=control_id, data=data, value=chosen, size="xs", fullWidth=True, persistence=True, persistence_type="local"
    )
    name = f"{control_id}-label"
    return html.Div(
        [html.Span(label, id=name), html.Div(control, role="group", **{"aria-labelledby": name})], className="switch"
    )


def _machinery() -> list[Component]:
    return [
        dcc.Location(id=ids.URL, refresh=False),
        dcc.Interval(id=ids.REFRESH, interval=REFRESH_MS[DEFAULT_REFRESH]),
        dcc.Interval(id=ids.SECOND, interval=SECOND_MS),
        dcc.Store(id=ids.BEAT),
        dcc.Store(id=ids.VERSION),
        dcc.Store(id=ids.LAST_CALL),
        dcc.Store(id=ids.SCHEME),
        dcc.Store(id=ids.FILTER_OPENED),
        dcc.Store(id=ids.CHANGED),
    ]
