"""A question in, its answer from the raw records by plain SQL out: no code is shared with the door for reading.

The database adds up by quarter of an hour, which every time zone's hours and days are made of; the rest is dicts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, text

from usage_plugin.store.read import Choice, Dimension, Granularity, Question

Sums = dict[str, int | None]
Buckets = dict[datetime, Sums]

QUARTER_S = 900
COST = "cost_nano_usd"
_COLUMNS = {
    "team": "team_id",
    "organization": "organization_id",
    "user": "user_id",
    "key": "api_key_hash",
    "project": "project_id",
    "end_user": "end_user_id",
    "tag": "t.tag",
}
_TOKENS = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "input_uncached_tokens",
    "input_cache_read_tokens",
    "input_cache_write_5m_tokens",
    "input_image_tokens",
    "output_text_tokens",
    "output_reasoning_tokens",
)
_CONDITIONS = {
    "requests": "is_terminal",
    "failed_requests": "is_terminal AND status IN ('failure', 'interrupted')",
    "rejected_requests": "is_terminal AND status = 'rejected'",
    "cached_requests": "is_terminal AND cache_hit",
    "unpriced_requests": "cost_confidence = 'unpriced'",
    "estimated_requests": "cost_confidence = 'estimated'",
    "partial_requests": "cost_confidence = 'partial'",
    "unfinished_attempts": "NOT is_terminal",
}
_SUMS = {
    **{name: f"sum(CASE WHEN {condition} THEN calls ELSE 0 END)" for name, condition in _CONDITIONS.items()},
    **{name: f"sum({name})" for name in (*_TOKENS, "saved_cost_nano_usd", COST)},
    "estimated_cost_nano_usd": f"sum(CASE WHEN cost_confidence = 'estimated' THEN {COST} ELSE 0 END)",
    "partial_cost_nano_usd": f"sum(CASE WHEN cost_confidence = 'partial' THEN {COST} ELSE 0 END)",
}
NAMES = tuple(_SUMS)
_QUARTERS = {
    "sqlite": f"CAST(strftime('%s', completed_at) AS INTEGER) / {QUARTER_S}",
    "postgresql": f"CAST(floor(extract(epoch FROM completed_at) / {QUARTER_S}) AS bigint)",
}


def totals(engine: Engine, question: Question) -> Sums:
    """Add everything up."""
    (row,) = _rows(engine, f"SELECT {_sums()} {_from(question)}", question)
    return _read(row)


def buckets(engine: Engine, question: Question, zone: str) -> Buckets:
    """Add up by day or hour of a time zone."""
    quarter = _QUARTERS[engine.dialect.name]
    rows = _rows(engine, f"SELECT {quarter}, {_sums()} {_from(question)} GROUP BY 1", question)
    return _by_bucket(rows, question.granularity, zone)


def members(engine: Engine, question: Question) -> dict[Choice, Sums]:
    """Add up by the members of the split."""
    member = _column(question.group_by)
    rows = _rows(engine, f"SELECT {member}, {_sums()} {_from(question, member)} GROUP BY 1", question)
    return {row[0]: _read(row[1:]) for row in rows}


def buckets_of_members(engine: Engine, question: Question, zone: str) -> dict[Choice, Buckets]:
    """Add up by both."""
    member, quarter = _column(question.group_by), _QUARTERS[engine.dialect.name]
    query = f"SELECT {member}, {quarter}, {_sums()} {_from(question, member)} GROUP BY 1, 2"
    found: defaultdict[Choice, list[Sequence[Any]]] = defaultdict(list)
    for row in _rows(engine, query, question):
        found[row[0]].append(row[1:])
    return {value: _by_bucket(rows, question.granularity, zone) for value, rows in found.items()}


def latencies(engine: Engine, question: Question) -> list[tuple[int, float]]:
    """Give quarter and latency of each answered request, sorted by latency."""
    answered = "is_terminal AND status <> 'rejected' AND calls = 1"
    query = f"SELECT {_QUARTERS[engine.dialect.name]}, latency_ms {_from(question)} AND {answered} ORDER BY 2"
    return [(row[0], float(row[1])) for row in _rows(engine, query, question)]


def confidence(engine: Engine, question: Question) -> dict[str, tuple[int, int | None]]:
    """Count calls and add up costs by how the cost is known."""
    query = f"SELECT cost_confidence, sum(calls), sum({COST}) {_from(question)} GROUP BY 1"
    rows = _rows(engine, query, question)
    return {row[0]: (int(row[1]), None if row[2] is None else int(row[2])) for row in rows}


def bucket_of(quarter: int, granularity: Granularity, zone: str) -> datetime:
    """Give the start of the day or hour of a time zone that a quarter of an hour belongs to."""
    local = datetime.fromtimestamp(quarter * QUARTER_S, ZoneInfo(zone))
    if granularity is Granularity.DAY:
        return local.replace(hour=0, minute=0, fold=0).astimezone(UTC)
    return datetime.fromtimestamp(quarter * QUARTER_S - local.minute * 60, UTC)


def add(parts: Iterable[Sums]) -> Sums:
    """Add up; an unknown cost adds nothing, and unknown ones alone stay unknown."""
    total: Sums = {**dict.fromkeys(NAMES, 0), COST: None}
    for part in parts:
        for name, value in part.items():
            total[name] = value if total[name] is None else (total[name] or 0) + (value or 0)
    return total


def _by_bucket(rows: Iterable[Sequence[Any]], granularity: Granularity, zone: str) -> Buckets:
    found: defaultdict[datetime, list[Sums]] = defaultdict(list)
    for quarter, *sums in rows:
        found[bucket_of(quarter, granularity, zone)].append(_read(sums))
    return {bucket: add(parts) for bucket, parts in found.items()}


def _sums() -> str:
    return ", ".join(_SUMS.values())


def _read(values: Sequence[Any]) -> Sums:
    sums: Sums = {name: int(value or 0) for name, value in zip(NAMES, values, strict=True)}
    return {**sums, COST: None if values[NAMES.index(COST)] is None else sums[COST]}


def _column(dimension: Dimension) -> str:
    return _COLUMNS.get(dimension.value, dimension.value)


def _from(question: Question, member: str = "") -> str:
    tags = " LEFT JOIN usage_record_tag t ON t.event_key = r.event_key" if member == "t.tag" else ""
    conditions = ["completed_at >= :start", "completed_at < :end"]
    for dimension in question.choices:
        is_tag = dimension.value == "tag"
        conditions.append(
            "r.event_key IN (SELECT event_key FROM usage_record_tag WHERE tag = :tag)"
            if is_tag
            else f"{_column(dimension)} = :{dimension.value}"
        )
    return f"FROM usage_record r{tags} WHERE {' AND '.join(conditions)}"


def _rows(engine: Engine, query: str, question: Question) -> Sequence[Sequence[Any]]:
    chosen = {dimension.value: values[0] for dimension, values in question.choices.items()}
    moments: Mapping[str, Any] = {"start": question.start, "end": question.end}
    if engine.dialect.name == "sqlite":
        moments = {name: f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}" for name, moment in moments.items()}
    with engine.connect() as connection:
        return connection.execute(text(query), {**moments, **chosen}).all()
