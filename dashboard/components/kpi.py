"""An overview in, its six figures as cards out: value, change against the time before, course."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dash import html
from dash.development.base_component import Component

from dashboard.figures.sparkline import sparkline
from dashboard.queries.overview import Overview
from dashboard.theme import UNKNOWN, Palette, big_money, count, duration, money, percent
from usage_plugin.store.read import Spent, Usage

LITTLE = 0.0005
MUCH = 99.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpi:
    """One figure: what it is called, how it reads, what it was before, and its course."""

    label: str
    value: str
    full: str = ""
    """The value with every digit, where it is shortened."""
    now: float | None
    before: float | None
    course: Sequence[float | None]
    more_is: str = ""
    """``bad`` where a rise is bad news; a rise of anything else is no news of either kind."""
    note: str = ""
    """What the figure leaves out."""
    aside: str = ""
    """A figure that stands beside it."""
    uncompared: str = "no comparison"
    """What is said where there is nothing to compare with."""


def kpis(frame: Overview) -> list[Kpi]:
    """Give the six figures of the overview."""
    if frame.previous is not None and frame.previous.is_empty:
        return [replace(each, before=None, uncompared="no calls before") for each in _kpis(frame)]
    return _kpis(frame)


def _kpis(frame: Overview) -> list[Kpi]:
    now, before, series = frame.usage, frame.previous, frame.series.usage
    cost = [usage.cost_nano_usd if usage.cost_nano_usd is not None else _nothing(usage) for usage in series]
    return [
        Kpi(
            label="Cost",
            value=cost_text(now, big_money),
            full=cost_text(now),
            now=now.cost_nano_usd,
            before=before.cost_nano_usd if before else None,
            course=cost,
            more_is="bad",
            note=unpriced_text(now),
        ),
        Kpi(
            label="Requests",
            value=count(now.requests),
            now=now.requests,
            before=before.requests if before else None,
            course=[usage.requests for usage in series],
        ),
        Kpi(
            label="Tokens",
            value=count(now.total_tokens),
            now=now.total_tokens,
            before=before.total_tokens if before else None,
            course=[usage.total_tokens for usage in series],
        ),
        Kpi(
            label="Cost per 1k tokens",
            value=big_money(now.cost_per_1k_tokens_nano_usd),
            now=now.cost_per_1k_tokens_nano_usd,
            before=before.cost_per_1k_tokens_nano_usd if before else None,
            course=[usage.cost_per_1k_tokens_nano_usd for usage in series],
            more_is="bad",
        ),
        Kpi(
            label="Latency, p95",
            value=duration(frame.p95_ms),
            now=frame.p95_ms,
            before=frame.previous_p95_ms,
            course=frame.p95_series_ms,
            more_is="bad",
        ),
        Kpi(
            label="Error rate",
            value=percent(now.error_rate),
            now=now.error_rate,
            before=before.error_rate if before else None,
            course=[usage.error_rate for usage in series],
            more_is="bad",
            note=f"{count(now.rejected_requests)} rejected" if now.rejected_requests else "",
            aside=f"{count(now.failed_requests)} failed" if now.failed_requests else "",
        ),
    ]


def cost_text(usage: Usage | Spent, shown: Callable[[int], str] = money) -> str:
    """Show a cost, or say that nobody knows it."""
    if usage.cost_nano_usd is None:
        return "unpriced" if usage.unpriced_requests else UNKNOWN
    return shown(usage.cost_nano_usd)


def unpriced_text(usage: Usage | Spent) -> str:
    """Count the calls that a cost leaves out."""
    if not usage.unpriced_requests:
        return ""
    return f"+ {count(usage.unpriced_requests)} unpriced"


def kpi_card(kpi: Kpi, colours: Palette) -> Component:
    """Show one figure."""
    line = html.Img(src=sparkline(kpi.course, colours.accent), alt="", className="sparkline")
    head = html.Div([html.H2(kpi.label), html.Span(kpi.note, className="kpi-note num")], className="kpi-head")
    parts = [head, html.Div(_reading(kpi), className="kpi-reading"), change(kpi), line]
    return html.Section(parts, className="card kpi")


def _reading(kpi: Kpi) -> list[Component]:
    value = html.P(kpi.value, className="kpi-value num", title=kpi.full or None)
    return [value, html.Span(kpi.aside, className="kpi-aside num")] if kpi.aside else [value]


def change(kpi: Kpi) -> Component:
    """Say how a figure moved against the time before, in words that need no colour."""
    if kpi.now is None or kpi.before is None:
        return html.P(kpi.uncompared, className="kpi-change")
    if not kpi.before:
        return html.P("was 0 before" if kpi.now else "as before", className="kpi-change")
    share = (kpi.now - kpi.before) / abs(kpi.before)
    if share >= MUCH:
        return html.P("hardly any before", className="kpi-change")
    if abs(share) < LITTLE:
        return html.P("as before", className="kpi-change")
    kind = {True: "bad", False: "good"}[share > 0] if kpi.more_is == "bad" else ""
    arrow = "▲" if share > 0 else "▼"
    text = percent(abs(share)) if abs(share) < 10 else f"{abs(share) + 1:,.0f}-fold"  # noqa: PLR2004
    seen = html.Span(f"{arrow} {text}", **{"aria-hidden": "true"})
    said = html.Span(f"{'up' if share > 0 else 'down'} {text}", className="unseen")
    return html.P([seen, said, " vs previous"], className=f"kpi-change {kind}".strip())


def _nothing(usage: Usage) -> float | None:
    return 0.0 if usage.is_empty else None
