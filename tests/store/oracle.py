"""A database in, what its totals should be out, worked out call by call without the code that keeps them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, Table, select

from usage_plugin.event import TOKEN_FIELDS
from usage_plugin.store.tables import Totals, UsageDaily, UsageHourly, UsageRecord, table_of

EXACT = tuple(name for name in Totals.model_fields if name != "latency_ms_sum")
DIMENSIONS = ("organization_id", "team_id", "user_id", "model", "provider")
Place = tuple[Any, ...]
ByPlace = dict[Place, dict[str, Any]]


def expected(engine: Engine) -> tuple[ByPlace, ByPlace]:
    """Give daily and hourly totals by place, from the records."""
    days: defaultdict[Place, dict[str, Any]] = defaultdict(_nothing)
    hours: defaultdict[Place, dict[str, Any]] = defaultdict(_nothing)
    for record in _rows(engine, table_of(UsageRecord)):
        moment, status = record["completed_at"], record["status"]
        dimensions = _dimensions(record)
        for totals in (days[moment.date(), *dimensions], hours[_hour(moment), *dimensions, _key(record), status]):
            _count(totals, record)
    return _rounded(days), _rounded(hours)


def found(engine: Engine) -> tuple[ByPlace, ByPlace]:
    """Give daily and hourly totals by place, as they are kept."""
    days = {(row["day"], *_dimensions(row)): row for row in _rows(engine, table_of(UsageDaily))}
    hours = {
        (row["hour"], *_dimensions(row), row["api_key_hash"], row["status"]): row
        for row in _rows(engine, table_of(UsageHourly))
    }
    return _rounded(days), _rounded(hours)


def _rows(engine: Engine, table: Table) -> list[Mapping[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def _nothing() -> dict[str, Any]:
    return {**dict.fromkeys(EXACT, 0), "cost_nano_usd": None, "latency_ms_sum": 0.0}


def _rounded(places: Mapping[Place, Mapping[str, Any]]) -> ByPlace:
    """Keep the totals alone; only the sum of latencies is no integer."""
    return {
        place: {**{name: row[name] for name in EXACT}, "latency_ms_sum": round(row["latency_ms_sum"], 3)}
        for place, row in places.items()
    }


def _dimensions(row: Mapping[str, Any]) -> Place:
    return tuple(row[name] for name in DIMENSIONS)


def _hour(moment: Any) -> Any:
    return moment.replace(minute=0, second=0, microsecond=0)


def _key(record: Mapping[str, Any]) -> str | None:
    known = ("organization_id", "team_id", "user_id", "api_key_alias")
    unknown_caller = all(record[name] is None for name in known)
    key: str | None = record["api_key_hash"]
    return None if record["status"] == "rejected" and unknown_caller else key


def _count(totals: dict[str, Any], record: Mapping[str, Any]) -> None:
    calls, status, confidence = record["calls"], record["status"], record["cost_confidence"]
    if record["is_terminal"]:
        totals["requests"] += calls
        totals["failed_requests"] += calls if status in ("failure", "interrupted") else 0
        totals["rejected_requests"] += calls if status == "rejected" else 0
        totals["cached_requests"] += calls if record["cache_hit"] else 0
        totals["latency_ms_sum"] += 0 if status == "rejected" else record["latency_ms"] * calls
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
