"""Anomalies in, kept and given back out: by time and state, one with its history, and what somebody says of one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, func, insert, or_, select, update

from usage_plugin.errors import InputError
from usage_plugin.store.analysis_tables import AnomalyNote, AnomalyRow
from usage_plugin.store.database import changing
from usage_plugin.store.read.sql import reading
from usage_plugin.store.tables import table_of
from usage_plugin.store.tuning import teach

LISTED = 500


class State(StrEnum):
    """What somebody, or a rule, says of an anomaly."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    """Somebody looks after it."""
    RESOLVED = "resolved"
    EXPECTED = "expected"
    """It was meant to be so: the series is not told of again up to there."""
    FALSE_ALARM = "false alarm"
    """It is nothing: the series is not told of again up to there."""
    TOO_SMALL = "too small"
    """It is true, and nobody wants to hear of so few dollars."""


ACTIVE = (State.OPEN, State.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class AnomalyDetail:
    """One anomaly, what was said of it (the oldest first), and the anomalies that it explains."""

    anomaly: AnomalyRow
    notes: tuple[AnomalyNote, ...]
    merged: tuple[AnomalyRow, ...]


def anomalies(
    engine: Engine,
    *,
    states: Collection[str] = (),
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int = LISTED,
    merged: bool = False,
) -> list[AnomalyRow]:
    """List anomalies, those with the most dollars at stake first, then those without, the latest first.

    Args:
        engine: Of a migrated database.
        states: Only these; empty for all.
        start: Only those that ended after it.
        end: Only those that began before it.
        limit: How many at most.
        merged: Those too that another one explains.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    table = table_of(AnomalyRow)
    columns, stake = table.c, func.abs(table.c.at_stake_nano_usd)
    conditions: list[ColumnElement[bool]] = [] if merged else [columns.merged_into_id.is_(None)]
    if states:
        conditions.append(columns.state.in_([str(state) for state in states]))
    if start is not None:
        conditions.append(columns.ended_at > start)
    if end is not None:
        conditions.append(columns.started_at < end)
    order = (stake.desc().nulls_last(), columns.started_at.desc(), columns.id)
    query = select(table).where(*conditions).order_by(*order).limit(limit)
    with reading(engine) as connection:
        return _rows(connection, query)


def anomaly(engine: Engine, anomaly_id: int) -> AnomalyDetail | None:
    """Give one anomaly with all that belongs to it; ``None`` where there is none of this number.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    table, note = table_of(AnomalyRow), table_of(AnomalyNote)
    notes = select(note).where(note.c.anomaly_id == anomaly_id).order_by(note.c.id)
    parts = select(table).where(table.c.merged_into_id == anomaly_id).order_by(table.c.started_at, table.c.id)
    with reading(engine) as connection:
        found = _rows(connection, select(table).where(table.c.id == anomaly_id))
        if not found:
            return None
        said = tuple(AnomalyNote(**row) for row in connection.execute(notes).mappings())
        return AnomalyDetail(found[0], said, tuple(_rows(connection, parts)))


def set_state(
    engine: Engine, anomaly_id: int, state: str, *, by: str | None, note: str | None, now: datetime
) -> AnomalyDetail:
    """Keep what somebody says of an anomaly, and let its series, and those that it explains, learn from that.

    Args:
        engine: Of a migrated database.
        anomaly_id: Which one.
        state: One of ``State``; the same as before only adds a note.
        by: Who says so.
        note: And why.
        now: The present moment.

    Raises:
        InputError: There is no such anomaly, or no such state.
        StoreUnavailable: The database does not answer.
    """
    if state not in set(State):
        raise InputError(f"an anomaly cannot be {state!r}", f"It can be {', '.join(State)}")
    table = table_of(AnomalyRow)
    with changing(engine) as connection:
        is_meant = or_(table.c.id == anomaly_id, table.c.merged_into_id == anomaly_id)
        concerned = _rows(connection, select(table).where(is_meant))
        if anomaly_id not in {each.id for each in concerned}:
            raise InputError(f"there is no anomaly {anomaly_id}", "It may have been removed: load the list again")
        said = {"state": str(state), "state_by": by, "state_at": now, "note": note, "updated_at": now}
        connection.execute(update(table).where(table.c.id == anomaly_id).values(**said))
        spoken = {"anomaly_id": anomaly_id, "state": str(state), "said_by": by, "said_at": now, "note": note}
        connection.execute(insert(table_of(AnomalyNote)).values(**spoken))
        teach(connection, concerned, state, now)
    detail = anomaly(engine, anomaly_id)
    if detail is None:
        raise InputError(f"there is no anomaly {anomaly_id} any more", "Load the list again")
    return detail


def of_series(engine: Engine, keys: Collection[str], since: datetime) -> list[AnomalyRow]:
    """Give what is kept of some series from a moment on, merged ones too, in order of their begin.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    table, found = table_of(AnomalyRow), list[AnomalyRow]()
    wanted = sorted(keys)
    with reading(engine) as connection:
        for first in range(0, len(wanted), LISTED):
            some = table.c.series_key.in_(wanted[first : first + LISTED])
            found += _rows(connection, select(table).where(some, table.c.ended_at >= since))
    return sorted(found, key=lambda row: (row.started_at, row.id or 0))


def unfinished(engine: Engine, granularity: str) -> list[AnomalyRow]:
    """Give those that are not over, merged ones too.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    table = table_of(AnomalyRow)
    going_on = select(table).where(table.c.is_over.is_(False), table.c.granularity == granularity)
    with reading(engine) as connection:
        return _rows(connection, going_on.order_by(table.c.id))


def resolve_forgotten(connection: Connection, ended_before: datetime, now: datetime) -> int:
    """Resolve what was over long ago and nobody said anything of; gives how many that were.

    Args:
        connection: Of a transaction that writes.
        ended_before: Only what ended before it.
        now: The present moment.
    """
    table = table_of(AnomalyRow)
    long_over = (table.c.state == State.OPEN.value, table.c.is_over.is_(True), table.c.ended_at < ended_before)
    said = {"state": State.RESOLVED.value, "state_at": now, "updated_at": now}
    return connection.execute(update(table).where(*long_over).values(**said)).rowcount


def keep(connection: Connection, rows: Sequence[AnomalyRow]) -> list[AnomalyRow]:
    """Write anomalies: those with a number in the place of what is kept, the others as new ones; all have one then.

    Args:
        connection: Of a transaction that writes, see `changing`.
        rows: As they are to be.
    """
    table = table_of(AnomalyRow)
    for row in rows:
        values = {name: value for name, value in row.model_dump().items() if name != "id"}
        if row.id is None:
            row.id = connection.execute(insert(table).values(**values).returning(table.c.id)).scalar_one()
        else:
            connection.execute(update(table).where(table.c.id == row.id).values(**values))
    return list(rows)


def _rows(connection: Connection, query: Select[Any]) -> list[AnomalyRow]:
    return [AnomalyRow(**row) for row in connection.execute(query).mappings()]
