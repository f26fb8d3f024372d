"""The recording's account of itself in, alerts, headline figures and a table of processes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.components.parts import card, dot, legend, named, table
from dashboard.figures.recording import delay_colours
from dashboard.queries.pipeline import Pipeline
from dashboard.theme import UNKNOWN, Palette, ago, calls, count, full_count, sentence, size
from usage_plugin.account import ProcessAccount
from usage_plugin.watch import Alert, Concern, State, span

MOST_PROCESSES = 50
GOOD = "Nothing is lost or late: every call is stored, or on its way."
AWAY = Alert(
    Concern.ERROR,
    True,
    "the database does not answer: only the processes of this machine are shown, as their files tell",
    "`usage-plugin doctor` names the reason; calls wait on disk until it is back",
)
COLUMNS = (
    ("Process", "process"),
    ("Version", "roomy"),
    ("State", "since"),
    ("Seen", "num wide"),
    ("Spooled", "num roomy"),
    ("Stored", "num"),
    ("Waiting", "num"),
    ("Lag", "num wide"),
    ("Adopted", "num roomy"),
    ("Together", "num roomy"),
    ("Aside", "num roomy"),
    ("Lost", "num roomy"),
    ("Last error", "name main wide"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """One number of all processes together."""

    label: str
    number: int
    note: str
    text: str = ""
    """Instead of the number."""
    kind: str = ""
    """``bad`` or ``warning`` where it should not be so."""


def alert_list(frame: Pipeline) -> list[Component]:
    """Say what is wrong and what to do, the worst first; or that all is well."""
    alerts = frame.alerts if frame.has_answered else (AWAY, *frame.alerts)
    if not alerts:
        return [html.P(dot(GOOD, "status-success"), className="all-well")]
    return [alert_line(alert) for alert in alerts]


def headlines(frame: Pipeline) -> list[Headline]:
    """Give the numbers that everybody asks for first."""
    flow, limit_s = frame.flow, frame.data.settings.pipeline_lag_limit_s
    return [
        Headline(label="Seen", number=flow.seen, note=_by(frame.accounts)),
        Headline(label="Stored", number=flow.stored, note="in the database"),
        Headline(
            label="Waiting",
            number=flow.waiting,
            note=f"{size(flow.spool_bytes)} on disk" if flow.waiting else "none on disk",
        ),
        Headline(
            label="Lag",
            number=round(flow.lag_s),
            text=span(flow.lag_s) if flow.waiting else UNKNOWN,
            note=f"limit {limit_s:g} s",
            kind="bad" if flow.lag_s > limit_s else "",
        ),
        Headline(label="Adopted", number=flow.adopted, note="from killed ones"),
        Headline(
            label="Together",
            number=flow.folded,
            note="without own row",
            kind="warning" if flow.folded else "",
        ),
        Headline(label="Set aside", number=flow.set_aside, note="kept in a file", kind="bad" if flow.set_aside else ""),
        Headline(label="Lost", number=flow.lost, note="no room left", kind="bad" if flow.lost else ""),
    ]


def headline_card(headline: Headline) -> Component:
    """Show one number."""
    shown = headline.text or count(headline.number)
    value = html.P(shown, className="kpi-value num", title=full_count(headline.number) if not headline.text else None)
    parts = [html.H2(headline.label), value, html.P(headline.note, className="kpi-change")]
    return html.Section(parts, className=f"card kpi {headline.kind}".strip())


def process_card(frame: Pipeline, now: datetime) -> Component:
    """List the processes, those in trouble first."""
    pairs = list(zip(frame.accounts, frame.states, strict=True))[:MOST_PROCESSES]
    rows = [_row(account, state, now) for account, state in pairs]
    shown = f"{len(pairs)} of {len(frame.accounts)}" if len(pairs) < len(frame.accounts) else "of the last day"
    return card("Recording processes", table(COLUMNS, rows, "Recording processes"), note=f"{shown}, since their start")


def calls_legend(stored: Sequence[int], colours: Palette) -> Component:
    """Say how many the bars are together."""
    return legend([("Calls of the last hour", colours.accent, count(sum(stored)))])


def delay_legend(colours: Palette) -> Component:
    """Name the lines."""
    middle, slow = delay_colours(colours)
    return legend([("Half of the calls (p50)", middle, ""), ("95 % of the calls (p95)", slow, "")])


def alert_line(alert: Alert) -> Component:
    """Say one thing that is not as it should be."""
    parts = [html.Strong(sentence(alert.what)), " ", html.Span(sentence(alert.remedy))]
    return html.P(parts, className="notice serious" if alert.is_serious else "notice", role="status")


def _by(accounts: Sequence[ProcessAccount]) -> str:
    return "by 1 process" if len(accounts) == 1 else f"by {count(len(accounts))} processes"


def _row(account: ProcessAccount, state: State, now: datetime) -> list[Any]:
    oldest = account.oldest_waiting_at if account.waiting else None
    return [
        [f"{account.role} {account.pid}", html.Span(account.host, className="host")],
        account.version,
        _state(account, state, now),
        _number(account.seen),
        _number(account.spooled),
        _number(account.stored),
        _number(account.waiting),
        span((now - oldest).total_seconds()) if oldest else UNKNOWN,
        _number(account.adopted),
        _number(account.folded),
        _number(account.set_aside),
        _number(account.lost),
        named(account.last_error),
    ]


def _state(account: ProcessAccount, state: State, now: datetime) -> Component:
    since = "" if state is State.RUNNING else f" {ago(now - (account.stopped_at or account.beat_at))}"
    return dot(f"{state.value}{since}", f"process-{state.value}")


def _number(number: int) -> Component:
    return html.Span(count(number), title=calls(number))
