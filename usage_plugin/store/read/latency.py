"""A Question in, 95th percentiles of latency out, worked out by the database from single calls."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, func, literal, select
from sqlmodel import col

from usage_plugin.store.read.answers import LatencySeries
from usage_plugin.store.read.question import Question
from usage_plugin.store.read.sql import answered, bucket_column, bucket_start, bucket_starts, matches, reading
from usage_plugin.store.tables import UsageRecord


def latency_p95_ms(engine: Engine, question: Question) -> float | None:
    """Give the latency that 95 % of the answered requests stayed within; ``None`` without such requests."""
    with reading(engine) as connection:
        row = connection.execute(_nearest_rank(question, literal("all"))).first()
    return None if row is None else float(row.latency_ms)


def latency_p95_series(engine: Engine, question: Question) -> LatencySeries:
    """Give the same per bucket."""
    query = _nearest_rank(question, bucket_column(UsageRecord, question.granularity))
    with reading(engine) as connection:
        found = {bucket_start(row.part): float(row.latency_ms) for row in connection.execute(query)}
    buckets = bucket_starts(question)
    return LatencySeries(buckets, tuple(found.get(bucket) for bucket in buckets))


def _nearest_rank(question: Question, part: ColumnElement[Any]) -> Select[Any]:
    """Take the ceil(0.95 n)-th smallest latency of each part: the same answer on every database."""
    latency = col(UsageRecord.latency_ms)
    # A row that counts several calls holds their mean, which says nothing about the slowest of them.
    alone = col(UsageRecord.calls) == 1
    parted = select(part.label("part"), latency).where(matches(UsageRecord, question), answered(), alone).subquery()
    rank = func.row_number().over(partition_by=parted.c.part, order_by=parted.c.latency_ms)
    count = func.count().over(partition_by=parted.c.part)
    ranked = select(parted, rank.label("rank"), count.label("count")).subquery()
    return select(ranked.c.part, ranked.c.latency_ms).where(ranked.c.rank == (ranked.c.count * 95 + 99) // 100)
