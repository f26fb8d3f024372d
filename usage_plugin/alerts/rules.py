"""Rules that fire in, what somebody should hear of them out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final
from zoneinfo import ZoneInfo

from usage_plugin.alerts.finding import TOTAL, Finding, Severity, Source
from usage_plugin.analysis.why import unpriced_words
from usage_plugin.detect.series import Metric
from usage_plugin.money import NANO_PER_USD, rounded_usd
from usage_plugin.rules import BurnRate, Detector, Firing, NoData, Rule, Threshold
from usage_plugin.rules.rule import UNPRICED_SHARE
from usage_plugin.store.analysis_tables import AlertRow

_NAMES: Final = {
    Metric.COST.value: "cost",
    Metric.TOKENS.value: "tokens",
    Metric.REQUESTS.value: "requests",
    Metric.COST_PER_REQUEST.value: "cost per request",
    Metric.TOKENS_PER_REQUEST.value: "tokens per request",
    Metric.LATENCY_P95.value: "95th percentile of latency",
    Metric.ERROR_RATE.value: "error rate",
    Metric.CACHE_HIT_RATE.value: "cache hit rate",
    UNPRICED_SHARE: "share of calls without a price",
}
_DOLLARS: Final = (Metric.COST.value, Metric.COST_PER_REQUEST.value)
_SHARES: Final = (Metric.ERROR_RATE.value, Metric.CACHE_HIT_RATE.value, UNPRICED_SHARE)
_DAY_MINUTES: Final = 24 * 60


def rule_findings(rule: Rule, firings: Iterable[Firing], zone: ZoneInfo) -> list[Finding]:
    """Say for whom a rule fires.

    Args:
        rule: As it is kept.
        firings: That go on.
        zone: Whose wall clocks moments are told by.
    """
    return [_finding(rule, each, zone) for each in firings]


def is_about(rule: Rule, alert: AlertRow) -> bool:
    """Say whether an alert is of a rule as it is now: since then it may have been changed to look at something else."""
    is_its_scope = alert.dimension == rule.dimension and rule.member in (None, alert.member)
    return is_its_scope and json.loads(alert.details).get("kind") == rule.kind


def _finding(rule: Rule, firing: Firing, zone: ZoneInfo) -> Finding:
    scope, stake = firing.scope, firing.at_stake_nano_usd
    name = "all calls" if scope.dimension == TOTAL else f"{scope.dimension.replace('_', ' ')} “{firing.label}”"
    is_cost = rule.metric == Metric.COST and not isinstance(rule.settings, NoData)
    return Finding(
        source=Source.RULE,
        about=f"rule {rule.id} {scope.dimension} {scope.member}",
        source_id=rule.id,
        severity=Severity(rule.severity),
        title=f"{rule.name}: {_what(rule, firing)} ({name})",
        body=_body(rule, firing, name, zone),
        since=firing.start,
        dimension=scope.dimension,
        member=scope.member,
        label=firing.label or None,
        owner=rule.owner,
        details={
            "rule": rule.name,
            "kind": rule.kind.value,
            "metric": rule.metric,
            "actual_usd" if is_cost else "actual": firing.value,
            "limit_usd" if is_cost else "limit": firing.limit,
            "spent_usd": None if firing.spent_nano_usd is None else firing.spent_nano_usd / NANO_PER_USD,
            "unpriced_requests": firing.unpriced_requests,
        },
        at_stake_nano_usd=stake,
    )


def _what(rule: Rule, firing: Firing) -> str:
    given = rule.settings
    if isinstance(given, NoData):
        return f"no call for {firing.value:.0f} hours"
    value = _amount(rule, firing.value)
    if isinstance(given, Threshold):
        side, limit = ("above", given.above) if given.above is not None else ("below", given.below)
        return f"{_NAMES[rule.metric]} of the {given.period} is {value}, {side} {_amount(rule, limit or 0.0)}"
    if isinstance(given, BurnRate):
        longest = max(given.windows, key=lambda each: each.minutes)
        return f"{value} in {_length(longest.minutes)}"
    return f"{_NAMES[rule.metric]} of the {given.period} is {value}, which is not as expected"


def _body(rule: Rule, firing: Firing, name: str, zone: ZoneInfo) -> str:
    given = rule.settings
    said = [f"{_what(rule, firing)[:1].upper()}{_what(rule, firing)[1:]}, for {name}."]
    if isinstance(given, BurnRate):
        allowed = "usual" if given.per_day is None else f"allowed by {_amount(rule, given.per_day)} a day"
        windows = " and ".join(f"{each.times:g} times in {_length(each.minutes)}" for each in given.windows)
        said.append(f"The rule is {windows} of what is {allowed}; that is {_amount(rule, firing.limit or 0.0)}.")
    if isinstance(given, Detector) and firing.limit is not None:
        said.append(f"Up to {_amount(rule, firing.limit)} was to be expected.")
    if firing.at_stake_nano_usd:
        said.append(f"{rounded_usd(abs(firing.at_stake_nano_usd))} are at stake so far.")
    if firing.unpriced_requests and rule.metric in _DOLLARS and not isinstance(given, NoData):
        said.append(unpriced_words(firing.unpriced_requests))
    said.append(f"It has been so since {firing.start.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key}).")
    return " ".join(said)


def _amount(rule: Rule, value: float) -> str:
    if rule.metric in _DOLLARS:
        return rounded_usd(round(value * NANO_PER_USD))
    if rule.metric in _SHARES:
        return f"{value:.1%}"
    return f"{value:,.0f} ms" if rule.metric == Metric.LATENCY_P95 else f"{value:,.0f}"


def _length(minutes: int) -> str:
    for size, unit in ((_DAY_MINUTES, "days"), (60, "hours")):
        if minutes >= 2 * size and minutes % size == 0:
            return f"{minutes // size} {unit}"
    return f"{minutes} minutes"
