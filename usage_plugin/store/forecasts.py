"""Forecasts of periods in, rows of the table ``forecast_record`` out; what the periods came to is filled in later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.periods import Period
from usage_plugin.store.analysis_tables import ForecastRecord
from usage_plugin.store.database import unavailable, writing
from usage_plugin.store.part import Part
from usage_plugin.store.read.sql import reading
from usage_plugin.store.tables import table_of

_RECORDS = table_of(ForecastRecord)
_RECORD = _RECORDS.c
MOST_LOOKED_AT: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecasted:
    """What was expected of a period at the begin of one of its days; all amounts are of the whole period."""

    part: Part
    period: Period
    starts_on: date
    made_on: date
    """The last day that was known as a whole."""
    made_at: datetime
    model: str
    spent_nano_usd: int
    expected_nano_usd: int
    low_80_nano_usd: int
    high_80_nano_usd: int
    low_95_nano_usd: int
    high_95_nano_usd: int
    actual_nano_usd: int | None = None
    id: int | None = None


def keep_forecasts(engine: Engine, made: Iterable[Forecasted]) -> int:
    """Keep forecasts, and give how many are new: of each part and period there is one for each day that was known.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    try:
        with writing(engine).begin() as connection:
            new = [_values(each) for each in made if not _is_there(connection, each)]
            if new:
                connection.execute(insert(_RECORDS), new)
            return len(new)
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None


def was_made(engine: Engine, made_on: date) -> bool:
    """Say whether forecasts are kept that knew up to this day.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    with reading(engine) as connection:
        return connection.execute(select(_RECORD.id).where(_RECORD.made_on == made_on).limit(1)).first() is not None


def open_forecasts(engine: Engine) -> list[Forecasted]:
    """Give the forecasts of which nobody has said yet what became of them, the oldest period first.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    query = select(_RECORDS).where(_RECORD.actual_nano_usd.is_(None)).order_by(_RECORD.starts_on, _RECORD.id)
    with reading(engine) as connection:
        return [_forecasted(row) for row in connection.execute(query)]


def settle(engine: Engine, actual_nano_usd: Mapping[int, int]) -> None:
    """Write down what the periods of some forecasts came to, by their ids.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    try:
        with writing(engine).begin() as connection:
            for number, amount in actual_nano_usd.items():
                connection.execute(update(_RECORDS).where(_RECORD.id == number).values(actual_nano_usd=amount))
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None


def settled(engine: Engine, part: Part, period: Period, *, most: int = MOST_LOOKED_AT) -> list[Forecasted]:
    """Give the newest forecasts of a part's periods that are over, the newest first.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    mine = and_(_is_of(part, period), _RECORD.actual_nano_usd.is_not(None))
    query = select(_RECORDS).where(mine).order_by(_RECORD.starts_on.desc(), _RECORD.made_on.desc()).limit(most)
    with reading(engine) as connection:
        return [_forecasted(row) for row in connection.execute(query)]


def _is_of(part: Part, period: Period) -> ColumnElement[bool]:
    member = _RECORD.member.is_(None) if part.member is None else _RECORD.member == part.member
    return and_(_RECORD.dimension == part.name, member, _RECORD.period == period.value)


def _is_there(connection: Connection, made: Forecasted) -> bool:
    same_days = and_(_RECORD.starts_on == made.starts_on, _RECORD.made_on == made.made_on)
    query = select(_RECORD.id).where(_is_of(made.part, made.period), same_days).limit(1)
    return connection.execute(query).first() is not None


_PLAIN = tuple(name for name in Forecasted.__slots__ if name not in {"part", "period", "id"})


def _values(made: Forecasted) -> dict[str, Any]:
    plain = {name: getattr(made, name) for name in _PLAIN}
    return {"dimension": made.part.name, "member": made.part.member, "period": made.period.value, **plain}


def _forecasted(row: Row[Any]) -> Forecasted:
    plain = {name: getattr(row, name) for name in _PLAIN}
    part = Part.of(row.dimension, row.member)
    return Forecasted(part=part, period=Period(row.period), id=row.id, **plain)
