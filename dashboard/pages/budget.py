"""One budget: the course of its period, what is expected, and the form that changes it."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from dash import Dash, Input, Output, State, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.budget import (
    badges,
    budget_figures,
    course_legend,
    family,
    gone,
    period_words,
    scope,
    untold_panel,
)
from dashboard.components.budget_form import budget_form
from dashboard.components.form import button
from dashboard.components.graph import graph
from dashboard.components.parts import card, link, page_title
from dashboard.components.states import loading
from dashboard.data import Data, Look
from dashboard.figures.axes import blank
from dashboard.figures.budget import budget_course
from dashboard.pages.acting import act_on_click
from dashboard.pages.page import HIDDEN, SHOWN, Canvas, number_in
from dashboard.queries.budgets import OneBudget, drop_budget, one_budget
from dashboard.theme import Palette, palette
from usage_plugin.budgets import Untold

PATH: Final = "/budgets/"
TITLE: Final = "Budget"

CANVAS: Final = Canvas(
    PATH,
    ids.BUDGET_STATE,
    ids.BUDGET_FIGURES,
    {
        "heading": Output(ids.BUDGET_HEADING, "children"),
        "kpis": Output(ids.BUDGET_KPIS, "children"),
        "graph": Output(ids.BUDGET_GRAPH, "figure"),
        "course": Output(ids.BUDGET_COURSE, "className"),
        "legend": Output(ids.BUDGET_LEGEND, "children"),
        "family": Output(ids.BUDGET_FAMILY, "children"),
    },
)


def layout(zone: ZoneInfo) -> Component:
    """Show the page's shape until its figures are there."""
    chart = card(
        "Spent by the end of each day",
        graph(ids.BUDGET_GRAPH, "Spent so far as bars, forecast as hatched bars, under the limit"),
        html.Div(id=ids.BUDGET_LEGEND),
        note=f"per day, {zone.key}",
    )
    remove = html.Details(
        [
            html.Summary("Remove this budget"),
            html.Div(button(ids.BUDGET_REMOVE, "Remove it for good", "danger"), className="buttons"),
            html.Div(id=ids.BUDGET_REMOVED, role="status"),
        ],
        className="more",
    )
    rows = [
        html.Div(id=ids.BUDGET_KPIS, className="kpis five"),
        html.Div(id=ids.BUDGET_FAMILY),
        html.Div(chart, id=ids.BUDGET_COURSE),
        card("Change it", budget_form("Save"), remove),
    ]
    back = html.P(link("← All budgets", "/budgets"), className="back")
    return html.Div(
        [back, html.Div(id=ids.BUDGET_HEADING), *CANVAS.layout(loading(cards=0), *rows)], className="of-all"
    )


def register(app: Dash, data: Data) -> None:
    """Fill the page whenever the address, the store, the scheme or the budget changes."""

    def query(look: Look, path: str | None, _scheme: str | None) -> OneBudget:
        return one_budget(look, number_in(path, PATH))

    def view(frame: OneBudget, _path: str | None, scheme: str | None) -> dict[str, Any]:
        return budget_view(frame, palette(scheme))

    CANVAS.keep_filled(app, data, query, view, Input(ids.URL, "pathname"), Input(ids.SCHEME, "data"))

    def remove(path: str | None) -> str:
        return drop_budget(data, number_in(path, PATH))

    act_on_click(app, data, ids.BUDGET_REMOVE, ids.BUDGET_REMOVED, remove, State(ids.URL, "pathname"))


def budget_view(frame: OneBudget, colours: Palette) -> dict[str, Any]:
    """Draw each part of the page."""
    standing, course = frame.standing, frame.course
    if isinstance(standing, Untold):
        return _untold_view(frame, standing, colours)
    if standing is None or course is None:
        empty = dict.fromkeys(CANVAS.parts)
        return {**empty, "state": gone(frame), "figures": HIDDEN, "heading": page_title(TITLE), "graph": blank(colours)}
    marks = [f"{scope(standing, frame.name)}, {period_words(standing)}", *badges(standing)]
    return {
        "state": None,
        "figures": SHOWN,
        "heading": page_title(standing.budget.name, html.Span(marks, className="entry-head")),
        "kpis": budget_figures(frame, standing),
        "graph": budget_course(course, colours),
        "course": "",
        "legend": course_legend(course, colours),
        "family": family(frame),
    }


def _untold_view(frame: OneBudget, found: Untold, colours: Palette) -> dict[str, Any]:
    """Leave the form, so that the budget can be changed or removed."""
    return {
        **dict.fromkeys(CANVAS.parts),
        "state": untold_panel(found),
        "figures": SHOWN,
        "heading": page_title(found.budget.name),
        "graph": blank(colours),
        "course": "gone",
        "family": family(frame),
    }
