"""A stretch of time in, its totals out twice: as the database adds the records up, and as they are kept.

The sums are SQL, so that they share nothing with the fold that keeps the totals but the names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    cast,
    func,
    select,
    text,
    type_coerce,
)

from usage_plugin.event import CostConfidence, Status
from usage_plugin.store.column_types import Moment, UtcDateTime
from usage_plugin.store.rollups import ADDED, ALIASES, COST, DAILY_KEY, HOURLY_KEY, Place, Sums
from usage_plugin.store.rows import TOKEN_COLUMNS
from usage_plugin.store.tables import UsageDaily, UsageHourly, UsageRecord, table_of

_RECORD = table_of(UsageRecord).c
_FAILED = (Status.FAILURE.value, Status.INTERRUPTED.value)
_FLOATS = ("latency_ms_sum",)
_HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Rollup:
    """A table of totals: its key is a bucket of time and then dimensions."""

    model: type[UsageDaily | UsageHourly]
    key: tuple[str, ...]
    aliases: tuple[str, ...]

    @property
    def name(self) -> str:
        """Give the table's name."""
        return table_of(self.model).name


HOURLY = Rollup(UsageHourly, HOURLY_KEY, ALIASES)
DAILY = Rollup(UsageDaily, DAILY_KEY, ALIASES[:1])


@dataclass(slots=True)
class Kept:
    """Totals of a place as they are kept, and the keys of their rows: one, unless somebody else wrote there."""

    sums: Sums
    rollup_keys: list[str]


def sums_of_records(connection: Connection, start: datetime, end: datetime) -> dict[Place, Sums]:
    """Add the records of whole hours up, by hour and the dimensions of ``usage_hourly``."""
    rows = connection.execute(_query(connection.dialect.name), {"start": start, "end": end})
    width = len(HOURLY_KEY)
    return {tuple(row[:width]): _sums(row[width:], len(ALIASES)) for row in rows}


@lru_cache
def _query(dialect: str) -> Select[Any]:
    place = [_hour(dialect).label("hour"), *(_dimension(name) for name in HOURLY_KEY[1:])]
    aliases = [func.max(_RECORD[name]) for name in ALIASES]
    sums = [func.coalesce(_sum(name, value), 0) for name, value in _added().items()]
    moment = _RECORD.completed_at
    during = and_(moment >= bindparam("start"), moment < bindparam("end"))
    # By position: PostgreSQL does not see that two expressions with parameters are the same.
    groups = (text(str(position)) for position in range(1, len(place) + 1))
    return select(*place, *aliases, *sums, _sum(COST, _RECORD[COST])).where(during).group_by(*groups)


def kept_sums(connection: Connection, rollup: Rollup, start: date, end: date) -> dict[Place, Kept]:
    """Give the totals that are kept for buckets from *start* on and before *end*."""
    columns, width = table_of(rollup.model).c, len(rollup.key)
    names = (*rollup.key, *rollup.aliases, *ADDED, COST)
    bucket = columns[rollup.key[0]]
    query = select(columns.rollup_key, *(columns[name] for name in names)).where(bucket >= start, bucket < end)
    found: dict[Place, Kept] = {}
    for rollup_key, *values in connection.execute(query):
        place, sums = tuple(values[:width]), _sums(values[width:], len(rollup.aliases))
        if place in found:
            sums, keys = found[place].sums + sums, found[place].rollup_keys
        else:
            keys = []
        found[place] = Kept(sums, [*keys, rollup_key])
    return found


def _sums(values: Sequence[Any], aliases: int) -> Sums:
    """Read aliases, sums and cost, in this order."""
    return Sums(tuple(values[aliases:-1]), values[-1], (*values[:aliases], None)[: len(ALIASES)])


def _sum(name: str, value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Add up; PostgreSQL's sum of big integers would be a decimal, which Python reads slowly."""
    total = func.sum(value)
    return total if name in _FLOATS else cast(total, BigInteger)


def _hour(dialect: str) -> ColumnElement[datetime]:
    if dialect == "postgresql":
        return func.date_trunc("hour", _RECORD.completed_at, "UTC", type_=UtcDateTime)
    return type_coerce(type_coerce(_RECORD.completed_at, BigInteger) // _HOUR_US * _HOUR_US, Moment)


def _dimension(name: str) -> ColumnElement[Any]:
    if name != "api_key_hash":
        return _RECORD[name]
    known = ("organization_id", "team_id", "user_id", "api_key_alias")
    is_nobody = and_(_RECORD.status == Status.REJECTED.value, *(_RECORD[column].is_(None) for column in known))
    return case((is_nobody, None), else_=_RECORD.api_key_hash).label(name)


def _added() -> Mapping[str, ColumnElement[Any]]:
    """Say of each total what a record adds to it."""
    done, calls, cost = _RECORD.is_terminal, _RECORD.calls, _RECORD[COST]
    is_rejected = _RECORD.status == Status.REJECTED.value

    def only(condition: ColumnElement[bool], value: ColumnElement[Any]) -> ColumnElement[Any]:
        return case((condition, value), else_=0)

    def confident(confidence: CostConfidence) -> ColumnElement[bool]:
        return _RECORD.cost_confidence == confidence.value

    sums = {
        "requests": only(done, calls),
        "failed_requests": only(and_(done, _RECORD.status.in_(_FAILED)), calls),
        "rejected_requests": only(and_(done, is_rejected), calls),
        "cached_requests": only(and_(done, _RECORD.cache_hit), calls),
        "unpriced_requests": only(confident(CostConfidence.UNPRICED), calls),
        "estimated_requests": only(confident(CostConfidence.ESTIMATED), calls),
        "partial_requests": only(confident(CostConfidence.PARTIAL), calls),
        "unfinished_attempts": only(~done, calls),
        **{name: _RECORD[name] for name in TOKEN_COLUMNS},
        "latency_ms_sum": only(and_(done, ~is_rejected), _RECORD.latency_ms * calls),
        "estimated_cost_nano_usd": only(confident(CostConfidence.ESTIMATED), cost),
        "partial_cost_nano_usd": only(confident(CostConfidence.PARTIAL), cost),
        "saved_cost_nano_usd": _RECORD.saved_cost_nano_usd,
    }
    return {name: sums[name] for name in ADDED}
