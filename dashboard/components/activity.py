"""Records in, rows that people read out: the same words for a call wherever it is shown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from dash.development.base_component import Component

from dashboard.components.parts import dot, link, named, table
from dashboard.filters import Filters
from dashboard.theme import UNKNOWN, ago, count, duration, money
from usage_plugin.event import CostConfidence
from usage_plugin.store.tables import UsageRecord

NO_TOKENS = UNKNOWN
_NOTHING_BILLED = (CostConfidence.CACHED.value, CostConfidence.FREE.value)


def recent_table(records: Iterable[UsageRecord], now: datetime, filters: Filters) -> Component:
    """Show the latest calls, each with a link to its detail."""
    columns = [("When", ""), ("Model", "name main"), ("Team", "name wide"), ("User", "name roomy"), ("Status", "tight")]
    numbers = [("Tokens", "num wide"), ("Latency", "num roomy"), ("Cost", "num")]
    rows = [_row(record, now, filters) for record in records]
    return table([*columns, *numbers], rows, "The latest calls")


def _row(record: UsageRecord, now: datetime, filters: Filters) -> list[Component | str]:
    href = f"/requests{filters.to_query()}#{record.event_key}"
    return [
        link(ago(now - record.completed_at), href),
        named(record.model or record.requested_model),
        named(record.team_alias or record.team_id),
        named(record.user_id),
        dot(record.status, f"status-{record.status}"),
        count(record.total_tokens),
        duration(record.latency_ms),
        cost_of(record),
    ]


def cost_of(record: UsageRecord) -> str:
    """Show a call's cost in a list, where nothing else says why it is zero."""
    is_nothing_billed = record.cost_nano_usd == 0 and record.cost_confidence in _NOTHING_BILLED
    return record.cost_confidence if is_nothing_billed else amount_of(record)


def amount_of(record: UsageRecord) -> str:
    """Show a call's cost with the mark of how it is known; unknown is a word, not a zero."""
    if record.cost_nano_usd is None:
        return "unpriced"
    marks = {CostConfidence.ESTIMATED.value: "≈ ", CostConfidence.PARTIAL.value: "≥ "}
    return f"{marks.get(record.cost_confidence, '')}{money(record.cost_nano_usd)}"
