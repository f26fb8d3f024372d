"""Events in, totals per bucket and dimensions out: a fold that can be split anywhere and merged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Table, case
from sqlalchemy.dialects import postgresql, sqlite

from usage_plugin.event import TOKEN_FIELDS, CostConfidence, Status, UsageEvent
from usage_plugin.store.tables import Totals, UsageDaily, UsageHourly, table_of

Row = dict[str, Any]
TOTAL_FIELDS = tuple(Totals.model_fields)
COST = "cost_nano_usd"
# Names that follow an id; they are not part of the key, and the last one known is kept.
ALIASES = ("team_alias", "api_key_alias")
DAILY_KEY = ("day", "organization_id", "team_id", "user_id", "model", "provider")
HOURLY_KEY = ("hour", "organization_id", "team_id", "user_id", "api_key_hash", "model", "provider", "status")


def add_to_rollups(connection: Connection, events: Iterable[UsageEvent]) -> None:
    """Add events that are new to the store to its totals, in the caller's transaction."""
    known = list(events)
    for table, rows in ((UsageDaily, fold(known, _daily)), (UsageHourly, fold(known, _hourly))):
        _upsert(connection, table_of(table), rows)


def fold(events: Iterable[UsageEvent], place: Callable[[UsageEvent], Row]) -> list[Row]:
    """Add events up per place.

    Args:
        events: Any events, in any order.
        place: Gives the bucket and the dimensions of an event, ``rollup_key`` included.

    Returns:
        One row per distinct key, sorted by key so that two writers lock in the same order.
    """
    rows: dict[str, Row] = {}
    for event in events:
        where = place(event)
        row = rows.setdefault(where["rollup_key"], {**where, **dict.fromkeys(TOTAL_FIELDS, 0), COST: None})
        _add(row, where, event)
    return [rows[key] for key in sorted(rows)]


def _add(row: Row, where: Row, event: UsageEvent) -> None:
    for name, value in totals_of(event).items():
        if value is not None:
            row[name] = (row[name] or 0) + value
    for alias in ALIASES:
        if where.get(alias) is not None:
            row[alias] = where[alias]


def totals_of(event: UsageEvent) -> Row:
    """Give what one event adds to each total; ``None`` where it adds nothing that is known."""
    cost, confidence, terminal = event.cost.cost_nano_usd, event.cost.confidence, event.is_terminal
    rejected = terminal and event.status is Status.REJECTED
    return {
        "requests": int(terminal),
        "failed_requests": int(terminal and event.status in (Status.FAILURE, Status.INTERRUPTED)),
        "rejected_requests": int(rejected),
        "cached_requests": int(terminal and event.cache_hit),
        "unpriced_requests": int(confidence is CostConfidence.UNPRICED),
        "estimated_requests": int(confidence is CostConfidence.ESTIMATED),
        "partial_requests": int(confidence is CostConfidence.PARTIAL),
        "unfinished_attempts": int(not terminal),
        "prompt_tokens": event.tokens.prompt_tokens,
        "completion_tokens": event.tokens.completion_tokens,
        "total_tokens": event.tokens.total_tokens,
        **{name: getattr(event.tokens, name) for name in TOKEN_FIELDS},
        "latency_ms_sum": event.timing.latency_ms if terminal and not rejected else 0.0,
        COST: cost,
        "estimated_cost_nano_usd": cost if confidence is CostConfidence.ESTIMATED else 0,
        "partial_cost_nano_usd": cost if confidence is CostConfidence.PARTIAL else 0,
        "saved_cost_nano_usd": event.cost.saved_cost_nano_usd,
    }


def _daily(event: UsageEvent) -> Row:
    return _place(event, DAILY_KEY, day=event.timing.completed_at.date())


def _hourly(event: UsageEvent) -> Row:
    hour = event.timing.completed_at.replace(minute=0, second=0, microsecond=0)
    return _place(event, HOURLY_KEY, hour=hour)


def _place(event: UsageEvent, key_fields: tuple[str, ...], **bucket: date | datetime) -> Row:
    who = event.who
    known: Row = {
        **bucket,
        "organization_id": who.organization_id,
        "team_id": who.team_id,
        "user_id": who.user_id,
        "api_key_hash": who.api_key_hash,
        "model": event.model,
        "provider": event.provider,
        "status": str(event.status),
    }
    key = {name: known[name] for name in key_fields}
    aliases = {"team_alias": who.team_alias}
    if "api_key_hash" in key:
        aliases["api_key_alias"] = who.api_key_alias
    return {"rollup_key": rollup_key(key), **key, **aliases}


def rollup_key(key: Row) -> str:
    """Hash a bucket and its dimensions to a fixed length; an unset dimension differs from an empty one."""
    parts = (f"{name}={value.isoformat() if isinstance(value, date) else value!r}" for name, value in key.items())
    return hashlib.blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _upsert(connection: Connection, table: Table, rows: list[Row]) -> None:
    if not rows:
        return
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    new, old = insert.excluded, table.c
    sums: Row = {name: old[name] + new[name] for name in TOTAL_FIELDS if name != COST}
    sums[COST] = case((new[COST].is_(None), old[COST]), (old[COST].is_(None), new[COST]), else_=old[COST] + new[COST])
    for alias in ALIASES:
        if alias in old:
            sums[alias] = case((new[alias].is_(None), old[alias]), else_=new[alias])
    connection.execute(insert.on_conflict_do_update(index_elements=["rollup_key"], set_=sums), rows)
