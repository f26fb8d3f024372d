"""A stretch of days in, its totals out twice: as the database adds the records up, and as they are kept.

The sums are SQL, so that they share nothing with the fold that keeps the totals but the names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    func,
    select,
    text,
    type_coerce,
)
from sqlalchemy import cast as sql_cast

from usage_plugin.event import CostConfidence, Status
from usage_plugin.store.places import DAILY_KEY, DIMENSIONS, Numbers, Place
from usage_plugin.store.rollups import ADDED, ALIAS, COST
from usage_plugin.store.rows import TOKEN_COLUMNS
from usage_plugin.store.shared import MODEL, PAYER
from usage_plugin.store.tables import UsageDay, UsageRecord, table_of

TOTALS: Final = (*ADDED, COST)
_CALLS: Final = (TOTALS.index("requests"), TOTALS.index("unfinished_attempts"))
_UNPRICED: Final = TOTALS.index("unpriced_requests")
_RECORD = table_of(UsageRecord).c
_SECOND_US = 1_000_000
_FAILED = (Status.FAILURE.value, Status.INTERRUPTED.value)


@dataclass(frozen=True, slots=True)
class Sums:
    """Totals of a place, in the order of `TOTALS`, and its alias."""

    totals: tuple[int | None, ...]
    alias: str | None


@dataclass(frozen=True, slots=True)
class Kept:
    """Totals of a place as they are kept, and the numbers of their rows: one, unless somebody else wrote there."""

    sums: Sums
    keys: tuple[Numbers, ...]
    is_named: bool = True
    """Whether payer and model are there: a number without a name may be given to another one."""


def sums_of_records(connection: Connection, start: datetime, end: datetime) -> dict[Place, Sums]:
    """Add the records of whole UTC days up, by day and the dimensions of ``usage_daily``."""
    rows = connection.execute(_query(connection.dialect.name), {"start": start, "end": end})
    found = {_place(row): Sums(_without_reversed(row[len(DAILY_KEY) : -1]), row[-1]) for row in rows}
    # Where each call that there was has been withdrawn, nothing is kept.
    return {place: sums for place, sums in found.items() if any(sums.totals)}


def _without_reversed(totals: Sequence[int | None]) -> tuple[int | None, ...]:
    """Leave out a cost that has been withdrawn from calls of which no other's is known."""
    calls, unpriced = sum(totals[at] or 0 for at in _CALLS), totals[_UNPRICED]
    return (*totals[:-1], None) if totals[-1] == 0 and calls == unpriced else tuple(totals)


@lru_cache
def _query(dialect: str) -> Select[Any]:
    place = [_day(dialect), *(_RECORD[name] for name in DIMENSIONS)]
    sums = [func.coalesce(_sum(value), 0) for value in _added().values()]
    moment = _RECORD.completed_at
    during = and_(moment >= bindparam("start"), moment < bindparam("end"))
    # By position: PostgreSQL does not see that two expressions with parameters are the same.
    groups = (text(str(position)) for position in range(1, len(place) + 1))
    return select(*place, *sums, _sum(_RECORD[COST]), func.max(_RECORD[ALIAS])).where(during).group_by(*groups)


def kept_sums(connection: Connection, start: date, end: date) -> dict[Place, Kept]:
    """Give the totals that are kept for days from *start* on and before *end*."""
    day, found = table_of(UsageDay), dict[Place, Kept]()
    named = day.outerjoin(PAYER, PAYER.c.id == day.c.payer_id).outerjoin(MODEL, MODEL.c.id == day.c.model_id)
    by_name = {column.name: column for table in (MODEL, PAYER, day) for column in table.columns}
    is_named = and_(PAYER.c.id.is_not(None), MODEL.c.id.is_not(None))
    query = select(*(by_name[name] for name in (*DAILY_KEY, *TOTALS, ALIAS, "payer_id", "model_id")), is_named)
    during = query.select_from(named).where(day.c.day >= start, day.c.day < end)
    for *row, payer, model, has_names in connection.execute(during):
        sums = Sums(tuple(row[len(DAILY_KEY) : -1]), row[-1])
        place, kept = _place(row), Kept(sums, ((payer, model),), bool(has_names))
        found[place] = _both(found[place], kept) if place in found else kept
    return found


def _place(row: Sequence[Any]) -> Place:
    day, *dimensions = row[: len(DAILY_KEY)]
    return cast("Place", (date.fromisoformat(day) if isinstance(day, str) else day, *dimensions))


def _both(one: Kept, other: Kept) -> Kept:
    pairs = zip(one.sums.totals, other.sums.totals, strict=True)
    totals = tuple(None if left is right is None else (left or 0) + (right or 0) for left, right in pairs)
    return Kept(
        Sums(totals, other.sums.alias or one.sums.alias), (*one.keys, *other.keys), one.is_named and other.is_named
    )


def _sum(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Add up; PostgreSQL's sum of big integers would be a decimal, which Python reads slowly."""
    return sql_cast(func.sum(value), BigInteger)


def _day(dialect: str) -> ColumnElement[Any]:
    if dialect == "postgresql":
        return sql_cast(func.timezone("UTC", _RECORD.completed_at), table_of(UsageDay).c.day.type)
    us = type_coerce(_RECORD.completed_at, BigInteger)
    # SQLite's division cuts off towards 1970.
    return func.date(case((us < 0, us - (_SECOND_US - 1)), else_=us) // _SECOND_US, "unixepoch")


def _added() -> Mapping[str, ColumnElement[Any]]:
    """Say of each total what a record adds to it."""
    done, calls, cost = _RECORD.is_terminal, _RECORD.calls, _RECORD[COST]

    def only(condition: ColumnElement[bool], value: ColumnElement[Any]) -> ColumnElement[Any]:
        return case((condition, value), else_=0)

    def confident(confidence: CostConfidence) -> ColumnElement[bool]:
        return _RECORD.cost_confidence == confidence.value

    sums = {
        "requests": only(done, calls),
        "failed_requests": only(and_(done, _RECORD.status.in_(_FAILED)), calls),
        "rejected_requests": only(and_(done, _RECORD.status == Status.REJECTED.value), calls),
        "cached_requests": only(and_(done, _RECORD.cache_hit), calls),
        "unpriced_requests": only(confident(CostConfidence.UNPRICED), calls),
        "estimated_requests": only(confident(CostConfidence.ESTIMATED), calls),
        "partial_requests": only(confident(CostConfidence.PARTIAL), calls),
        "unfinished_attempts": only(~done, calls),
        **{name: _RECORD[name] for name in TOKEN_COLUMNS},
        "estimated_cost_nano_usd": only(confident(CostConfidence.ESTIMATED), cost),
        "partial_cost_nano_usd": only(confident(CostConfidence.PARTIAL), cost),
        "saved_cost_nano_usd": _RECORD.saved_cost_nano_usd,
    }
    return {name: sums[name] for name in ADDED}
