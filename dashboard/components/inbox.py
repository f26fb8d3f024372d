"""Anomalies in, an inbox out: what each is about, when, how much, and what it explains besides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.components.parts import badge, link
from dashboard.metrics import metric_of
from dashboard.queries.inbox import Entry, Inbox, Searched, Segment
from dashboard.scopes import scope_words
from dashboard.theme import UNKNOWN, ago, clock, lasting, money
from usage_plugin.store.analysis_tables import AnomalyRow

NAMES: Final = {Segment.ACTIVE: "Active", Segment.ACKNOWLEDGED: "Acknowledged", Segment.RESOLVED: "Resolved"}
NONE: Final = {
    Segment.ACTIVE: "Nothing waits for you",
    Segment.ACKNOWLEDGED: "Nobody is looking after an anomaly",
    Segment.RESOLVED: "No anomaly has been resolved yet",
}
KIND_WORDS: Final = {
    "spike": "one point far too high",
    "runaway": "too high for hours",
    "drop": "too low",
    "leak": "a little more each day",
    "level shift": "stays higher",
    "volatility": "moves unlike before",
    "novelty": "never seen before",
}
SEVERE: Final = 2.0
"""So many times its threshold and its record is worth a colour."""


def segment_tabs(frame: Inbox, path: str) -> Component:
    """Link to each segment, with how many are in it."""
    return html.Nav(
        html.Ul([_tab(segment, frame, path) for segment in Segment], className="tabs"),
        **{"aria-label": "State of anomalies"},
    )


def _tab(segment: Segment, frame: Inbox, path: str) -> Component:
    is_current = segment is frame.segment
    text = [NAMES[segment], html.Span(str(frame.counts[segment]), className="num tab-count")]
    target = dcc.Link(text, href=f"{path}#{segment.value}", className="tab")
    return html.Li(
        target, className="current" if is_current else "", **({"aria-current": "page"} if is_current else {})
    )


def inbox_list(frame: Inbox) -> Component:
    """List the anomalies of the segment, or say why there are none."""
    if not frame.entries:
        return nothing_found(frame)
    entries = [html.Li(_entry(entry, frame.zone), className="entry") for entry in frame.entries]
    return html.Ul(entries, className="card entries")


def inbox_note(frame: Inbox) -> str:
    """Say how much is at stake together, and how fresh that is."""
    stake = f"{money(frame.at_stake_nano_usd)} at stake. " if frame.at_stake_nano_usd else ""
    last = frame.searched.last_run_at
    return f"{stake}{'' if last is None else f'Looked for {ago(frame.now - last)}.'}".strip()


def nothing_found(frame: Inbox) -> Component:
    """Say why the inbox is empty: nobody has looked, too little is known, or there is really nothing."""
    title, *said = _why_nothing(frame.searched, frame.segment)
    return html.Section([html.H2(title), *said], className="state-panel", role="status")


def _why_nothing(searched: Searched, segment: Segment) -> list[Component | str]:
    if not searched.has_run:
        return [
            "Nobody has looked for anomalies yet",
            html.P("A worker looks every five minutes; usage-plugin up starts one. To look now:"),
            html.Code("usage-plugin detect"),
        ]
    if searched.days_to_learn:
        days = f"{searched.days_to_learn} more day{'s' if searched.days_to_learn > 1 else ''}"
        return [
            f"Still learning for {days}",
            html.P(
                "What is usual is learnt from the calls themselves: hours are judged after two weeks, days after "
                "three. Until then only what is far beyond everything before it is told."
            ),
        ]
    if segment is Segment.ACTIVE:
        return [NONE[segment], html.P("Every series was looked at, and each is within what its own past lets expect.")]
    return [NONE[segment], html.P("Anomalies come here when somebody says so on their page.")]


def _entry(entry: Entry, zone: ZoneInfo) -> list[Component]:
    row = entry.anomaly
    text = [
        link(row.headline, anomaly_href(row), "entry-title"),
        html.P(facts(row, zone), className="entry-facts"),
        *([merged_list(entry.merged)] if entry.merged else []),
    ]
    return [stake(row), html.Div(text, className="entry-text")]


def anomaly_href(row: AnomalyRow) -> str:
    """Lead to an anomaly's page."""
    return f"/anomalies/{row.id}"


def stake(row: AnomalyRow) -> Component:
    """Show the dollars at stake; those that were saved are no alarm."""
    nano = row.at_stake_nano_usd
    amount = UNKNOWN if nano is None else f"{'+' if nano > 0 else ''}{money(nano)}"
    said = "no dollars known" if nano is None else "saved" if nano < 0 else "at stake"
    return html.P(
        [html.Strong(amount, className="num"), html.Span(said)],
        className="entry-stake bad" if nano and nano > 0 else "entry-stake",
    )


def facts(row: AnomalyRow, zone: ZoneInfo) -> list[Component]:
    """Tell kind, scope, time, expected and actual, and how severe it is."""
    metric = metric_of(row.metric)
    parts: list[Component] = [
        badge(row.kind),
        html.Span(f"{metric.name} of {whose(row)}"),
        html.Span(when(row, zone)),
    ]
    if row.kind != "novelty":
        parts.append(html.Span(f"{metric.shown(row.actual)} instead of {metric.shown(row.expected)}", className="num"))
    parts.append(html.Span(severity(row), className="severe" if abs(row.severity) >= SEVERE else ""))
    if row.state not in ("open", "acknowledged"):
        parts.append(badge(row.state))
    return parts


def severity(row: AnomalyRow) -> str:
    """Say how far beyond its threshold the worst alarm was."""
    return f"severity {abs(row.severity):.1f}"


def whose(row: AnomalyRow) -> str:
    """Say whose series it is, of a pair both."""
    first = scope_words(row.dimension, row.member, row.label)
    if row.second_dimension is None:
        return first
    return f"{first}, {scope_words(row.second_dimension, row.second_member)}"


def when(row: AnomalyRow, zone: ZoneInfo) -> str:
    """Say when it began, how long it lasted, and whether it goes on."""
    since, lasted = clock(row.started_at.astimezone(zone)), lasting(row.ended_at - row.started_at)
    return f"{since}, for {lasted}" if row.is_over else f"since {since}, for {lasted} so far"


def merged_list(merged: Sequence[AnomalyRow]) -> Component:
    """Fold away what an anomaly explains."""
    number = f"{len(merged)} more that it explains"
    return html.Details([html.Summary(number), merged_rows(merged)], className="more")


def merged_rows(merged: Sequence[AnomalyRow]) -> Component:
    """List what an anomaly explains."""
    by_stake = sorted(merged, key=lambda row: -abs(row.at_stake_nano_usd or 0))
    items = [html.Li([link(row.headline, anomaly_href(row)), html.Span(_stake_words(row))]) for row in by_stake]
    return html.Ul(items, className="merged")


def _stake_words(row: AnomalyRow) -> str:
    return "" if row.at_stake_nano_usd is None else f" {money(row.at_stake_nano_usd)}"
