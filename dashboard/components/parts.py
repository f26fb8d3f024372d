"""Small parts that every page is built of: cards, legends, bars, badges, links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.theme import UNKNOWN

Children = Any


def card(title: Children, *children: Children, note: Children = None, className: str = "") -> Component:  # noqa: N803
    """Frame a part of a page under its heading."""
    head = html.Div([html.H2(title), html.Div(note, className="card-note")], className="card-head")
    return html.Section([head, *children], className=f"card {className}".strip())


def page_title(title: str, *notes: Children) -> Component:
    """Head a page."""
    return html.Div([html.H1(title), html.Div(list(notes), className="page-note")], className="page-head")


def icon(name: str) -> Component:
    """Show an icon of the style sheet; it says nothing that text does not."""
    return html.Span(className=f"icon icon-{name}", **{"aria-hidden": "true"})


def swatch(colour: str) -> Component:
    """Show a colour of a figure."""
    return html.Span(className="swatch", style={"backgroundColor": colour})


def legend(entries: Iterable[tuple[str, str, str]]) -> Component:
    """List colours with their names and values: (name, colour, value)."""
    items = [
        html.Li(
            [swatch(colour), html.Span(name, className="legend-name", title=name), html.Span(value, className="num")]
        )
        for name, colour, value in entries
    ]
    return html.Ul(items, className="legend")


def segments(parts: Sequence[tuple[str, float, str]], label: str) -> Component:
    """Show shares of a whole as one bar: (name, size, colour)."""
    pieces = [
        html.Span(style={"flexGrow": size, "backgroundColor": colour}, title=name)
        for name, size, colour in parts
        if size > 0
    ]
    return html.Div(
        pieces or html.Span(className="segment-none"), role="img", className="segments", **{"aria-label": label}
    )


def badge(text: str, kind: str = "") -> Component:
    """Show a short word in a frame; *kind* colours it."""
    return html.Span(text, className=f"badge {kind}".strip())


def dot(text: str, kind: str) -> Component:
    """Show a state as a coloured dot with its word, never by colour alone."""
    return html.Span(
        [html.Span(className=f"dot {kind}", **{"aria-hidden": "true"}), html.Span(text)], className=f"state {kind}"
    )


def link(text: Children, href: str, className: str = "") -> Component:  # noqa: N803
    """Lead to another page of the dashboard without loading it anew."""
    return dcc.Link(text, href=href, className=className or "link")


def named(name: str | None) -> Component | str:
    """Show a name that may be longer than its column ``name``; its title has all of it."""
    return html.Span(name, title=name) if name else UNKNOWN


def table(columns: Sequence[tuple[Children, str]], rows: Iterable[Sequence[Children]], caption: str) -> Component:
    """Show rows under columns: (heading, class).

    Class ``num`` aligns numbers, ``name`` shares what room there is and ``main`` has most of it, ``wide`` hides
    on narrow screens and ``roomy`` on middling ones too.
    """
    head = html.Tr([html.Th(name, className=kind, scope="col") for name, kind in columns])
    body = [
        html.Tr([html.Td(cell, className=kind) for cell, (_, kind) in zip(row, columns, strict=True)]) for row in rows
    ]
    parts = [html.Caption(caption, className="unseen"), html.Thead(head), html.Tbody(body)]
    # It scrolls sideways where it must, and so has to be reachable by keyboard.
    reach = {"tabIndex": 0, "role": "region", "aria-label": caption}
    return html.Div(html.Table(parts, className="table"), className="table-box", **reach)
