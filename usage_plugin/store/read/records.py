"""A Question in, single calls out: the newest, a page of them, or one in full."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Engine, UnaryExpression, and_, false, func, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from usage_plugin.store.calls import UsageCall
from usage_plugin.store.read.answers import Newest, Page, Price, RecordDetail
from usage_plugin.store.read.question import Granularity, Question
from usage_plugin.store.read.sql import matches, reading
from usage_plugin.store.read.usage import series
from usage_plugin.store.tables import PriceSnapshotRow, UsageRecord, UsageRecordTag, table_of

SORTABLE = frozenset(UsageRecord.model_fields)
# More rows than anybody scrolls through; to skip as many takes some hundredths of a second.
MOST_LISTED = 10_000
# By another column than time all of them have to be found first, among calls that do not match.
MOST_SORTED = 1000
# SQLite takes expressions of a thousand parts.
MOST_STRETCHES = 400
LONGEST_BY_HOUR = timedelta(days=100)
Stretch = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Extent:
    """How many calls and attempts match, and the stretches of time that they all lie in."""

    calls: int
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """By which column records are sorted; calls that have no such value come last."""

    column: str = "completed_at"
    descending: bool = True

    @property
    def most(self) -> int:
        """How many of the newest calls are listed in this order."""
        return MOST_LISTED if self == Order() else MOST_SORTED


def extent(engine: Engine, question: Question) -> Extent:
    """Say how many calls match and in which hours they were, as sheets tell without reading any."""
    if question.is_hopeless:
        return Extent(0, ())
    hourly = question.end - question.start <= LONGEST_BY_HOUR
    found = series(engine, replace(question, granularity=Granularity.HOUR if hourly else Granularity.DAY))
    counts = [usage.requests + usage.unfinished_attempts for usage in found.usage]
    ends = [*found.buckets[1:], question.end]
    used = list[Stretch]()
    for start, end, calls in zip(found.buckets, ends, counts, strict=True):
        if calls and used and used[-1][1] == start:
            used[-1] = (used[-1][0], end)
        elif calls:
            used.append((start, end))
    return Extent(sum(counts), _worthwhile(used))


def _worthwhile(stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """Keep stretches apart only where they leave most of the time out: one is gone through in order."""
    if not stretches:
        return ()
    whole = (stretches[0][0], stretches[-1][1])
    covered = sum((end - start for start, end in stretches), timedelta())
    is_sparse = len(stretches) <= MOST_STRETCHES and covered < (whole[1] - whole[0]) / 2
    return tuple(stretches) if is_sparse else (whole,)


def records(
    engine: Engine,
    question: Question,
    *,
    offset: int = 0,
    limit: int = 100,
    order: Order | None = None,
    within: Extent | None = None,
) -> Page:
    """Give a page of the matching calls and attempts, newest first unless *order* says otherwise.

    Args:
        engine: Of a migrated database.
        question: Which calls.
        offset: How many to leave out.
        limit: How many to give at most.
        order: By a column of ``usage_record``; any other is ignored.
        within: The question's `extent`: as many of the newest calls are listed as *order* says, and they are not
            counted again. Without it all that match are.
    """
    wanted = order if order is not None and order.column in SORTABLE else Order()
    query = select(UsageRecord).where(*_meant(question, wanted, within)).order_by(*_sorting(wanted))
    with reading(engine) as connection, Session(connection) as session:
        rows = tuple(session.scalars(query.offset(offset).limit(limit)))
        if within is None:
            total = session.scalar(select(func.count()).select_from(UsageRecord).where(matches(question))) or 0
        else:
            total = min(within.calls, wanted.most) if len(rows) == limit else offset + len(rows)
        return Page(rows, total)


def _meant(question: Question, order: Order, within: Extent | None) -> list[ColumnElement[bool]]:
    """Say which rows are sorted. Those of calls that were counted together are fewer than their calls."""
    if within is None:
        return [matches(question)]
    moment = col(UsageRecord.completed_at)
    inside = or_(*(and_(moment >= start, moment < end) for start, end in within.stretches), false())
    meant = [matches(question), inside]
    if within.calls <= order.most or order == Order():
        return meant
    newest = select(col(UsageRecord.id)).where(*meant).order_by(*_sorting(Order())).limit(order.most)
    return [col(UsageRecord.id).in_(newest)]


def _sorting(order: Order) -> tuple[UnaryExpression[Any], ...]:
    column, row = getattr(UsageRecord, order.column), col(UsageRecord.id)
    direction = column.desc() if order.descending else column.asc()
    return direction.nulls_last(), row.desc() if order.descending else row.asc()


def recent(engine: Engine, question: Question, *, limit: int) -> tuple[UsageRecord, ...]:
    """Give the calls of the asked time that ended last."""
    query = select(UsageRecord).where(matches(question))
    newest = query.order_by(col(UsageRecord.completed_at).desc(), col(UsageRecord.id).desc()).limit(limit)
    with reading(engine) as connection, Session(connection) as session:
        return tuple(session.scalars(newest))


def record_detail(engine: Engine, event_key: str) -> RecordDetail | None:
    """Give everything that is known about one call, or ``None`` where there is no such call."""
    with reading(engine) as connection, Session(connection) as session:
        record = session.scalar(select(UsageRecord).where(col(UsageRecord.event_key) == event_key))
        if record is None:
            return None
        of_record = select(col(UsageRecordTag.tag)).where(col(UsageRecordTag.event_key) == event_key)
        tags = tuple(session.scalars(of_record.order_by(col(UsageRecordTag.tag))))
        row = session.get(PriceSnapshotRow, record.price_key) if record.price_key else None
        price = Price.from_row(row, read_prices(row.prices_usd)) if row else None
        return RecordDetail(record, tags, price)


def newest(engine: Engine) -> Newest:
    """Say which record was stored last, and when the latest call ended."""
    # Each by itself, of the calls alone: so both are found at the end of an index.
    call = table_of(UsageCall).c
    query = select(select(func.max(call.id)).scalar_subquery(), select(func.max(call.completed_at)).scalar_subquery())
    with reading(engine) as connection:
        row_id, completed_at = connection.execute(query).one()
    return Newest(row_id or 0, completed_at)


def read_prices(text: str) -> Mapping[str, Decimal]:
    """Read the unit prices of a snapshot as they are kept."""
    return {name: Decimal(value) for name, value in json.loads(text).items()}
