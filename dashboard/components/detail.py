"""One call in full in, its fields in groups and the arithmetic of its cost out."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from dash import html
from dash.development.base_component import Component

from dashboard.components.activity import amount_of
from dashboard.components.parts import badge, dot, table
from dashboard.queries.requests import Arithmetic
from dashboard.theme import UNKNOWN, decimals, duration, exact_dollars, full_count, moment, zoned
from usage_plugin.arithmetic import CostLine
from usage_plugin.event import TOKEN_FIELDS, CostConfidence
from usage_plugin.store.read import Price, RecordDetail
from usage_plugin.store.tables import UsageRecord

TOKEN_LABELS: Final = {name: name.replace("_tokens", "").replace("_", " ").capitalize() for name in TOKEN_FIELDS}
GROUPS: Final[dict[str, dict[str, str]]] = {
    "What": {
        "provider": "Provider", "model": "Model", "model_group": "Model group", "requested_model": "Requested model",
        "deployment_id": "Deployment", "service_tier": "Service tier", "call_type": "Call type", "route": "Route",
        "stream": "Streamed", "attempts": "Attempts", "fallbacks": "Fallbacks", "cache_hit": "Cache hit",
        "calls": "Calls in this row",
    },
    "Who": {
        "organization_id": "Organization", "team_alias": "Team", "team_id": "Team id", "user_id": "User",
        "api_key_alias": "Key", "api_key_hash": "Key hash", "project_id": "Project", "end_user_id": "End user",
        "feature": "Feature", "environment": "Environment", "user_agent": "User agent", "client_ip": "Client address",
    },
    "When": {
        "received_at": "Received", "started_at": "Started", "completed_at": "Ended", "created_at": "Recorded",
        "latency_ms": "Latency", "ttft_ms": "First token after", "queue_ms": "Queued for",
    },
    "Outcome": {
        "status": "Status", "error_class": "Error class", "error_code": "Error code",
        "rate_limit_type": "Rate limit", "unpriced_reason": "Unpriced because",
    },
    "Tokens": {
        "tokens_source": "Counted by", "prompt_tokens": "Input in all", "completion_tokens": "Output in all",
        "total_tokens": "Tokens in all", **TOKEN_LABELS,
        "input_characters": "Characters", "input_audio_seconds": "Audio seconds", "output_images": "Images",
        "search_units": "Searches",
    },
    "Identity": {
        "event_key": "Event key", "litellm_call_id": "LiteLLM call", "trace_id": "Trace", "session_id": "Session",
    },
}  # fmt: skip
REST_LABELS: Final = {CostConfidence.CACHED.value: "Answered from the cache", CostConfidence.FREE.value: "Not billed"}
REST_LABEL: Final = "Adjustment: tools, tiers, discounts, rounding"
TOGETHER: Final = "calls were counted together in this row: tokens and cost are sums, times are means."
CONFIDENCE_WORDS: Final = {
    CostConfidence.EXACT: "exact: the provider's own count times a known price",
    CostConfidence.ESTIMATED: "estimated: tokens or price were estimated",
    CostConfidence.PARTIAL: "partial: a part has no price, so at least this",
    CostConfidence.UNPRICED: "unpriced: nobody could say",
    CostConfidence.FREE: "free: nothing is billed",
    CostConfidence.CACHED: "cached: answered from the cache, nothing billed",
}


def detail_view(found: RecordDetail, worked_out: Arithmetic, zone: ZoneInfo) -> Component:
    """Show one call: what it cost and why, then every field, its moments on a zone's clocks."""
    record = found.record
    head = [
        html.P([dot(record.status, f"status-{record.status}"), record.model or UNKNOWN], className="detail-title"),
        html.P(
            [html.Span(amount_of(record), className="kpi-value num"), html.Span(_how_known(record))],
            className="detail-cost",
        ),
    ]
    if record.calls > 1:
        head.append(html.P(f"{full_count(record.calls)} {TOGETHER}", className="quiet"))
    tags = [html.Section([html.H3("Tags"), html.P([badge(tag) for tag in found.tags], className="tags")])]
    groups = [_group(name, fields, record, zone) for name, fields in GROUPS.items()]
    sums = arithmetic_table(worked_out, record, found.price, zone)
    return html.Div([*head, sums, *(tags if found.tags else []), *groups])


def missing_view(event_key: str) -> Component:
    """Say that a link leads to a call that is not there."""
    return html.P(f"There is no call {event_key} in this database. The link may come from a dashboard of another one.")


def arithmetic_table(worked_out: Arithmetic, record: UsageRecord, price: Price | None, zone: ZoneInfo) -> Component:
    """Show units x unit price = dollars, line by line, down to the cost."""
    columns = [("What", ""), ("Units", "num"), ("Unit price", "num"), ("Dollars", "num")]
    total, rest = worked_out.cost_usd, worked_out.rest_usd
    places = decimals([*(line.cost_usd for line in worked_out.lines), rest, total])
    prices = _unit_prices(worked_out.lines)
    rows = [_line(line, price, places) for line, price in zip(worked_out.lines, prices, strict=True)]
    if rest:
        rows.append([REST_LABELS.get(record.cost_confidence, REST_LABEL), "", "", exact_dollars(rest, places)])
    cost = "unpriced" if total is None else exact_dollars(total, places)
    rows.append([html.Strong("Cost"), "", "", html.Strong(cost)])
    parts = [html.H3("How the cost comes about"), table(columns, rows, "How the cost comes about")]
    return html.Section([*parts, html.P(_source(price, zone), className="quiet")])


def _line(line: CostLine, price: str, places: int) -> list[Any]:
    shown = html.Span(price, title=line.price_name)
    return [line.label, f"{line.units:,f}", shown, exact_dollars(line.cost_usd, places)]


def _unit_prices(lines: Sequence[CostLine]) -> list[str]:
    """Write the prices of tokens per million, and each unit's with decimals of its own."""
    million, per = Decimal(1_000_000), {"token": "1M"}
    scaled = [
        None if line.unit_price_usd is None else line.unit_price_usd * (million if line.unit in per else 1)
        for line in lines
    ]
    places = {
        unit: decimals(price for price, line in zip(scaled, lines, strict=True) if line.unit == unit)
        for unit in {line.unit for line in lines}
    }
    return [
        "no price" if price is None else f"{exact_dollars(price, places[line.unit])} / {per.get(line.unit, line.unit)}"
        for price, line in zip(scaled, lines, strict=True)
    ]


def _source(price: Price | None, zone: ZoneInfo) -> str:
    if price is None:
        return "No unit prices were known for this call."
    sources = {"litellm_price_map": "LiteLLM's price map", "deployment_config": "the deployment's own configuration"}
    known = sources.get(price.source, price.source)
    since = zoned(price.first_used_at.astimezone(zone))
    return f"Unit prices from {known} (LiteLLM {price.litellm_version}), first used {since}."


def _how_known(record: UsageRecord) -> str:
    return CONFIDENCE_WORDS.get(CostConfidence(record.cost_confidence), record.cost_confidence)


def _group(name: str, fields: dict[str, str], record: UsageRecord, zone: ZoneInfo) -> Component:
    pairs = [(label, _value(field, getattr(record, field), zone)) for field, label in fields.items()]
    items = [html.Div([html.Dt(label), html.Dd(value, className="num")]) for label, value in pairs if value is not None]
    heading = f"{name} ({zone.key})" if "completed_at" in fields else name
    return html.Section([html.H3(heading), html.Dl(items, className="fields")])


def _value(field: str, value: Any, zone: ZoneInfo) -> str | None:
    """Write a value in its unit; a field that a call has no value for is left out."""
    if value is None:
        return None
    if field.endswith("_at"):
        return moment(value.astimezone(zone))
    if field.endswith("_ms"):
        return duration(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return full_count(value) if isinstance(value, int) else str(value)
