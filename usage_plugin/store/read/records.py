"""A Question in, single calls out: the newest, a page of them, or one in full."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from usage_plugin.store.calls import UsageCall
from usage_plugin.store.read.answers import Newest, Page, Price, RecordDetail
from usage_plugin.store.read.question import Question
from usage_plugin.store.read.sql import matches, reading
from usage_plugin.store.tables import PriceSnapshotRow, UsageRecord, UsageRecordTag, table_of

SORTABLE = frozenset(UsageRecord.model_fields)


@dataclass(frozen=True, slots=True)
class Order:
    """By which column records are sorted; calls that have no such value come last."""

    column: str = "completed_at"
    descending: bool = True


def records(
    engine: Engine, question: Question, *, offset: int = 0, limit: int = 100, order: Order | None = None
) -> Page:
    """Give a page of the matching calls and attempts, newest first unless *order* says otherwise.

    Args:
        engine: Of a migrated database.
        question: Which calls.
        offset: How many to leave out.
        limit: How many to give at most.
        order: By a column of ``usage_record``; any other is ignored.
    """
    wanted = order if order is not None and order.column in SORTABLE else Order()
    column = getattr(UsageRecord, wanted.column)
    direction = column.desc() if wanted.descending else column.asc()
    newest_first = col(UsageRecord.id).desc() if wanted.descending else col(UsageRecord.id).asc()
    query = select(UsageRecord).where(matches(question))
    page = query.order_by(direction.nulls_last(), newest_first).offset(offset).limit(limit)
    with reading(engine) as connection, Session(connection) as session:
        total = session.scalar(select(func.count()).select_from(UsageRecord).where(matches(question)))
        return Page(tuple(session.scalars(page)), int(total or 0))


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
        price = Price.from_row(row, _read_prices(row.prices_usd)) if row else None
        return RecordDetail(record, tags, price)


def newest(engine: Engine) -> Newest:
    """Say which record was stored last, and when the latest call ended."""
    # Each by itself, of the calls alone: so both are found at the end of an index.
    call = table_of(UsageCall).c
    query = select(select(func.max(call.id)).scalar_subquery(), select(func.max(call.completed_at)).scalar_subquery())
    with reading(engine) as connection:
        row_id, completed_at = connection.execute(query).one()
    return Newest(row_id or 0, completed_at)


def _read_prices(text: str) -> Mapping[str, Decimal]:
    return {name: Decimal(value) for name, value in json.loads(text).items()}
