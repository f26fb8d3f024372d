"""The recording itself: every process's account of itself, and how soon calls reach the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Float, Select, String, case, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import col

from usage_plugin.account import ProcessAccount
from usage_plugin.store.read.answers import Recording
from usage_plugin.store.read.sql import reading
from usage_plugin.store.sheets import backlog
from usage_plugin.store.tables import PipelineProcess, UsageRecord, table_of

MINUTE = timedelta(minutes=1)
_MINUTE_FORMAT = "%Y-%m-%d %H:%M"


class minute_text(FunctionElement[str]):  # noqa: N801 - reads as an SQL function
    """``minute_text(moment)``: the UTC minute of a moment as sortable text."""

    type = String()
    inherit_cache = True
    name = "minute_text"


class seconds_between(FunctionElement[float]):  # noqa: N801 - reads as an SQL function
    """``seconds_between(earlier, later)``: with fractions, to a tenth of a millisecond."""

    type = Float()
    inherit_cache = True
    name = "seconds_between"


@compiles(minute_text, "sqlite")
def _minute_on_sqlite(element: minute_text, compiler: SQLCompiler, **options: Any) -> str:
    return f"strftime('%Y-%m-%d %H:%M', {compiler.process(element.clauses, **options)} / 1000000, 'unixepoch')"


@compiles(minute_text, "postgresql")
def _minute_on_postgresql(element: minute_text, compiler: SQLCompiler, **options: Any) -> str:
    return f"to_char({compiler.process(element.clauses, **options)} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')"


@compiles(seconds_between, "sqlite")
def _seconds_on_sqlite(element: seconds_between, compiler: SQLCompiler, **options: Any) -> str:
    earlier, later = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(({later} - {earlier}) / 1000000.0)"


@compiles(seconds_between, "postgresql")
def _seconds_on_postgresql(element: seconds_between, compiler: SQLCompiler, **options: Any) -> str:
    earlier, later = (compiler.process(clause, **options) for clause in element.clauses)
    return f"extract(epoch from {later} - {earlier})"


def processes(engine: Engine) -> tuple[ProcessAccount, ...]:
    """Give what every process said last, the newest first."""
    table = table_of(PipelineProcess)
    with reading(engine) as connection:
        found = connection.execute(select(table).order_by(table.c.beat_at.desc(), table.c.process_id))
        return tuple(ProcessAccount(**row) for row in found.mappings())


def not_added_up(engine: Engine, before: datetime, most: int) -> int:
    """Count calls that ended before a moment and have to be read one by one, up to *most* and one."""
    with reading(engine) as connection:
        return backlog.not_added_up(connection, before, most)


def recording(engine: Engine, start: datetime, end: datetime) -> Recording:
    """Give calls stored per minute, and how long after their end they were, in the middle and at the slow end.

    Rows that count several calls count them all; their times are means, so they have no say in the delays.

    Args:
        engine: Of a migrated database.
        start: A whole minute, inside the time asked for.
        end: Not inside any more.
    """
    with reading(engine) as connection:
        found = {row.minute: row for row in connection.execute(_per_minute(connection, start, end))}
    minutes = [start + index * MINUTE for index in range(max(-((start - end) // MINUTE), 0))]
    rows = [found.get(minute.astimezone(UTC).strftime(_MINUTE_FORMAT)) for minute in minutes]
    return Recording(
        tuple(minutes),
        tuple(0 if row is None else int(row.calls) for row in rows),
        tuple(None if row is None else _known(row.p50_s) for row in rows),
        tuple(None if row is None else _known(row.p95_s) for row in rows),
    )


def _per_minute(connection: Connection, start: datetime, end: datetime) -> Select[Any]:
    """Take the nearest rank in each minute: the same answer on every database."""
    stored_at, number = col(UsageRecord.created_at), col(UsageRecord.calls)
    parted = (
        select(
            minute_text(stored_at).label("minute"),
            number.label("calls"),
            case((number == 1, seconds_between(col(UsageRecord.completed_at), stored_at))).label("delay_s"),
        )
        .where(col(UsageRecord.id) > _last_before(connection, start), stored_at >= start, stored_at < end)
        .subquery()
    )
    minute, delay_s = parted.c.minute, parted.c.delay_s
    rank = func.row_number().over(partition_by=minute, order_by=delay_s.asc().nulls_last())
    ranked = select(parted, rank.label("rank"), func.count(delay_s).over(partition_by=minute).label("timed")).subquery()
    return select(
        ranked.c.minute,
        func.sum(ranked.c.calls).label("calls"),
        _at(ranked.c, 50).label("p50_s"),
        _at(ranked.c, 95).label("p95_s"),
    ).group_by(ranked.c.minute)


def _at(columns: Any, percent: int) -> ColumnElement[Any]:
    nearest = (columns.timed * percent + 99) // 100
    return func.max(case((columns.rank == nearest, columns.delay_s)))


def _last_before(connection: Connection, start: datetime) -> int:
    """Find where to begin by the key, which grows with time: no index on the moment of storing is needed."""
    row_id = col(UsageRecord.id)
    before = select(row_id).where(col(UsageRecord.created_at) < start).order_by(row_id.desc()).limit(1)
    return int(connection.execute(before).scalar() or 0)


def _known(delay_s: float | None) -> float | None:
    return None if delay_s is None else max(float(delay_s), 0.0)
