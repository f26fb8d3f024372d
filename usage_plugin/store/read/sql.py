"""The pieces that every query over single calls is made of: columns of dimensions, conditions and sums."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Engine, and_, case, cast, exists, false, func, or_
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from usage_plugin.event import CostConfidence, Status
from usage_plugin.store.calls import UsageCall, UsageTag
from usage_plugin.store.database import unavailable
from usage_plugin.store.dimensions import COLUMNS, LABELS, Dimension
from usage_plugin.store.read.question import Choice, Question
from usage_plugin.store.rows import TOKEN_COLUMNS
from usage_plugin.store.sheets.columns import FREE, FROM_CACHE
from usage_plugin.store.snapshot import snapshot
from usage_plugin.store.tables import UsageRecord, table_of

FAILED = (Status.FAILURE.value, Status.INTERRUPTED.value)
# Other names for calls and tags, beside those that a query may be split by.
_TAGGED, _TAG = table_of(UsageCall).alias("tagged").c, table_of(UsageTag).alias("tag_of").c
_KNOWN_BY = ("organization_id", "team_id", "user_id", "api_key_alias")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that sees one moment; its errors become one line that names the database.

    Raises:
        StoreUnavailable: The database does not answer, or lacks a table.
    """
    try:
        with snapshot(engine) as connection:
            yield connection
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from error


def dimension_column(dimension: Dimension) -> Any:
    """Give the column that tells the members of a dimension apart; tags are rows of their own table.

    A refused caller's key counts as none where nobody knows the caller, as in all totals.
    """
    if dimension is Dimension.TAG:
        return col(UsageTag.tag)
    plain = getattr(UsageRecord, COLUMNS[dimension])
    if dimension is not Dimension.KEY:
        return plain
    unknown = (getattr(UsageRecord, name).is_(None) for name in _KNOWN_BY)
    return case((and_(col(UsageRecord.status) == Status.REJECTED.value, *unknown), None), else_=plain)


def label_column(dimension: Dimension) -> Any:
    """Give the column with the name that people know a member by."""
    return getattr(UsageRecord, LABELS[dimension]) if dimension in LABELS else dimension_column(dimension)


def matches(question: Question) -> ColumnElement[bool]:
    """Give the condition for the asked time and filters."""
    moment = col(UsageRecord.completed_at)
    chosen = [_is_one_of(dimension, values, question) for dimension, values in question.choices.items()]
    if question.after_row:
        chosen.append(col(UsageRecord.id) > question.after_row)
    return and_(moment >= question.start, moment < question.end, *chosen)


def _is_one_of(dimension: Dimension, values: Iterable[Choice], question: Question) -> ColumnElement[bool]:
    named, unset = [value for value in values if value is not None], None in tuple(values)
    if dimension is Dimension.TAG:
        # By the call's own row and the tags that are kept once: the view of all calls' tags would be made first.
        mine = and_(_TAGGED.id == col(UsageRecord.id), _TAGGED.completed_at == col(UsageRecord.completed_at))
        # The time once more, so that PostgreSQL plans with the partitions of this time only.
        then = and_(_TAGGED.completed_at >= question.start, _TAGGED.completed_at < question.end)
        same = and_(mine, then, _TAGGED.tag_set_id == _TAG.tag_set_id)
        conditions = [exists().where(same, _TAG.tag.in_(named))] if named else []
        return or_(*conditions, *([~exists().where(same)] if unset else []), false())
    column = dimension_column(dimension)
    return or_(*([column.in_(named)] if named else []), *([column.is_(None)] if unset else []), false())


def answered() -> ColumnElement[bool]:
    """Give the condition for single requests that a provider or the cache answered or failed: those have a latency."""
    # A row that counts several calls holds their mean, which says nothing about the slowest of them.
    alone = col(UsageRecord.calls) == 1
    return and_(col(UsageRecord.is_terminal), col(UsageRecord.status) != Status.REJECTED.value, alone)


@lru_cache
def record_sums() -> Mapping[str, ColumnElement[Any]]:
    """Give the sum of each measure of `sheets.columns` over single calls."""
    calls, cost, known_as = col(UsageRecord.calls), col(UsageRecord.cost_nano_usd), col(UsageRecord.cost_confidence)
    done, status = col(UsageRecord.is_terminal), col(UsageRecord.status)
    is_known_as = {kind: known_as == kind.value for kind in CostConfidence}
    counted = {
        "requests": done,
        "failed_requests": and_(done, status.in_(FAILED)),
        "rejected_requests": and_(done, status == Status.REJECTED.value),
        "cached_requests": and_(done, col(UsageRecord.cache_hit)),
        "unpriced_requests": is_known_as[CostConfidence.UNPRICED],
        "estimated_requests": is_known_as[CostConfidence.ESTIMATED],
        "partial_requests": is_known_as[CostConfidence.PARTIAL],
        FREE: is_known_as[CostConfidence.FREE],
        FROM_CACHE: is_known_as[CostConfidence.CACHED],
        "unfinished_attempts": ~done,
    }
    sums: dict[str, Any] = {name: case((condition, calls), else_=0) for name, condition in counted.items()}
    sums |= {name: getattr(UsageRecord, name) for name in (*TOKEN_COLUMNS, "saved_cost_nano_usd", "cost_nano_usd")}
    sums["estimated_cost_nano_usd"] = case((is_known_as[CostConfidence.ESTIMATED], cost), else_=0)
    sums["partial_cost_nano_usd"] = case((is_known_as[CostConfidence.PARTIAL], cost), else_=0)
    # PostgreSQL's sum of big integers would be a decimal, which Python reads slowly.
    return {name: cast(func.coalesce(func.sum(value), 0), BigInteger) for name, value in sums.items()}
