"""Rules: conditions besides the detector's own, each tried on the past before it is kept."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from dash import Dash, Input, Output, State, html, no_update, set_props
from dash.development.base_component import Component

from dashboard import ids
from dashboard.acts import Said, is_read_only
from dashboard.components.form import read_only_note, said
from dashboard.components.graph import graph
from dashboard.components.parts import card, legend, page_title
from dashboard.components.rules import FIELDS, KIND_FIELDS, OF_KIND, firing_list, rule_form, rule_list, verdict
from dashboard.components.states import loading
from dashboard.data import Data
from dashboard.figures.axes import blank
from dashboard.figures.fired import firings
from dashboard.pages.acting import act_on_click
from dashboard.pages.offering import offer_members
from dashboard.pages.page import Canvas, number_in, only_if_clicked
from dashboard.queries.rules import (
    all_rules,
    course_of,
    drop_rule,
    entered,
    keep_rule,
    rule_numbered,
    tried,
)
from dashboard.theme import Palette, palette
from usage_plugin.errors import StoreError, UsagePluginError
from usage_plugin.rules import BackTest

PATH: Final = "/rules"
TITLE: Final = "Rules"
NOTE: Final = "What somebody is told of besides anomalies and budgets"
HASH: Final = "#"

CANVAS: Final = Canvas(PATH, ids.RULES_STATE, ids.RULES_FIGURES, {"list": Output(ids.RULES_LIST, "children")})
TRIAL: Final = {
    "panel": Output(ids.RULE_TRIAL, "className"),
    "verdict": Output(ids.RULE_VERDICT, "children"),
    "graph": Output(ids.RULE_GRAPH, "figure"),
    "legend": Output(ids.RULE_LEGEND, "children"),
    "firings": Output(ids.RULE_FIRINGS, "children"),
}


def layout(zone: ZoneInfo) -> Component:
    """Show the page's shape until there is a list."""
    trial = card(
        "On the past",
        html.P(id=ids.RULE_VERDICT, className="statement"),
        graph(ids.RULE_GRAPH, "The series that the rule watches, with the times at which it would have fired shaded"),
        html.Div(id=ids.RULE_LEGEND),
        html.Div(id=ids.RULE_FIRINGS, className="below"),
        note=f"on the clocks of {zone.key}",
    )
    edit = card(html.Span("Add a rule", id=ids.RULE_TITLE), rule_form(), className="below")
    parts = CANVAS.layout(loading(cards=0), html.Div(id=ids.RULES_LIST, className="stack"))
    shown = html.Div(trial, id=ids.RULE_TRIAL, className="below gone", **{"aria-live": "polite"})
    return html.Div([page_title(TITLE, NOTE), *parts, edit, shown], className="of-all")


def register(app: Dash, data: Data) -> None:
    """Fill list and form, try what was entered, and keep it."""
    CANVAS.keep_filled(app, data, all_rules, lambda frame: {"list": rule_list(frame)})
    _register_form(app, data)
    _register_trial(app, data)
    _register_changes(app, data)


def _register_form(app: Dash, data: Data) -> None:
    def begin(fragment: str | None) -> dict[str, Any]:
        rests = is_read_only(data)
        note = read_only_note() if rests else no_update
        return {**beginning(data, number_in(fragment, HASH)), "rests": rests, "said": note}

    outputs = {
        **{name: Output(ids.rule(name), prop) for name, prop in FIELDS.items()},
        "title": Output(ids.RULE_TITLE, "children"),
        "removing": Output(ids.RULE_REMOVE, "className"),
        "rests": Output(ids.RULE_FORM, "disabled"),
        "said": Output(ids.RULE_SAID, "children"),
    }
    app.callback(output=outputs, inputs=[Input(ids.URL, "hash")])(begin)

    offer_members(app, data, ids.rule)

    def hide(kind: str | None) -> list[str]:
        return ["" if field in OF_KIND.get(kind or "", ()) else "gone" for field in KIND_FIELDS]

    boxes = [Output(ids.rule_box(field), "className") for field in KIND_FIELDS]
    app.callback(*boxes, Input(ids.rule("kind"), "value"))(hide)


def beginning(data: Data, number: int | None) -> dict[str, Any]:
    """Give what the form begins with."""
    try:
        look = data.look()
        rule = rule_numbered(look, number)
    except StoreError:  # said by the list
        return {**dict.fromkeys(FIELDS, ""), "is_enabled": True, "title": "Add a rule", "removing": "gone"}
    title = "Add a rule" if rule is None else f"Change {rule.name}"
    return {**entered(look, rule), "title": title, "removing": "gone" if rule is None else "button danger"}


def _register_trial(app: Dash, data: Data) -> None:
    def attempt_it(_clicks: int | None, scheme: str | None, fragment: str | None, *values: Any) -> dict[str, Any]:
        only_if_clicked()
        given = dict(zip(FIELDS, values, strict=True))
        try:
            found = tried(data, number_in(fragment, HASH), given)
        except UsagePluginError as error:
            outcome = said(Said(str(error), is_done=False))
            return {**dict.fromkeys(TRIAL), "panel": "below gone", "graph": blank(palette(scheme)), "said": outcome}
        return {**trial_view(found, data.zone, palette(scheme)), "said": None}

    app.callback(
        output={**TRIAL, "said": Output(ids.RULE_SAID, "children", allow_duplicate=True)},
        inputs=[Input(ids.RULE_TRY, "n_clicks")],
        state=[
            State(ids.SCHEME, "data"),
            State(ids.URL, "hash"),
            *[State(ids.rule(name), prop) for name, prop in FIELDS.items()],
        ],
        running=[(Output(ids.RULE_TRY, "disabled"), True, False)],
        prevent_initial_call=True,
    )(attempt_it)


def trial_view(found: BackTest, zone: ZoneInfo, colours: Palette) -> dict[str, Any]:
    """Draw when a rule would have fired."""
    course = course_of(found, zone)
    entries = [] if course is None else [(course.name, colours.accent, ""), ("Would have fired", colours.span, "")]
    return {
        "panel": "below",
        "verdict": verdict(found),
        "graph": blank(colours) if course is None else firings(course, colours),
        "legend": legend(entries),
        "firings": firing_list(found, zone),
    }


def _register_changes(app: Dash, data: Data) -> None:
    def save(fragment: str | None, *values: Any) -> str:
        return keep_rule(data, number_in(fragment, HASH), dict(zip(FIELDS, values, strict=True)))

    states = (State(ids.URL, "hash"), *(State(ids.rule(name), prop) for name, prop in FIELDS.items()))
    act_on_click(app, data, ids.RULE_SAVE, ids.RULE_SAID, save, *states)

    def remove(fragment: str | None) -> str:
        text = drop_rule(data, number_in(fragment, HASH))
        # No output: what waits for the address would not begin before this button is clicked.
        set_props(ids.URL, {"hash": ""})
        return text

    act_on_click(app, data, ids.RULE_REMOVE, ids.RULE_SAID, remove, State(ids.URL, "hash"))
