"""A Question in, usage added up out: in all, per bucket, and split by a dimension."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Engine, case, func, literal, select
from sqlmodel import col

from usage_plugin.event import CostConfidence, Status
from usage_plugin.store.read.answers import (
    USAGE_FIELDS,
    ConfidenceSplit,
    CostSeries,
    Member,
    Series,
    Share,
    Stack,
    Usage,
)
from usage_plugin.store.read.question import Dimension, Granularity, Question
from usage_plugin.store.read.sql import (
    FAILED,
    bucket_column,
    bucket_start,
    bucket_starts,
    hourly_sums,
    key_column,
    label_column,
    matches,
    reading,
    usage_of,
)
from usage_plugin.store.tables import UsageHourly, UsageRecord

NANO_PER_USD = 1e9


def totals(engine: Engine, question: Question) -> Usage:
    """Add everything up, to the second: whole hours from the hourly totals, the ragged ends from the records."""
    first, last = Granularity.HOUR.ceil(question.start), Granularity.HOUR.floor(question.end)
    with reading(engine) as connection:
        if first > last:
            return _sum_of_records(connection, question)
        hours = select(*hourly_sums()).where(matches(UsageHourly, question.between(first, last)))
        return (
            usage_of(connection.execute(hours).first())
            + _sum_of_records(connection, question.between(question.start, first))
            + _sum_of_records(connection, question.between(last, question.end))
        )


def series(engine: Engine, question: Question) -> Series:
    """Add up per bucket. Buckets that no call fell into are there too, empty."""
    bucket = bucket_column(UsageHourly, question.granularity).label("bucket")
    query = select(bucket, *hourly_sums()).where(_whole_hours(question)).group_by(bucket)
    with reading(engine) as connection:
        found = {bucket_start(row.bucket): usage_of(row) for row in connection.execute(query)}
    buckets = bucket_starts(question)
    return Series(buckets, _fill(buckets, found))


def stack(engine: Engine, question: Question, *, top: int) -> Stack:
    """Add up per bucket and member of ``question.group_by``; members beyond the *top* become one "other"."""
    ranked = members(engine, question)
    largest = [member for member, _ in ranked[:top]]
    bucket = bucket_column(UsageHourly, question.granularity).label("bucket")
    place = _place_of(question.group_by, largest).label("place")
    query = select(bucket, place, *hourly_sums()).where(_whole_hours(question)).group_by(bucket, place)
    found: defaultdict[int, dict[datetime, Usage]] = defaultdict(dict)
    with reading(engine) as connection:
        for row in connection.execute(query):
            found[row.place][bucket_start(row.bucket)] = usage_of(row)
    buckets = bucket_starts(question)
    rows = tuple(_fill(buckets, found[place]) for place in range(len(largest)))
    rest = len(ranked) - len(largest)
    return Stack(buckets, tuple(largest), rows, _fill(buckets, found[-1]) if rest else None, rest)


def shares(engine: Engine, question: Question, *, top: int) -> tuple[Share, ...]:
    """Split the asked time by ``question.group_by``, largest first, the rest as one; the parts add up to the whole."""
    ranked = members(engine, question)
    largest = tuple(Share(member, usage) for member, usage in ranked[:top])
    rest = sum((usage for _, usage in ranked[top:]), Usage())
    return largest if len(ranked) <= top else (*largest, Share(None, rest))


def members(engine: Engine, question: Question) -> list[tuple[Member, Usage]]:
    """Give every member of ``question.group_by`` with its usage, by cost and then by requests, largest first."""
    key = key_column(UsageHourly, question.group_by).label("key")
    name = func.max(label_column(UsageHourly, question.group_by)).label("name")
    query = select(key, name, *hourly_sums()).where(_whole_hours(question)).group_by(key)
    with reading(engine) as connection:
        found = [(Member(row.key, row.name or row.key or ""), usage_of(row)) for row in connection.execute(query)]
    return sorted(found, key=_by_size)


def confidence(engine: Engine, question: Question) -> ConfidenceSplit:
    """Count requests and attempts, and add up their costs, by how the cost is known."""
    known_as = col(UsageRecord.cost_confidence)
    query = select(known_as, func.sum(UsageRecord.calls), func.sum(UsageRecord.cost_nano_usd))
    with reading(engine) as connection:
        rows = connection.execute(query.where(matches(UsageRecord, question)).group_by(known_as)).all()
    return ConfidenceSplit(
        requests={row[0]: int(row[1]) for row in rows},
        cost_nano_usd={row[0]: int(row[2]) for row in rows if row[2] is not None},
    )


def cost_series(engine: Engine, question: Question) -> CostSeries:
    """Give dollars per bucket as an array: 0 where there was no call, NaN where there were and none has a price."""
    found = series(engine, question)
    dollars = [
        usage.cost_nano_usd / NANO_PER_USD if usage.cost_nano_usd is not None else (0.0 if usage.is_empty else np.nan)
        for usage in found.usage
    ]
    called = np.array([not usage.is_empty for usage in found.usage], dtype=np.bool_)
    return CostSeries(found.buckets, np.array(dollars, dtype=np.float64), called)


def _whole_hours(question: Question) -> ColumnElement[bool]:
    hour = Granularity.HOUR
    return matches(UsageHourly, question.between(hour.floor(question.start), hour.ceil(question.end)))


def _fill(buckets: Iterable[datetime], found: dict[datetime, Usage]) -> tuple[Usage, ...]:
    nothing = Usage()
    return tuple(found.get(bucket, nothing) for bucket in buckets)


def _by_size(entry: tuple[Member, Usage]) -> tuple[int, int, str]:
    member, usage = entry
    return -(usage.cost_nano_usd or 0), -usage.requests, member.label


def _place_of(dimension: Dimension, largest: Sequence[Member]) -> ColumnElement[Any]:
    """Number the largest members from 0, everything else -1."""
    key = key_column(UsageHourly, dimension)
    conditions = [
        (key.is_(None) if member.value is None else key == member.value, place) for place, member in enumerate(largest)
    ]
    return case(*conditions, else_=-1) if conditions else literal(-1)


def _sum_of_records(connection: Connection, question: Question) -> Usage:
    if question.start >= question.end:
        return Usage()
    query = select(*_record_sums()).where(matches(UsageRecord, question))
    return usage_of(connection.execute(query).first())


def _record_sums() -> list[Any]:
    """Give the same sums from single records, as the hourly totals are defined."""
    done, status = col(UsageRecord.is_terminal), col(UsageRecord.status)
    known_as, cost = col(UsageRecord.cost_confidence), col(UsageRecord.cost_nano_usd)
    rejected = status == Status.REJECTED.value
    counted = {
        "requests": done,
        "failed_requests": done & status.in_(FAILED),
        "rejected_requests": done & rejected,
        "cached_requests": done & col(UsageRecord.cache_hit),
        "unpriced_requests": known_as == CostConfidence.UNPRICED.value,
        "estimated_requests": known_as == CostConfidence.ESTIMATED.value,
        "partial_requests": known_as == CostConfidence.PARTIAL.value,
        "unfinished_attempts": ~done,
    }
    calls = col(UsageRecord.calls)
    special: dict[str, Any] = {name: case((condition, calls), else_=0) for name, condition in counted.items()}
    special["latency_ms_sum"] = case((done & ~rejected, col(UsageRecord.latency_ms) * calls), else_=0.0)
    special["estimated_cost_nano_usd"] = case((counted["estimated_requests"], cost), else_=0)
    special["partial_cost_nano_usd"] = case((counted["partial_requests"], cost), else_=0)
    plain = {name: getattr(UsageRecord, name) for name in USAGE_FIELDS if name not in special}
    return [func.sum({**plain, **special}[name]).label(name) for name in USAGE_FIELDS]
