"""One anomaly: its course beside what was expected, who and what changed it, and what is said of it."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from dash import Dash, Input, Output, State, ctx, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.acts import Said, attempt
from dashboard.components.anomaly import explained, figures, gone, heading, history, story, why_cards
from dashboard.components.form import button, form, said, text_field
from dashboard.components.graph import graph
from dashboard.components.parts import card, legend, link
from dashboard.components.states import loading
from dashboard.data import Data, Look
from dashboard.figures.axes import blank
from dashboard.figures.watched import legend_of, with_band
from dashboard.pages.acting import rest_if_read_only
from dashboard.pages.page import HIDDEN, SHOWN, Canvas, number_in, only_if_clicked
from dashboard.queries.anomaly import LONGEST_NAME, Told, say, told
from dashboard.theme import Palette, palette
from usage_plugin.store.anomalies import State as Kept

PATH: Final = "/anomalies/"
TITLE: Final = "Anomaly"
BUTTONS: Final = {
    Kept.ACKNOWLEDGED: "I look after it",
    Kept.RESOLVED: "Resolved",
    Kept.EXPECTED: "Expected",
    Kept.FALSE_ALARM: "False alarm",
    Kept.TOO_SMALL: "Too small",
    Kept.OPEN: "Open again",
}
TEACHES: Final = (
    "Expected and False alarm: this series is not told of again up to there for 90 days. "
    "Too small: it is told again only with more at stake."
)

CANVAS: Final = Canvas(
    PATH,
    ids.ANOMALY_STATE,
    ids.ANOMALY_FIGURES,
    {
        "heading": Output(ids.ANOMALY_HEADING, "children"),
        "story": Output(ids.ANOMALY_STORY, "children"),
        "kpis": Output(ids.ANOMALY_KPIS, "children"),
        "graph": Output(ids.ANOMALY_GRAPH, "figure"),
        "legend": Output(ids.ANOMALY_LEGEND, "children"),
        "chart": Output(ids.ANOMALY_CHART, "className"),
        "why": Output(ids.ANOMALY_WHY, "children"),
        "history": Output(ids.ANOMALY_HISTORY, "children"),
        "merged": Output(ids.ANOMALY_MERGED, "children"),
    },
)


def layout(zone: ZoneInfo) -> Component:
    """Show the page's shape until its figures are there."""
    chart = card(
        "Course",
        graph(ids.ANOMALY_GRAPH, "The series with its expected range; the anomaly's time is shaded"),
        html.Div(id=ids.ANOMALY_LEGEND),
        note=f"on the clocks of {zone.key}",
    )
    rows = [
        html.Div(id=ids.ANOMALY_STORY),
        html.Div(id=ids.ANOMALY_KPIS, className="kpis five"),
        html.Div(chart, id=ids.ANOMALY_CHART),
        html.Div(id=ids.ANOMALY_WHY, className="columns even"),
        html.Div(
            [_feedback(), card("History", html.Div(id=ids.ANOMALY_HISTORY), className="half")], className="columns"
        ),
        html.Div(id=ids.ANOMALY_MERGED),
    ]
    back = html.P(link("← All anomalies", "/anomalies"), className="back")
    return html.Div(
        [back, html.Div(id=ids.ANOMALY_HEADING), *CANVAS.layout(loading(cards=0), *rows)], className="of-all"
    )


def _feedback() -> Component:
    fields = [
        text_field(ids.ANOMALY_BY, "Your name", most=LONGEST_NAME, persistence=True, persistence_type="local"),
        text_field(ids.ANOMALY_NOTE, "Note", hint="What happened, or why it is none"),
        html.Div(
            [button(ids.feedback(state.name), text) for state, text in BUTTONS.items()], className="buttons full-row"
        ),
        html.P(TEACHES, className="quiet full-row"),
    ]
    body = form(ids.ANOMALY_FORM, *fields, note_id=ids.ANOMALY_SAID)
    return card("What is it?", body, className="half")


def register(app: Dash, data: Data) -> None:
    """Fill the page whenever the address, the store, the scheme or its state changes, and take what is said."""
    _register_page(app, data)
    _register_feedback(app, data)


def _register_page(app: Dash, data: Data) -> None:
    def query(look: Look, path: str | None, _scheme: str | None) -> Told:
        return told(look, number_in(path, PATH))

    def view(frame: Told, _path: str | None, scheme: str | None) -> dict[str, Any]:
        return anomaly_view(frame, palette(scheme))

    CANVAS.keep_filled(app, data, query, view, Input(ids.URL, "pathname"), Input(ids.SCHEME, "data"))


def anomaly_view(frame: Told, colours: Palette) -> dict[str, Any]:
    """Draw each part of the page."""
    if frame.detail is None:
        return {"state": gone(frame), "figures": HIDDEN, **dict.fromkeys(CANVAS.parts), "graph": blank(colours)}
    row, course = frame.detail.anomaly, frame.course
    return {
        "state": None,
        "figures": SHOWN,
        "heading": heading(frame),
        "story": story(row, frame),
        "kpis": figures(row, frame),
        "graph": blank(colours) if course is None else with_band(course, colours),
        "legend": None if course is None else legend(legend_of(course, colours)),
        "chart": "gone" if course is None else "",
        "why": why_cards(frame.why),
        "history": history(frame.detail, frame.zone),
        "merged": explained(frame.detail.merged),
    }


def _register_feedback(app: Dash, data: Data) -> None:
    by_button = {ids.feedback(state.name): state for state in BUTTONS}

    def speak(*given: Any) -> tuple[Any, str, Any]:
        only_if_clicked()
        path, by, note = given[-3:]
        state = by_button.get(str(ctx.triggered_id))
        outcome: Said = attempt(data, lambda: say(data, number_in(path, PATH), state, by, note))
        return said(outcome), "" if outcome.is_done else note or "", data.changes

    app.callback(
        Output(ids.ANOMALY_SAID, "children"),
        Output(ids.ANOMALY_NOTE, "value"),
        Output(ids.CHANGED, "data", allow_duplicate=True),
        *[Input(name, "n_clicks") for name in by_button],
        State(ids.URL, "pathname"),
        State(ids.ANOMALY_BY, "value"),
        State(ids.ANOMALY_NOTE, "value"),
        prevent_initial_call=True,
    )(speak)

    rest_if_read_only(app, data, ids.ANOMALY_SAID, ids.ANOMALY_FORM)
