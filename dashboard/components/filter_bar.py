"""Filters and what can be chosen in, the filter bar out: a row on wide screens, a drawer on narrow ones."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.parts import icon
from dashboard.filters import AUTO, CUSTOM, DEFAULT_RANGE, RANGES
from dashboard.members import word_of
from usage_plugin.store.read import Dimension, Granularity

PLURALS = {
    Dimension.PROVIDER: "providers",
    Dimension.MODEL: "models",
    Dimension.TEAM: "teams",
    Dimension.ORGANIZATION: "organizations",
    Dimension.USER: "users",
    Dimension.KEY: "keys",
    Dimension.PROJECT: "projects",
    Dimension.END_USER: "end users",
    Dimension.FEATURE: "features",
    Dimension.TAG: "tags",
    Dimension.ENVIRONMENT: "environments",
    Dimension.CALL_TYPE: "call types",
    Dimension.STATUS: "statuses",
}
# What most people filter by is always in sight; the rest opens.
IN_SIGHT = (
    Dimension.PROVIDER,
    Dimension.MODEL,
    Dimension.TEAM,
    Dimension.USER,
    Dimension.KEY,
    Dimension.STATUS,
)
OUT_OF_SIGHT = tuple(dimension for dimension in Dimension if dimension not in IN_SIGHT)
# A list that opens at the end of the document would lie outside of every landmark.
IN_PLACE = {"withinPortal": False}
GRANULARITIES = [
    {"value": AUTO, "label": "Auto"},
    {"value": Granularity.HOUR.value, "label": "Hourly"},
    {"value": Granularity.DAY.value, "label": "Daily"},
]


def filter_bar(zone: ZoneInfo) -> Component:
    """Build the bar; a callback fills it from the address. Moments are chosen on a zone's clocks."""
    opener = html.Button(
        [icon("filter"), "Filters", html.Span(id=ids.FILTER_COUNT, className="filter-count")],
        id=ids.FILTER_OPEN,
        className="button filter-open",
        **{"aria-controls": ids.FILTER_PANEL},
    )
    return html.Div([opener, html.Div(id=ids.FILTER_SHADE, className="shade"), _panel(zone)], className="filters")


def _panel(zone: ZoneInfo) -> Component:
    head = html.Div(
        [html.H2("Filters"), html.Button("Done", id=ids.FILTER_CLOSE, className="button")], className="filter-head"
    )
    clear = html.Button("Clear filters", id=ids.FILTER_CLEAR, className="button quiet-button")
    first = html.Div([_ranges(), _custom(zone), _granularity(), _group_by(), clear], className="filter-row")
    second = html.Div([_choice(dimension) for dimension in IN_SIGHT], className="filter-row")
    others = html.Div([_choice(dimension) for dimension in OUT_OF_SIGHT], className="filter-row")
    summary = html.Summary(["More filters", html.Span(id=ids.FILTER_MORE_COUNT, className="filter-count")])
    more = html.Details([summary, others], id=ids.FILTER_MORE, className="more")
    return html.Div(
        [head, first, second, more],
        id=ids.FILTER_PANEL,
        className="filter-panel",
        role="region",
        **{"aria-label": "Filters"},
    )


def _ranges() -> Component:
    data = [*({"value": name, "label": name} for name in RANGES), {"value": CUSTOM, "label": "Custom"}]
    control = dmc.SegmentedControl(id=ids.RANGE, data=data, value=DEFAULT_RANGE, size="xs", className="ranges")
    return html.Div(control, role="group", **{"aria-label": "Time range"})


def _custom(zone: ZoneInfo) -> Component:
    pickers = [_picker(ids.FROM, f"From ({zone.key})"), _picker(ids.TO, f"To ({zone.key})")]
    return html.Div(pickers, id=ids.FILTER_CUSTOM, className="custom gone")


def _picker(picker_id: str, label: str) -> Component:
    """Take a moment with the browser's own picker, which every phone and screen reader knows."""
    control = dmc.TextInput(id=picker_id, attributes={"input": {"type": "datetime-local"}}, size="xs", debounce=500)
    return html.Div([html.Label(label, htmlFor=picker_id), control], className="labelled")


def _granularity() -> Component:
    control = dmc.Select(
        id=ids.GRANULARITY,
        data=GRANULARITIES,
        value=AUTO,
        size="xs",
        allowDeselect=False,
        w=112,
        withCheckIcon=False,
        comboboxProps=IN_PLACE,
    )
    return html.Div([html.Label("Buckets", htmlFor=ids.GRANULARITY), control], className="labelled")


def _group_by() -> Component:
    data = [{"value": dimension.value, "label": word_of(dimension).capitalize()} for dimension in Dimension]
    control = dmc.Select(
        id=ids.GROUP_BY,
        data=data,
        value=Dimension.MODEL.value,
        size="xs",
        allowDeselect=False,
        w=112,
        withCheckIcon=False,
        comboboxProps=IN_PLACE,
    )
    return html.Div([html.Label("Split by", htmlFor=ids.GROUP_BY), control], className="labelled")


def _choice(dimension: Dimension) -> Component:
    return dmc.MultiSelect(
        id=ids.choice(dimension),
        data=[],
        value=[],
        placeholder=f"All {PLURALS[dimension]}",
        searchable=True,
        clearable=True,
        limit=100,
        size="xs",
        hidePickedOptions=True,
        nothingFoundMessage="None among the busiest 500",
        className="choice",
        comboboxProps=IN_PLACE,
        **{"aria-label": f"Filter by {word_of(dimension)}"},
    )
