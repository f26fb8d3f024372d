"""An anomaly in, what its page shows out: figures, who and what changed it, what was said of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from dash import html
from dash.development.base_component import Component

from dashboard.components.inbox import KIND_WORDS, SEVERE, merged_list, merged_rows, whose
from dashboard.components.parts import badge, card, link, named, page_title, table
from dashboard.filters import Filters
from dashboard.metrics import metric_of
from dashboard.queries.anomaly import Told
from dashboard.queries.watched import drivers_of
from dashboard.scopes import calls_link, narrowed
from dashboard.theme import UNKNOWN, calls, clock, count, lasting, money, percent, zoned
from usage_plugin.detect import Part, Split, Why
from usage_plugin.store.analysis_tables import AnomalyNote, AnomalyRow
from usage_plugin.store.anomalies import AnomalyDetail, State

TERMS: Final = {
    "volume": "More or fewer calls",
    "mix": "Dearer or cheaper models",
    "tokens_per_call": "More or fewer tokens per call",
    "price": "Other prices",
    "other": "All else",
}
_AS_BAR: Final = html.Span("Change as a bar", className="unseen")
TWICE: Final = 2.0
LISTED: Final = 8
"""So many of the anomalies that it explains are in sight."""
WHOLE_TIMES: Final = 10.0
STANDINGS: Final = {"new": "new", "vanished": "gone", "unpriced": "unpriced"}
STATE_KINDS: Final = {State.OPEN: "bad", State.ACKNOWLEDGED: "demo"}


def heading(frame: Told) -> Component:
    """Name the anomaly, its kind and its state."""
    if frame.detail is None:
        return page_title("Anomaly")
    row = frame.detail.anomaly
    state = badge(row.state, STATE_KINDS.get(State(row.state), ""))
    return page_title(f"{metric_of(row.metric).name} of {whose(row)}", badge(row.kind), " ", state)


def gone(frame: Told) -> Component:
    """Say that there is no such anomaly."""
    said = f"There is no anomaly {frame.number} in this database. The link may come from a dashboard of another one."
    parts = [html.H2("No such anomaly"), html.P(said), link("All anomalies", "/anomalies", "button")]
    return html.Section(parts, className="state-panel", role="status")


def figures(row: AnomalyRow, frame: Told) -> list[Component]:
    """Show actual, expected, dollars, severity and time as figures."""
    metric, zone = metric_of(row.metric), frame.zone
    lasted = lasting(row.ended_at - row.started_at)
    stake = row.at_stake_nano_usd
    return [
        _figure("Actual", metric.shown(row.actual), _off(row)),
        _figure("Expected", metric.shown(row.expected), "by its own past"),
        _figure(
            "At stake",
            UNKNOWN if stake is None else money(stake),
            "no dollars known" if stake is None else "saved" if stake < 0 else "beyond what was expected",
            "bad" if stake and stake > 0 else "",
        ),
        _figure("Severity", f"{abs(row.severity):.1f}", KIND_WORDS.get(row.kind, row.kind), _severe(row)),
        _figure("Lasted", lasted, clock(row.started_at.astimezone(zone)) if row.is_over else "so far"),
    ]


def _off(row: AnomalyRow) -> str:
    """Say how far it is from what was expected."""
    if row.expected <= 0:
        return "where nothing was expected"
    ratio = row.actual / row.expected
    if ratio >= TWICE:
        return f"{ratio:,.{0 if ratio >= WHOLE_TIMES else 1}f} times as much"
    return f"{percent(abs(ratio - 1), 0)} {'more' if ratio >= 1 else 'less'}"


def _severe(row: AnomalyRow) -> str:
    return "bad" if abs(row.severity) >= SEVERE else "warning"


def _figure(label: str, value: str, note: str, kind: str = "") -> Component:
    parts = [html.H2(label), html.P(value, className="kpi-value num"), html.P(note, className="kpi-change")]
    return html.Section(parts, className=f"card kpi {kind}".strip())


def story(row: AnomalyRow, frame: Told) -> Component:
    """Tell it in its sentence, with the times and a link to the calls behind it."""
    zone = frame.zone
    times = f"From {zoned(row.started_at.astimezone(zone))} to {zoned(row.ended_at.astimezone(zone))}"
    going_on = "" if row.is_over else ", and it may go on"
    planned = " It falls into a planned event." if row.planned_event_id is not None else ""
    into = (
        [" Part of ", link(f"anomaly {row.merged_into_id}", f"/anomalies/{row.merged_into_id}"), "."]
        if row.merged_into_id is not None
        else []
    )
    said = [
        html.P(row.headline, className="headline"),
        html.P([f"{times}{going_on}.{planned}", *into], className="quiet"),
    ]
    links = [link("The calls of this time", behind(row), "button")]
    driver = drivers_link(row, frame.why)
    return html.Section([*said, html.P([*links, *([driver] if driver else [])], className="buttons")], className="card")


def behind(row: AnomalyRow) -> str:
    """Lead to the calls that it is about."""
    return calls_link(_filters(row), row.started_at, row.ended_at)


def drivers_link(row: AnomalyRow, why: Why | None) -> Component | None:
    """Lead to the calls of whoever drove it."""
    found = drivers_of(why)
    if found is None:
        return None
    split, parts = found
    one = narrowed(_filters(row), split.dimension, parts[0].member)
    return link(f"Only those of {_name(parts[0], split)}", calls_link(one, row.started_at, row.ended_at), "button")


def _filters(row: AnomalyRow) -> Filters:
    return narrowed(narrowed(Filters(), row.dimension, row.member), row.second_dimension, row.second_member)


def why_cards(why: Why | None) -> list[Component]:
    """Show what changed the cost and who did, each adding up to the change."""
    if why is None or (not why.splits and why.terms is None):
        return []
    shown = money if why.unit == "nano_usd" else count
    halves = []
    if why.terms is not None:
        halves.append(card("What changed the cost", terms_table(why), className="half"))
    if why.splits:
        first, *others = why.splits
        more = [
            html.Details([html.Summary(_by(split)), split_table(split, shown)], className="more") for split in others
        ]
        unpriced = [html.P(f"{calls(why.unpriced_requests)} without a price are in no sum.", className="quiet")]
        body = [split_table(first, shown), *more, *(unpriced if why.unpriced_requests else [])]
        halves.append(card(f"Who changed it: {_by(first).lower()}", *body, className="half"))
    return halves


def terms_table(why: Why) -> Component:
    """Break the change of cost down; the lines add up to it exactly."""
    terms = why.terms or {}
    whole = sum(terms.values())
    largest = max((abs(nano) for nano in terms.values()), default=0)
    rows = [
        [TERMS.get(name, name), _signed(money, nano), _bar(nano, largest)]
        for name, nano in terms.items()
        if nano or name != "other"
    ]
    rows.append([html.Strong("Change"), html.Strong(_signed(money, whole)), ""])
    return table([("Through", ""), ("Dollars", "num"), (_AS_BAR, "bar wide")], rows, "What changed the cost")


def split_table(split: Split, shown: Any) -> Component:
    """Break the change down by the members of a dimension; the lines add up to it exactly."""
    largest = max((abs(part.change) for part in split.parts), default=0)
    rows: list[Sequence[Any]] = [
        [
            _member(part, split),
            shown(part.expected),
            shown(part.actual),
            _signed(shown, part.change),
            _bar(part.change, largest),
        ]
        for part in split.parts
    ]
    if split.rest_members or split.rest_change:
        others = f"{count(split.rest_members)} others" if split.rest_members else "Counted to nobody"
        rest = [shown(split.rest_expected), shown(split.rest_actual), _signed(shown, split.rest_change)]
        rows.append([others, *rest, _bar(split.rest_change, largest)])
    expected = sum(part.expected for part in split.parts) + split.rest_expected
    sums = [shown(expected), shown(expected + split.change), _signed(shown, split.change)]
    rows.append([html.Strong("All"), *(html.Strong(each) for each in sums), ""])
    name = split.dimension.replace("_", " ").capitalize()
    numbers = [("Expected", "num wide"), ("Actual", "num"), ("Change", "num"), (_AS_BAR, "bar wide")]
    columns = [(name, "name main"), *numbers]
    return table(columns, rows, f"Change {_by(split).lower()}")


def _member(part: Part, split: Split) -> list[Any]:
    mark = STANDINGS.get(part.standing)
    return [named(_name(part, split)), *([" ", badge(mark)] if mark else [])]


def _name(part: Part, split: Split) -> str:
    return f"without a {split.dimension.replace('_', ' ')}" if part.member is None else part.label or part.member


def _by(split: Split) -> str:
    return f"By {split.dimension.replace('_', ' ')}"


def _signed(shown: Any, amount: int) -> str:
    return f"{'+' if amount > 0 else ''}{shown(amount)}"


def _bar(amount: int, largest: int) -> Component:
    """Show a change as a bar, to the right where it is more and to the left where it is less."""
    share = 50 * abs(amount) / largest if largest else 0.0
    side = {"left": "50%"} if amount >= 0 else {"right": "50%"}
    kind = "delta more" if amount >= 0 else "delta less"
    return html.Span(
        html.Span(className=kind, style={**side, "width": f"{min(share, 50):.1f}%"}),
        className="delta-track",
        **{"aria-hidden": "true"},
    )


def history(detail: AnomalyDetail, zone: ZoneInfo) -> Component:
    """List what was said of it, the newest first."""
    row = detail.anomaly
    found = html.Li([html.Span(clock(row.found_at.astimezone(zone)), className="num"), html.Span("found")])
    return html.Ul([*(_note(note, zone) for note in reversed(detail.notes)), found], className="history")


def _note(note: AnomalyNote, zone: ZoneInfo) -> Component:
    who = note.said_by or "somebody"
    texts = [html.Span(clock(note.said_at.astimezone(zone)), className="num"), html.Span(f"{note.state}, says {who}")]
    return html.Li([*texts, *([html.Q(note.note)] if note.note else [])])


def explained(merged: Iterable[AnomalyRow]) -> list[Component]:
    """List the anomalies that it explains."""
    rows = list(merged)
    if not rows:
        return []
    first = sorted(rows, key=lambda row: -abs(row.at_stake_nano_usd or 0))
    rest = [merged_list(first[LISTED:])] if len(first) > LISTED else []
    return [card("What it explains besides", merged_rows(first[:LISTED]), *rest)]
