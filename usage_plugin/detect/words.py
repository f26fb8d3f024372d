"""An anomaly and why it happened in, sentences that a person understands out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from usage_plugin.analysis.why import Story, Terms, Unit, tell
from usage_plugin.detect.because import Told
from usage_plugin.detect.explanation import Why
from usage_plugin.detect.series import TOTAL, Metric
from usage_plugin.money import rounded_usd
from usage_plugin.store.analysis_tables import AnomalyRow

_UNITS: Final = {"nano_usd": Unit.NANO_USD, "tokens": Unit.TOKENS}
_NAMES: Final = {
    Metric.COST: "Cost",
    Metric.TOKENS: "Tokens",
    Metric.REQUESTS: "Requests",
    Metric.COST_PER_REQUEST: "Cost per request",
    Metric.TOKENS_PER_REQUEST: "Tokens per request",
    Metric.ERROR_RATE: "Error rate",
    Metric.CACHE_HIT_RATE: "Share of requests answered from the cache",
    Metric.LATENCY_P95: "Latency (95% of answers)",
}
_COUNTED: Final = {
    Metric.ERROR_RATE: "Failed requests",
    Metric.CACHE_HIT_RATE: "Answers from the cache",
    Metric.COST_PER_REQUEST: "In all",
    Metric.TOKENS_PER_REQUEST: "In all",
}
_ATTRIBUTES: Final = {"user_agent": "the program", "client_ip": "the network"}
_MS_PER_S: Final = 1000
_LONGEST_NAME: Final = 60


def headline(row: AnomalyRow, why: Why, zone: ZoneInfo, told: Told | None = None) -> str:
    """Tell an anomaly.

    Args:
        row: The anomaly.
        why: Its expected and actual in what adds up.
        zone: On whose wall clocks its time is said.
        told: Who drove it, where that is known.
    """
    metric = Metric(row.metric)
    if metric is Metric.USE:
        return _first_use(row, zone)
    what = f"{_NAMES[metric]} of {scope_name(row)} {when(row, zone)}"
    if metric.is_sum:
        return tell(_story(row, why, what, told))
    first = f"{what}: {_mean(metric, row.actual)} where {_mean(metric, row.expected)} was expected."
    return first if metric is Metric.LATENCY_P95 else f"{first} {tell(_story(row, why, _COUNTED[metric], told))}"


def scope_name(row: AnomalyRow) -> str:
    """Name whose calls it is about: ``key “search-prod”``, ``all calls``."""
    if row.dimension == TOTAL:
        return "all calls"
    first = _named(row.dimension, row.label or row.member)
    if row.second_dimension is None or row.metric == Metric.USE:
        return first
    return f"{_named(row.second_dimension, row.second_member)} of {first}"


def when(row: AnomalyRow, zone: ZoneInfo) -> str:
    """Say when it was, in days or hours of a zone: ``on 3 November from 09:00 to 15:00``."""
    start, end = row.started_at.astimezone(zone), row.ended_at.astimezone(zone)
    last = (end - timedelta(microseconds=1)).date()
    if row.granularity == "day":
        return f"on {_day(start)}" if last == start.date() else f"from {_day(start)} to {last.day} {last:%B}"
    if last == start.date():
        return f"on {_day(start)} from {start:%H:%M} to {end:%H:%M}"
    return f"from {_day(start)} {start:%H:%M} to {_day(end)} {end:%H:%M}"


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B}"


def _named(dimension: str, name: str | None) -> str:
    word = dimension.replace("_", " ")
    return f"calls without a {word}" if name is None else f"{word} “{_tidy(name)}”"


def _tidy(name: str) -> str:
    line = " ".join("".join(each if each.isprintable() else " " for each in name).split())
    return line if len(line) <= _LONGEST_NAME else f"{line[: _LONGEST_NAME - 1]}…"


def _story(row: AnomalyRow, why: Why, what: str, told: Told | None) -> Story:
    return Story(
        what=what,
        unit=_UNITS.get(why.unit, Unit.REQUESTS),
        expected=why.expected,
        actual=why.actual,
        at_stake_nano_usd=row.at_stake_nano_usd if why.unit != "nano_usd" else None,
        explanation=told.best if told else None,
        labels=told.labels if told else {},
        terms=Terms(**why.terms) if why.terms else None,
        unpriced_calls=why.unpriced_requests,
    )


def _mean(metric: Metric, value: float) -> str:
    if metric is Metric.COST_PER_REQUEST:
        return rounded_usd(round(value))
    if metric is Metric.LATENCY_P95:
        return f"{value / _MS_PER_S:,.1f} s"
    if metric is Metric.TOKENS_PER_REQUEST:
        return f"{value:,.0f}"
    return f"{value:.1%}"


def _first_use(row: AnomalyRow, zone: ZoneInfo) -> str:
    attribute = row.second_dimension or ""
    value = _tidy(row.second_member or "")
    what = f"{_ATTRIBUTES.get(attribute, attribute)} “{value}”"
    count = round(row.actual)
    calls = "1 request" if count == 1 else f"{count:,} requests"
    cost = "" if row.at_stake_nano_usd is None else f" for {rounded_usd(row.at_stake_nano_usd)}"
    verb = "is called from" if attribute in _ATTRIBUTES else "uses"
    name = scope_name(row)
    return f"{name[:1].upper()}{name[1:]} {verb} {what} for the first time: {calls}{cost} {when(row, zone)}."
