"""What detectors remember in, the same back out: blocks of numbers, by profile and granularity."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, insert, select

from usage_plugin.store.analysis_tables import SeriesState
from usage_plugin.store.database import IN_BINARY
from usage_plugin.store.read.sql import reading
from usage_plugin.store.tables import table_of


def stored_states(engine: Engine, granularity: str) -> list[SeriesState]:
    """Give all blocks of a granularity, by profile and part.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    table = table_of(SeriesState)
    query = select(table).where(table.c.granularity == granularity).order_by(table.c.profile, table.c.part)
    with reading(engine) as connection:
        rows = connection.execute(query, execution_options={IN_BINARY: True})
        return [SeriesState(**row) for row in rows.mappings()]


def keep_states(
    connection: Connection, granularity: str, states: Sequence[SeriesState], profiles: Collection[str]
) -> None:
    """Write blocks, each in the place of the one that is kept under its key.

    Args:
        connection: Of a transaction that writes.
        granularity: Of all of them.
        states: Blocks that changed.
        profiles: All that there are: what is kept of others is forgotten.
    """
    table = table_of(SeriesState)
    mine = table.c.granularity == granularity
    connection.execute(delete(table).where(mine, table.c.profile.not_in(sorted(profiles))))
    for state in states:
        same = (mine, table.c.profile == state.profile, table.c.part == state.part)
        connection.execute(delete(table).where(*same))
        connection.execute(insert(table).values(**state.model_dump()))


def stepped_to(engine: Engine, profile: str) -> datetime | None:
    """Say how far a profile has come; ``None`` where it has not begun.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    table = table_of(SeriesState)
    with reading(engine) as connection:
        return connection.execute(select(table.c.stepped_to).where(table.c.profile == profile)).scalar()
