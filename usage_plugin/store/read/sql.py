"""The pieces that every reading query is made of: columns of dimensions, conditions, buckets and sums."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, String, and_, func, or_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import col

from usage_plugin.event import Status
from usage_plugin.store.database import unavailable
from usage_plugin.store.read.answers import USAGE_FIELDS, Usage
from usage_plugin.store.read.question import Choice, Dimension, Granularity, Question
from usage_plugin.store.tables import UsageHourly, UsageRecord

Table = type[UsageHourly] | type[UsageRecord]
_KEY_COLUMNS = {
    Dimension.PROVIDER: "provider",
    Dimension.MODEL: "model",
    Dimension.TEAM: "team_id",
    Dimension.USER: "user_id",
    Dimension.KEY: "api_key_hash",
    Dimension.STATUS: "status",
}
_LABEL_COLUMNS = {**_KEY_COLUMNS, Dimension.TEAM: "team_alias", Dimension.KEY: "api_key_alias"}
FAILED = (Status.FAILURE.value, Status.INTERRUPTED.value)


class bucket_text(FunctionElement[str]):  # noqa: N801 - reads as an SQL function
    """``bucket_text(moment)``: the UTC day of a moment, and its hour where asked for, as sortable text."""

    type = String()
    inherit_cache = True
    name = "bucket_text"


class day_text(bucket_text):  # noqa: N801 - reads as an SQL function
    """``day_text(moment)``: the UTC day of a moment as text."""

    inherit_cache = True
    name = "day_text"


def _text_on_sqlite(moment: str, form: str) -> str:
    """Write a moment, which in records is a number of microseconds."""
    in_records = f"strftime('{form}', {moment} / 1000000, 'unixepoch')"
    return f"CASE typeof({moment}) WHEN 'integer' THEN {in_records} ELSE strftime('{form}', {moment}) END"


@compiles(bucket_text, "sqlite")
def _hour_on_sqlite(element: bucket_text, compiler: SQLCompiler, **options: Any) -> str:
    return _text_on_sqlite(compiler.process(element.clauses, **options), "%Y-%m-%d %H")


@compiles(bucket_text, "postgresql")
def _hour_on_postgresql(element: bucket_text, compiler: SQLCompiler, **options: Any) -> str:
    return f"to_char({compiler.process(element.clauses, **options)} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24')"


@compiles(day_text, "sqlite")
def _day_on_sqlite(element: day_text, compiler: SQLCompiler, **options: Any) -> str:
    return _text_on_sqlite(compiler.process(element.clauses, **options), "%Y-%m-%d")


@compiles(day_text, "postgresql")
def _day_on_postgresql(element: day_text, compiler: SQLCompiler, **options: Any) -> str:
    return f"to_char({compiler.process(element.clauses, **options)} AT TIME ZONE 'UTC', 'YYYY-MM-DD')"


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection to read from; its errors become one line that names the database.

    Raises:
        StoreUnavailable: The database does not answer, or lacks a table.
    """
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from error


def bucket_column(table: Table, granularity: Granularity) -> ColumnElement[str]:
    """Give the bucket that a row falls into, as text that `bucket_start` reads."""
    function = bucket_text if granularity is Granularity.HOUR else day_text
    return function(moment_column(table))


def bucket_start(text: str) -> datetime:
    """Read what `bucket_column` gave."""
    day, _, hour = text.partition(" ")
    return datetime.fromisoformat(day).replace(hour=int(hour or 0), tzinfo=UTC)


def bucket_starts(question: Question) -> tuple[datetime, ...]:
    """Give every bucket of the asked time, those without calls too."""
    step, start = question.granularity.length, question.granularity.floor(question.start)
    count = -((start - question.end) // step)
    return tuple(start + index * step for index in range(max(count, 0)))


def moment_column(table: Table) -> Any:
    """Give the column that says when: rollups go by the hour in which a call ended."""
    return col(table.completed_at) if issubclass(table, UsageRecord) else col(table.hour)


def key_column(table: Table, dimension: Dimension) -> Any:
    """Give the column that tells the members of a dimension apart."""
    return getattr(table, _KEY_COLUMNS[dimension])


def label_column(table: Table, dimension: Dimension) -> Any:
    """Give the column with the name that people know a member by."""
    return getattr(table, _LABEL_COLUMNS[dimension])


def matches(table: Table, question: Question) -> ColumnElement[bool]:
    """Give the condition for the asked time and filters."""
    moment = moment_column(table)
    chosen = [_is_one_of(key_column(table, dimension), values) for dimension, values in question.choices.items()]
    return and_(moment >= question.start, moment < question.end, *chosen)


def _is_one_of(column: Any, values: Iterable[Choice]) -> ColumnElement[bool]:
    named = [value for value in values if value is not None]
    conditions = [column.in_(named)] if named else []
    return or_(*conditions, *([column.is_(None)] if None in tuple(values) else []))


def hourly_sums() -> list[Any]:
    """Give the sums over rows of ``usage_hourly``, in the order of `USAGE_FIELDS`."""
    return [func.sum(getattr(UsageHourly, name)).label(name) for name in USAGE_FIELDS]


def usage_of(row: Row[Any] | None) -> Usage:
    """Read a row of sums; PostgreSQL gives decimals for sums of big integers."""
    if row is None:
        return Usage()
    values = {name: getattr(row, name) for name in USAGE_FIELDS}
    cost = values.pop("cost_nano_usd")
    latency = float(values.pop("latency_ms_sum") or 0)
    counts = {name: int(value or 0) for name, value in values.items()}
    return Usage(**counts, latency_ms_sum=latency, cost_nano_usd=None if cost is None else int(cost))


def answered() -> ColumnElement[bool]:
    """Give the condition for requests that a provider or the cache answered or failed: those have a latency."""
    return and_(col(UsageRecord.is_terminal), col(UsageRecord.status) != Status.REJECTED.value)
