"""Rules in, what each asks for in words, a list, a form and the result of a trial out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.form import button, choice_field, form, name_field, number_field, text_field
from dashboard.components.parts import badge, card, dot, link, named, table
from dashboard.metrics import metric_of
from dashboard.queries.rules import ABOVE, BELOW, LONGEST_NAME, Rules
from dashboard.scopes import dimension_words, scope_words
from dashboard.theme import UNKNOWN, brief, calls, lasting, measured, money
from usage_plugin.rules import METRICS, BackTest, BurnRate, Detector, NoData, Rule, RuleKind, Threshold
from usage_plugin.rules.rule import SEVERITIES

KINDS: Final = {
    RuleKind.THRESHOLD.value: "A limit is crossed",
    RuleKind.BURN_RATE.value: "Spent too fast",
    RuleKind.NO_DATA.value: "No calls come",
    RuleKind.DETECTOR.value: "The detector alarms",
}
DOTS: Final = {"critical": "status-failure", "warning": "status-interrupted", "info": ""}
FIELDS: Final = {
    "name": "value", "kind": "value", "metric": "value", "dimension": "value", "member": "value", "side": "value",
    "limit": "value", "period": "value", "windows": "value", "per_day": "value", "hours": "value", "least": "value",
    "severity": "value", "owner": "value", "is_enabled": "checked",
}  # fmt: skip
"""Each with the property that holds what was entered."""
OF_KIND: Final = {
    RuleKind.THRESHOLD.value: ("side", "limit", "period"),
    RuleKind.BURN_RATE.value: ("windows", "per_day"),
    RuleKind.NO_DATA.value: ("hours",),
    RuleKind.DETECTOR.value: ("period", "least"),
}
"""What each kind asks for; the other fields of these are out of sight."""
KIND_FIELDS: Final = tuple(dict.fromkeys(field for fields in OF_KIND.values() for field in fields))
COLUMNS: Final = (
    ("Rule", "title"), ("Fires when", "words wide"), ("Whose calls", "name wide"), ("Severity", ""),
)  # fmt: skip
MOST_FIRINGS: Final = 20


def rule_list(frame: Rules) -> list[Component]:
    """List the rules, or say what one is for."""
    broken = [
        html.P(f"Rule {name} was written by another version and cannot be read.", className="notice")
        for name in frame.broken
    ]
    if not frame.rules:
        return [*broken, no_rules()]
    rows = [_row(rule, frame.names.get(rule.id, "")) for rule in frame.rules]
    return [*broken, card("Rules", table(COLUMNS, rows, "Rules"), note="looked at each minute by the worker")]


def no_rules() -> Component:
    """Say what a rule does."""
    said = (
        "The detector learns by itself what is usual. A rule is for what you know better: a limit for the cost of a "
        "day or for errors, spend that runs too fast, or calls that stop. Try one below before you keep it."
    )
    return html.Section([html.H2("No rules yet"), html.P(said)], className="state-panel", role="status")


def _row(rule: Rule, name: str) -> list[Any]:
    said, scope = condition(rule), whose(rule, name)
    off = [] if rule.is_enabled else [" ", badge("switched off")]
    # Where there is no room for the other columns.
    short = html.Span(f"{said}, {scope}", className="beneath narrow")
    # By itself, since a link within a text would have to be told from it by more than its colour.
    title = html.Span(link(rule.name, f"/rules#{rule.id}"), className="apart")
    return [
        html.Span([title, *off, short], title=rule.name),
        named(said),
        named(scope),
        dot(rule.severity, DOTS.get(rule.severity, "")),
    ]


def whose(rule: Rule, name: str) -> str:
    """Say whose calls are watched: without a member each by itself."""
    if rule.member is None and rule.dimension != "total":
        return f"each {rule.dimension.replace('_', ' ')}"
    return scope_words(rule.dimension, rule.member, name)


def condition(rule: Rule) -> str:
    """Say when a rule fires."""
    metric = metric_of(rule.metric)
    match rule.settings:
        case Threshold(above=above, below=below, period=period):
            limit, side = (above, ABOVE) if above is not None else (below, BELOW)
            return (
                f"{metric.name} of {'an hour' if period == 'hour' else 'a day'} {side} {measured(limit, metric.unit)}"
            )
        case BurnRate(windows=windows, per_day=per_day):
            usual = "usual" if per_day is None else f"{measured(per_day, metric.unit)} a day"
            parts = " and ".join(f"{each.times:g} times {usual} in {lasting(each.length)}" for each in windows)
            return f"{metric.name} {parts}"
        case NoData(hours=hours):
            return f"No call for {hours} h, where there were some in the week before"
        case Detector(period=period, least=least):
            more = f", {measured(least, metric.unit)} or more beyond what was expected" if least else ""
            return f"Anomaly of {metric.name.lower()} by the {period}{more}"


def rule_form() -> Component:
    """Lay the fields out; a callback fills them and hides what the kind does not ask for."""
    part = ids.rule
    metrics = {name: metric_of(name).name for name in METRICS}
    fields = [
        text_field(part("name"), "Name", hint="Messages name it", most=LONGEST_NAME),
        choice_field(part("kind"), "Fires when", KINDS, hint="What it looks at"),
        choice_field(part("metric"), "Of what", metrics, hint="The measure"),
        choice_field(part("dimension"), "Whose calls", dimension_words(), hint="What they are of", searchable=True),
        name_field(part("member"), "Which one", hint="Empty: each by itself"),
        _of_kind("side", choice_field(part("side"), "Side", (ABOVE, BELOW), hint="Of the limit")),
        _of_kind("limit", number_field(part("limit"), "Limit", hint="Dollars, calls, ms, or 0.05 for 5 %")),
        _of_kind("period", choice_field(part("period"), "Of each", ("hour", "day"), hint="Up to now")),
        _of_kind("windows", text_field(part("windows"), "Windows", hint="Minutes x times: 60 x 14, 5 x 14", most=100)),
        _of_kind("per_day", number_field(part("per_day"), "Allowed a day", hint="Empty: what is usual")),
        _of_kind(
            "hours", number_field(part("hours"), "Hours", hint="Of silence", least=1, most=168, allowDecimal=False)
        ),
        _of_kind("least", number_field(part("least"), "Least", hint="Beyond what was expected")),
        choice_field(part("severity"), "Severity", SEVERITIES, hint="Who is told depends on it"),
        text_field(part("owner"), "Owner", hint="Who is told", most=LONGEST_NAME),
        dmc.Switch(id=part("is_enabled"), label="Counts", size="xs", className="field switch-field"),
        html.Div(
            [
                button(ids.RULE_TRY, "Try it on the last 90 days", "primary"),
                button(ids.RULE_SAVE, "Save"),
                button(ids.RULE_REMOVE, "Remove it", "danger"),
            ],
            className="buttons full-row",
        ),
    ]
    return form(ids.RULE_FORM, *fields, note_id=ids.RULE_SAID)


def _of_kind(field: str, control: Component) -> Component:
    return html.Div(control, id=ids.rule_box(field))


def verdict(found: BackTest) -> str:
    """Say in a sentence how often a rule would have fired."""
    number, days = len(found.firings), max((found.until - found.since).days, 1)
    times = "once" if number == 1 else f"{number} times"
    is_money = found.rule.metric in ("cost", "cost_per_request")
    is_whole = not is_money or not found.unpriced_requests
    unpriced = "" if is_whole else f" {calls(found.unpriced_requests)} without a known price count for nothing."
    if not number:
        return f"Would not have fired in the last {days} days.{unpriced}"
    dollars = found.at_stake_nano_usd
    stake = "" if dollars is None else f", {money(dollars)} beyond what is allowed or expected"
    return f"Would have fired {times} in the last {days} days{stake}.{unpriced}"


def firing_list(found: BackTest, zone: ZoneInfo) -> Component | None:
    """List when a rule would have fired, the newest first."""
    if not found.firings:
        return None
    metric = metric_of(found.rule.metric)
    columns: Sequence[tuple[Any, str]] = (
        ("From", ""), ("Who", "name main"), ("For", ""), ("Worst", "num"), ("Limit", "num wide"),
        ("Spent meanwhile", "num wide"),
    )  # fmt: skip
    silent = isinstance(found.rule.settings, NoData)
    rows = [
        [
            brief(each.start.astimezone(zone)),
            named(each.label or scope_words(each.scope.dimension, each.scope.member)),
            lasting(each.end - each.start),
            f"{each.value:.0f} h" if silent else measured(each.value, metric.unit),
            UNKNOWN if each.limit is None else f"{each.limit:.0f} h" if silent else measured(each.limit, metric.unit),
            "unknown" if each.spent_nano_usd is None else money(each.spent_nano_usd),
        ]
        for each in found.firings[:MOST_FIRINGS]
    ]
    return table(columns, rows, "Firings")
