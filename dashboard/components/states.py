"""A reason in, what a page shows instead of figures out: empty, loading, stale and broken, designed once."""

from __future__ import annotations

from collections.abc import Sequence

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboard.components.parts import link
from dashboard.filters import RANGE_WORDS, Filters
from dashboard.queries.health import Emptiness, Notice, Reason, Trouble
from dashboard.theme import zoned

TITLES = {
    Reason.NO_MATCH: "No calls match these filters",
    Reason.NO_CALLS_IN_RANGE: "No calls in this time",
    Reason.NO_CALLS_YET: "No calls yet",
    Reason.NEVER_STARTED: "No proxy has reported here yet",
    Reason.OTHER_DATABASE: "The proxy writes to another database",
    Reason.NOT_WRITTEN: "Calls arrive, but cannot be written",
    Reason.DEMO_MISSING: "The demo's calls are not generated yet",
    Reason.SCHEMA_MISSING: "The database has no tables yet",
    Reason.SCHEMA_BEHIND: "The database's tables are of an older version",
    Reason.SCHEMA_AHEAD: "The database's tables are of a newer version",
    Reason.NOT_A_DATABASE: "The file is not a database",
    Reason.NO_LONGER_KEPT: "Not all calls of this time are kept any more",
    Reason.UNAVAILABLE: "The database cannot be used",
}
BROKEN = {
    Reason.OTHER_DATABASE,
    Reason.NOT_WRITTEN,
    Reason.SCHEMA_BEHIND,
    Reason.SCHEMA_AHEAD,
    Reason.NOT_A_DATABASE,
    Reason.UNAVAILABLE,
}


def empty_state(emptiness: Emptiness, filters: Filters, path: str) -> Component:
    """Say why there is nothing to show, and what to do about it."""
    kind = "state-panel broken" if emptiness.reason in BROKEN else "state-panel"
    parts = [html.H2(TITLES[emptiness.reason]), *_remedy(emptiness, filters, path)]
    return html.Section(parts, className=kind, role="alert" if emptiness.reason in BROKEN else "status")


def _remedy(emptiness: Emptiness, filters: Filters, path: str) -> list[Component]:
    match emptiness.reason:
        case Reason.NO_MATCH:
            said = f"The database holds calls, but none {emptiness.detail} that match."
            return [html.P(said), link("Clear the filters", f"{path}{filters.cleared().to_query()}", "button")]
        case Reason.NO_CALLS_IN_RANGE:
            said = f"None {emptiness.detail}. The latest call ended {zoned(emptiness.latest)}."
            return [html.P(said), link("Show the last 90 days", f"{path}{filters.over('90d').to_query()}", "button")]
        case Reason.NO_LONGER_KEPT:
            return [html.P(f"{emptiness.detail}."), *_what_is_kept(emptiness, filters, path)]
        case Reason.NO_CALLS_YET:
            return [html.P("The proxy runs and records. Send it a call, and it shows here within 5 seconds.")]
        case Reason.NEVER_STARTED:
            said = "Nothing has been recorded in this database. Start the proxy with our callback in its config:"
            return [html.P(said), html.Code("usage-plugin up"), *_doctor()]
        case _:
            return [html.P(_said(emptiness)), *_commands(emptiness.reason)]


def _what_is_kept(emptiness: Emptiness, filters: Filters, path: str) -> list[Component]:
    name = emptiness.kept_range
    if not name:
        return []
    return [link(f"Show calls {RANGE_WORDS[name]}", f"{path}{filters.over(name).to_query()}", "button")]


def _said(emptiness: Emptiness) -> str:
    said = {
        Reason.OTHER_DATABASE: f"It writes to {emptiness.detail}. Give both the same USAGE_DATABASE_URL.",
        Reason.NOT_WRITTEN: f"Calls wait in the proxy's memory: {emptiness.detail}",
        Reason.DEMO_MISSING: "This makes a company's 90 days in a database of their own:",
        Reason.SCHEMA_MISSING: "The proxy makes them when it starts. To make them now:",
        Reason.SCHEMA_BEHIND: "Upgrade them; nothing is lost by it:",
        Reason.SCHEMA_AHEAD: "Upgrade this installation to the version that wrote them:",
    }
    return said.get(emptiness.reason, emptiness.detail)


def _commands(reason: Reason) -> list[Component]:
    if reason is Reason.DEMO_MISSING:
        return [html.Code("usage-plugin demo")]
    if reason in (Reason.SCHEMA_MISSING, Reason.SCHEMA_BEHIND):
        return [html.Code("usage-plugin migrate")]
    if reason is Reason.SCHEMA_AHEAD:
        return [html.Code("pip install --upgrade litellm-usage-plugin")]
    return _doctor()


def _doctor() -> list[Component]:
    return [html.P("This checks the whole way of a call and names what is missing:"), html.Code("usage-plugin doctor")]


def notice_list(notices: Sequence[Notice]) -> list[Component]:
    """Tell readers of full pages what is wrong meanwhile."""
    return [html.P(_notice(notice), className=_kind(notice), role="status") for notice in notices]


def nobody_records(*, demo: bool) -> Component:
    """Say why no process is listed."""
    if demo:
        parts = [
            html.H2("Generated calls come from no proxy"),
            html.P("The demo's calls were written all at once, so there is nothing to watch. For calls of your own:"),
            html.Code("usage-plugin up"),
        ]
    else:
        said = "Every proxy and program with our callback keeps an account here of what it saw, stored and lost."
        parts = [
            html.H2("No process has recorded here in the last day"),
            html.P(f"{said} To start a proxy:"),
            html.Code("usage-plugin up"),
            *_doctor(),
        ]
    return html.Section(parts, className="state-panel", role="status")


def _notice(notice: Notice) -> str | list[Component | str]:
    match notice.trouble:
        case Trouble.PIPELINE:
            others = {0: "", 1: " One more thing is wrong."}.get(
                notice.count, f" {notice.count} more things are wrong."
            )
            return [f"{notice.detail[:1].upper()}{notice.detail[1:]}.{others} ", link("See the pipeline", "/pipeline")]
        case Trouble.STOPPED:
            return f"The proxy has not been heard of since {zoned(notice.since)}: figures do not move."
        case Trouble.OTHER_DATABASE:
            return f"Another proxy writes to {notice.detail}: its calls are not shown here."
        case Trouble.UNAVAILABLE:
            return f"These are the last figures before the database stopped to answer: {notice.detail}"


def _kind(notice: Notice) -> str:
    of_pipeline = " of-pipeline" if notice.trouble is Trouble.PIPELINE else ""
    return f"notice{of_pipeline}{' serious' if notice.is_serious else ''}"


def loading(cards: int = 6) -> Component:
    """Show the shape of a page while its figures are on their way."""
    small = [dmc.Skeleton(height=124, radius="sm") for _ in range(cards)]
    large = [dmc.Skeleton(height=380, radius="sm"), dmc.Skeleton(height=260, radius="sm")]
    parts = [html.Div(small, className="kpis"), *large]
    return html.Div([html.Span("Loading", className="unseen"), *parts], className="loading", role="status")
