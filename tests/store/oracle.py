"""A database in, what its totals should be out, worked out call by call without the code that keeps them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, Table, select

from usage_plugin.event import TOKEN_FIELDS
from usage_plugin.store.tables import Totals, UsageDaily, UsageRecord, table_of

TOTALS = tuple(Totals.model_fields)
DIMENSIONS = ("organization_id", "team_id", "user_id", "model", "provider")
Place = tuple[Any, ...]
ByPlace = dict[Place, dict[str, Any]]


def expected(engine: Engine) -> ByPlace:
    """Give daily totals by place, from the records."""
    days: defaultdict[Place, dict[str, Any]] = defaultdict(_nothing)
    for record in _rows(engine, table_of(UsageRecord)):
        _count(days[record["completed_at"].date(), *_dimensions(record)], record)
    return dict(days)


def found(engine: Engine) -> ByPlace:
    """Give daily totals by place, as they are kept."""
    rows = _rows(engine, table_of(UsageDaily))
    return {(row["day"], *_dimensions(row)): {name: row[name] for name in TOTALS} for row in rows}


def _rows(engine: Engine, table: Table) -> list[Mapping[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def _nothing() -> dict[str, Any]:
    return {**dict.fromkeys(TOTALS, 0), "cost_nano_usd": None}


def _dimensions(row: Mapping[str, Any]) -> Place:
    return tuple(row[name] for name in DIMENSIONS)


def _count(totals: dict[str, Any], record: Mapping[str, Any]) -> None:
    calls, status, confidence = record["calls"], record["status"], record["cost_confidence"]
    if record["is_terminal"]:
        totals["requests"] += calls
        totals["failed_requests"] += calls if status in ("failure", "interrupted") else 0
        totals["rejected_requests"] += calls if status == "rejected" else 0
        totals["cached_requests"] += calls if record["cache_hit"] else 0
    else:
        totals["unfinished_attempts"] += calls
    for kind in ("unpriced", "estimated", "partial"):
        totals[f"{kind}_requests"] += calls if confidence == kind else 0
    for name in (*TOKEN_FIELDS, "prompt_tokens", "completion_tokens", "total_tokens", "saved_cost_nano_usd"):
        totals[name] += record[name] or 0
    if record["cost_nano_usd"] is not None:
        totals["cost_nano_usd"] = (totals["cost_nano_usd"] or 0) + record["cost_nano_usd"]
        for kind in ("estimated", "partial"):
            totals[f"{kind}_cost_nano_usd"] += record["cost_nano_usd"] if confidence == kind else 0
