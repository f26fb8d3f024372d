"""Events that are planned in, given back by time out: what changes usage then is no anomaly."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, delete, insert, select

from usage_plugin.errors import InputError
from usage_plugin.store.analysis_tables import PlannedEvent
from usage_plugin.store.database import changing
from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.read.sql import reading
from usage_plugin.store.tables import table_of

TOTAL = "total"


def planned_events(engine: Engine, *, start: datetime | None = None, end: datetime | None = None) -> list[PlannedEvent]:
    """List events in order of their begin.

    Args:
        engine: Of a migrated database.
        start: Only those that end after it.
        end: Only those that begin before it.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    table = table_of(PlannedEvent)
    conditions = [] if start is None else [table.c.ends_at > start]
    if end is not None:
        conditions.append(table.c.starts_at < end)
    query = select(table).where(*conditions).order_by(table.c.starts_at, table.c.id)
    with reading(engine) as connection:
        return [PlannedEvent(**row) for row in connection.execute(query).mappings()]


def plan_event(
    engine: Engine,
    name: str,
    *,
    starts_at: datetime,
    ends_at: datetime,
    dimension: str = TOTAL,
    member: str | None = None,
    note: str | None = None,
    by: str | None = None,
    now: datetime,
) -> PlannedEvent:
    """Put an event into the calendar.

    Args:
        engine: Of a migrated database.
        name: What it is.
        starts_at: Its begin.
        ends_at: Its end, not inside any more.
        dimension: ``total``, or the dimension of those who are concerned.
        member: Who that is; ``None`` for ``total``, or for the calls without a value.
        note: Anything else.
        by: Who says so.
        now: The present moment.

    Raises:
        InputError: It has no name, ends before it begins, or is of a dimension that is none.
        StoreUnavailable: The database does not answer.
    """
    if not name.strip():
        raise InputError("an event without a name cannot be planned", "Say what it is")
    if starts_at >= ends_at:
        raise InputError(f"event {name!r} ends at {ends_at} and begins at {starts_at}", "Let it end after its begin")
    if dimension != TOTAL and dimension not in set(Dimension):
        raise InputError(f"event {name!r} is of {dimension!r}", f"Choose {TOTAL}, {', '.join(Dimension)}")
    event = PlannedEvent(
        name=name.strip(),
        starts_at=starts_at,
        ends_at=ends_at,
        dimension=str(dimension),
        member=None if dimension == TOTAL else member,
        note=note,
        created_by=by,
        created_at=now,
    )
    table = table_of(PlannedEvent)
    with changing(engine) as connection:
        values = event.model_dump(exclude={"id"})
        event.id = connection.execute(insert(table).values(**values).returning(table.c.id)).scalar_one()
    return event


def forget_event(engine: Engine, event_id: int) -> bool:
    """Take an event out of the calendar; says whether it was there.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    table = table_of(PlannedEvent)
    with changing(engine) as connection:
        return connection.execute(delete(table).where(table.c.id == event_id)).rowcount > 0
