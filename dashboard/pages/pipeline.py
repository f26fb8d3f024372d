"""Pipeline: what became of every call between LiteLLM and the database, and how soon."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from dash import Dash, Input, Output, State, ctx, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard import ids
from dashboard.components.graph import graph
from dashboard.components.parts import card, page_title
from dashboard.components.pipeline import (
    alert_line,
    alert_list,
    calls_legend,
    delay_legend,
    headline_card,
    headlines,
    process_card,
)
from dashboard.components.states import empty_state, loading, nobody_records
from dashboard.data import DOWN, Data
from dashboard.figures.recording import calls_per_minute, delay, unknown
from dashboard.filters import Filters
from dashboard.frames import Recorded
from dashboard.pages.page import SHOWN, Canvas
from dashboard.queries.health import why_broken
from dashboard.queries.pipeline import Pipeline, pipeline, recorded
from dashboard.theme import Palette, palette
from usage_plugin.errors import StoreError

PATH: Final = "/pipeline"
TITLE: Final = "Pipeline"
NOTE: Final = "What became of every call on its way from LiteLLM to the database; filters do not apply here"

CANVAS: Final = Canvas(
    PATH,
    ids.PIPELINE_STATE,
    ids.PIPELINE_FIGURES,
    {
        "alerts": Output(ids.PIPELINE_ALERTS, "children"),
        "headlines": Output(ids.PIPELINE_HEADLINES, "children"),
        "processes": Output(ids.PIPELINE_PROCESSES, "children"),
    },
)


def layout(zone: ZoneInfo) -> Component:
    """Show the page's shape until its figures are there."""
    per_minute = card(
        "Calls stored",
        graph(ids.PIPELINE_CALLS, "Calls stored per minute of the last hour as bars"),
        html.Div(id=ids.PIPELINE_CALLS_LEGEND),
        note=f"per minute, {zone.key}",
        className="half",
    )
    delays = card(
        "From a call's end to the database",
        graph(ids.PIPELINE_DELAY, "Time from a call's end to its row in the database, p50 and p95 per minute as lines"),
        html.Div(id=ids.PIPELINE_DELAY_LEGEND),
        note=f"per minute, {zone.key}",
        className="half",
    )
    rows = [
        html.Div(id=ids.PIPELINE_ALERTS),
        html.Div(id=ids.PIPELINE_BEHIND),
        html.Div(id=ids.PIPELINE_HEADLINES, className="kpis eight"),
        html.Div(id=ids.PIPELINE_PROCESSES),
        html.Div([per_minute, delays], className="columns even"),
    ]
    return html.Div([page_title(TITLE, NOTE), *CANVAS.layout(loading(cards=0), *rows)], className="pipeline")


def register(app: Dash, data: Data) -> None:
    """Fill the page with every beat, and draw its figures whenever the store or the scheme changes."""
    _register_processes(app, data)
    _register_figures(app, data)


def _register_processes(app: Dash, data: Data) -> None:
    def fill(_beat: float | None, version: str | None) -> dict[str, Any]:
        try:
            frame = pipeline(data, is_up=version != DOWN)
        except StoreError as error:
            if ctx.triggered_id == ids.BEAT:  # it has been said already
                raise PreventUpdate from None
            return CANVAS.say(empty_state(why_broken(data, error), Filters(), PATH))
        return CANVAS.say(nobody_records(demo=data.demo)) if frame.is_empty else pipeline_view(frame)

    inputs = [Input(ids.BEAT, "data"), Input(ids.VERSION, "data")]
    app.callback(output=CANVAS.outputs, inputs=inputs)(fill)


def pipeline_view(frame: Pipeline) -> dict[str, Any]:
    """Draw each part of the page that processes tell."""
    return {
        "state": None,
        "figures": SHOWN,
        "alerts": alert_list(frame),
        "headlines": [headline_card(headline) for headline in headlines(frame)],
        "processes": process_card(frame, frame.data.clock()),
    }


def _register_figures(app: Dash, data: Data) -> None:
    def draw(_version: str | None, scheme: str | None, drawn: Any) -> dict[str, Any]:
        colours = palette(scheme)
        try:
            return figures_view(recorded(data.look()), colours)
        except StoreError:
            if drawn and ctx.triggered_id == ids.VERSION:
                raise PreventUpdate from None
            return {**dict.fromkeys(("calls", "delay"), unknown(colours)), **dict.fromkeys(("sum", "legend", "behind"))}

    outputs = {
        "calls": Output(ids.PIPELINE_CALLS, "figure"),
        "sum": Output(ids.PIPELINE_CALLS_LEGEND, "children"),
        "delay": Output(ids.PIPELINE_DELAY, "figure"),
        "legend": Output(ids.PIPELINE_DELAY_LEGEND, "children"),
        "behind": Output(ids.PIPELINE_BEHIND, "children"),
    }
    inputs = [Input(ids.VERSION, "data"), Input(ids.SCHEME, "data")]
    app.callback(output=outputs, inputs=inputs, state=[State(ids.PIPELINE_DELAY_LEGEND, "children")])(draw)


def figures_view(frame: Recorded, colours: Palette) -> dict[str, Any]:
    """Draw the last hour."""
    return {
        "calls": calls_per_minute(frame, colours),
        "sum": calls_legend(frame.calls, colours),
        "delay": delay(frame, colours),
        "legend": delay_legend(colours),
        "behind": None if frame.behind is None else alert_line(frame.behind),
    }
