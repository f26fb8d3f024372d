"""Alerts and messages about them in, a list of what goes on, one of it in full, and a log of what was told out."""

from __future__ import annotations

from typing import Any, Final

from dash import html
from dash.development.base_component import Component

from dashboard.components.parts import card, dot, link, named, table
from dashboard.queries.alerts import AlertLog
from dashboard.scopes import scope_words
from dashboard.theme import UNKNOWN, ago, money, zoned
from usage_plugin.store.alerts import AlertState
from usage_plugin.store.analysis_tables import AlertMessage, AlertRow

PAGES: Final = {"anomaly": "/anomalies/{}", "budget": "/budgets/{}", "rule": "/rules#{}", "pipeline": "/pipeline"}
UNTAKEN: Final = "no channel takes it"
_LEADS: Final = {
    "anomaly": "To the anomaly", "budget": "To the budget", "rule": "To the rule", "pipeline": "To the pipeline",
}  # fmt: skip
DOTS: Final = {"critical": "status-failure", "warning": "status-interrupted", "info": ""}
ALERT_COLUMNS: Final = (
    ("Severity", "tight"), ("Alert", "words"), ("Whose calls", "name wide"), ("Since", "wide"), ("Told", "roomy"),
    ("At stake", "num"),
)  # fmt: skip
MESSAGE_COLUMNS: Final = (
    ("Made", ""), ("Message", "words"), ("To", "name"), ("Delivery", "tight"), ("Tries", "num wide"),
    ("Last error", "name wide"),
)  # fmt: skip


def active_card(frame: AlertLog) -> Component:
    """List what goes on, the newest first."""
    if not frame.active:
        body: Component = html.P(dot("No alert goes on.", "status-success"), className="all-well")
    else:
        body = table(ALERT_COLUMNS, [_alert(row, frame) for row in frame.active], "Alerts that go on")
    return card("What goes on", body, note=f"{len(frame.active)} alerts" if frame.active else None)


def log_card(frame: AlertLog) -> Component:
    """List the newest messages with what became of each."""
    if not frame.messages:
        said = "Nobody was told of anything yet. USAGE_ALERT_URLS or the file that USAGE_ALERTS_FILE names says who is."
        return card("What was told", html.P(said, className="quiet"))
    rows = [_message(message, frame) for message in frame.messages]
    return card("What was told", table(MESSAGE_COLUMNS, rows, "Messages"), note="the newest first")


def chosen_alert(row: AlertRow | None, frame: AlertLog) -> list[Component]:
    """Show one alert with all that is said of it."""
    if row is None:
        return []
    since = zoned(row.opened_at.astimezone(frame.zone))
    until = "" if row.resolved_at is None else f" until {zoned(row.resolved_at.astimezone(frame.zone))}"
    told = "told to nobody so far" if row.told_at is None else f"told {ago(frame.now - row.told_at)}"
    facts = [f"{row.severity.capitalize()} since {since}{until}", UNTAKEN if row.untaken_at is not None else told]
    page, rest = _page(row), row.body.removeprefix(row.title).lstrip(". ")
    more = [html.P(link(_LEADS[row.source], page))] if page else []
    said = html.P(f"{', '.join(facts)}. {_looks_after(row)}.", className="quiet")
    return [html.H2(row.title), *([html.P(rest)] if rest else []), said, *more]


def _page(row: AlertRow) -> str:
    """Name the page of what an alert is about; empty where there is none."""
    has_page = row.source_id is not None or row.source == "pipeline"
    return PAGES.get(row.source, "").format(row.source_id) if has_page else ""


def _looks_after(row: AlertRow) -> str:
    if row.state == AlertState.RESOLVED:
        return "It is over"
    if row.state != AlertState.ACKNOWLEDGED:
        return "Nobody looks after it yet"
    return f"{row.state_by or 'Somebody'} looks after it"


def _alert(row: AlertRow, frame: AlertLog) -> list[Any]:
    page, taken = _page(row), row.state == AlertState.ACKNOWLEDGED
    title = link(row.title, page) if page else row.title
    who = link(_looks_after(row) if taken else "Look after it", f"/alerts#{row.id}", "link beneath")
    return [
        dot(row.severity, DOTS.get(row.severity, "")),
        html.Span([title, who], title=row.title),
        named(scope_words(row.dimension, row.member, row.label)),
        ago(frame.now - row.opened_at),
        _told(row, frame),
        UNKNOWN if row.at_stake_nano_usd is None else money(row.at_stake_nano_usd),
    ]


def _told(row: AlertRow, frame: AlertLog) -> Any:
    if row.untaken_at is not None:
        return dot(UNTAKEN, "status-interrupted")
    return UNKNOWN if row.told_at is None else ago(frame.now - row.told_at)


def _message(row: AlertMessage, frame: AlertLog) -> list[Any]:
    return [
        ago(frame.now - row.made_at),
        named(row.title),
        named(row.channel),
        delivery(row, frame),
        str(row.attempts),
        named(row.last_error) if row.last_error else "",
    ]


def delivery(row: AlertMessage, frame: AlertLog) -> Component:
    """Say what became of a message."""
    if row.delivered_at is not None:
        return dot("delivered", "status-success")
    if row.given_up_at is not None:
        return dot("given up", "status-failure")
    waits = row.due_at - frame.now
    if row.attempts:
        return dot("tried again", "status-interrupted")
    return dot("waits" if waits.total_seconds() > 0 else "on its way", "")
