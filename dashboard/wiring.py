"""The callbacks of the shell: which page, which filters, how fresh, which colours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, html, no_update
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.filter_bar import OUT_OF_SIGHT
from dashboard.components.shell import nav_links
from dashboard.components.states import notice_list
from dashboard.data import DOWN, Data
from dashboard.filters import CUSTOM, Filters
from dashboard.pages.page import Page, page_at
from dashboard.period import picked
from dashboard.queries.health import Notice, Trouble, notices
from dashboard.queries.options import only_chosen, options
from usage_plugin.errors import StoreError
from usage_plugin.store.read import Dimension

CONTROLS = (ids.RANGE, ids.GRANULARITY, ids.GROUP_BY, *(ids.choice(dimension) for dimension in Dimension))


def register_frame(app: Dash, data: Data, pages: Sequence[Page]) -> None:
    """Register what belongs to no page."""
    _register_routes(app, pages, data.zone)
    _register_filters(app, data.zone)
    _register_options(app, data)
    _register_pulse(app, data)
    _register_clientside(app)


def _register_routes(app: Dash, pages: Sequence[Page], zone: ZoneInfo) -> None:
    def route(path: str | None) -> Component:
        page = page_at(pages, path or "/")
        return _not_found(path) if page is None else page.layout(zone)

    def navigate(path: str | None, search: str | None) -> list[Component]:
        return nav_links([page for page in pages if not page.is_one_of_many], path or "/", search or "")

    app.callback(Output(ids.PAGE, "children"), Input(ids.URL, "pathname"))(route)
    app.callback(Output(ids.NAV, "children"), Input(ids.URL, "pathname"), Input(ids.URL, "search"))(navigate)


def _not_found(path: str | None) -> Component:
    parts = [html.H1("No such page"), html.P(f"There is nothing at {path}. The pages are in the navigation.")]
    return html.Section(parts, className="state-panel")


def _register_filters(app: Dash, zone: ZoneInfo) -> None:
    """Keep address and controls alike: the address leads, and a control that is used changes the address."""
    controls = [Input(control, "value") for control in CONTROLS]
    ends = [Input(ids.FROM, "value"), Input(ids.TO, "value"), Input(ids.FILTER_CLEAR, "n_clicks")]
    shown = [Output(control, "value") for control in CONTROLS]
    shown += [Output(ids.FROM, "value"), Output(ids.TO, "value")]
    marks = [Output(ids.FILTER_CUSTOM, "className"), Output(ids.FILTER_COUNT, "children")]
    marks += [Output(ids.FILTER_CLEAR, "disabled"), Output(ids.FILTER_MORE, "open")]
    marks.append(Output(ids.FILTER_MORE_COUNT, "children"))

    def sync(search: str | None, *values: Any) -> list[Any]:
        return sync_filters(zone, search, *values)

    app.callback(Output(ids.URL, "search"), *shown, *marks, Input(ids.URL, "search"), *controls, *ends)(sync)


def sync_filters(zone: ZoneInfo, search: str | None, *values: Any) -> list[Any]:
    """Give the address and the state of each control, whichever of them changed."""
    before = Filters.from_query(search)
    *controls, start, end, _clicks = values
    match ctx.triggered_id:
        case None | ids.URL:
            filters = before
        case ids.FILTER_CLEAR:
            filters = before.cleared()
        case _:
            filters = from_controls(before, controls, picked(start, zone), picked(end, zone), zone)
    query = filters.to_query()
    return [no_update if query == (search or "") else query, *_controls_of(filters, zone), *_marks_of(filters)]


def from_controls(
    before: Filters, controls: Sequence[Any], start: datetime | None, end: datetime | None, zone: ZoneInfo
) -> Filters:
    """Read the controls; a custom range that has just been chosen begins as the one that was shown."""
    chosen_range, granularity, group_by, *chosen = controls
    pairs = [("granularity", granularity), ("group", group_by)]
    for dimension, values in zip(Dimension, chosen, strict=True):
        pairs += [(dimension.value, value) for value in values or []]
    filters = Filters.from_pairs(pairs)
    if chosen_range != CUSTOM:
        return filters.over(chosen_range)
    if before.range != CUSTOM:
        period = before.period(datetime.now(UTC), zone)
        return filters.over(CUSTOM, period.start, period.end)
    custom = filters.over(CUSTOM, start, end)
    return custom if custom.range == CUSTOM else filters.over(CUSTOM, before.start, before.end)


def _controls_of(filters: Filters, zone: ZoneInfo) -> list[Any]:
    ends = ["" if end is None else f"{end.astimezone(zone):%Y-%m-%dT%H:%M}" for end in (filters.start, filters.end)]
    chosen = [list(filters.chosen(dimension)) for dimension in Dimension]
    return [filters.range, filters.granularity, filters.group_by.value, *chosen, *ends]


def _marks_of(filters: Filters) -> list[Any]:
    custom = "custom" if filters.range == CUSTOM else "custom gone"
    hidden = sum(1 for dimension in OUT_OF_SIGHT if filters.chosen(dimension))
    # What a reader has opened stays open.
    more = [True if hidden else no_update, str(hidden or "")]
    return [custom, str(filters.count or ""), filters.count == 0, *more]


def _register_options(app: Dash, data: Data) -> None:
    def offer(search: str | None, _version: str | None, opened: list[str] | None) -> list[Any]:
        filters = Filters.from_query(search)
        try:
            offered = options(data.look(), filters, opened or ())
        except StoreError:
            offered = only_chosen(filters)
        return [offered[dimension] for dimension in Dimension]

    lists = [Output(ids.choice(dimension), "data") for dimension in Dimension]
    inputs = [Input(ids.URL, "search"), Input(ids.VERSION, "data"), Input(ids.FILTER_OPENED, "data")]
    app.callback(*lists, *inputs)(offer)


def _register_pulse(app: Dash, data: Data) -> None:
    """Feel the store's pulse: pages draw anew only when it has a new row, or a minute has passed."""

    def pulse(_beat: float | None, known: str | None, last_call: str | None) -> tuple[Any, Any, list[Component]]:
        try:
            look = data.look()
        except StoreError as error:
            trouble = [] if last_call is None else [Notice(Trouble.UNAVAILABLE, str(error))]
            return DOWN, no_update, notice_list([*trouble, *notices(data, is_up=False)])
        version = data.version(look)
        latest = look.newest.completed_at
        return (
            version if version != known else no_update,
            latest.isoformat() if latest else "",
            notice_list(notices(data)),
        )

    app.callback(
        Output(ids.VERSION, "data"),
        Output(ids.LAST_CALL, "data"),
        Output(ids.NOTICES, "children"),
        Input(ids.BEAT, "data"),
        State(ids.VERSION, "data"),
        State(ids.LAST_CALL, "data"),
    )(pulse)


def _register_clientside(app: Dash) -> None:
    def usage(name: str) -> ClientsideFunction:
        return ClientsideFunction("usage", name)

    app.clientside_callback(usage("beat"), Output(ids.BEAT, "data"), Input(ids.REFRESH, "n_intervals"))
    app.clientside_callback(
        usage("pace"),
        Output(ids.REFRESH, "interval"),
        Output(ids.REFRESH, "disabled"),
        Input(ids.REFRESH_CHOICE, "value"),
    )
    app.clientside_callback(
        usage("freshness"),
        Output(ids.FRESHNESS, "children"),
        Input(ids.SECOND, "n_intervals"),
        Input(ids.LAST_CALL, "data"),
    )
    app.clientside_callback(
        usage("scheme"),
        Output(ids.SCHEME, "data"),
        Output(ids.PROVIDER, "forceColorScheme"),
        Input(ids.SCHEME_CHOICE, "value"),
    )
    app.clientside_callback(
        usage("drawers"),
        Output(ids.SHELL, "className"),
        Input(ids.BURGER, "n_clicks"),
        Input(ids.FILTER_OPEN, "n_clicks"),
        Input(ids.FILTER_CLOSE, "n_clicks"),
        Input(ids.FILTER_SHADE, "n_clicks"),
        Input(ids.URL, "pathname"),
        State(ids.SHELL, "className"),
    )
