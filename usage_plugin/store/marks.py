"""A spool's position in, kept in the transaction of its calls out: each stretch of a spool is stored once."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.clock import utc_now
from usage_plugin.store.database import unavailable, writing
from usage_plugin.store.tables import SpoolPosition, table_of


@dataclass(frozen=True, slots=True)
class SpoolMark:
    """How far a spool is stored when a transaction ends."""

    owner: str
    segment: int
    byte_offset: int


def move_mark(connection: Connection, mark: SpoolMark) -> bool:
    """Move a spool's mark forward; says ``False`` where it is there already, so that its calls are stored already.

    The row stays locked until the transaction ends: where an earlier attempt's commit is still on its way, this
    waits for it, and then sees it.
    """
    table = table_of(SpoolPosition)
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    place = {"segment": mark.segment, "byte_offset": mark.byte_offset, "updated_at": utc_now()}
    insert = dialect.insert(table).values(owner=mark.owner, **place)
    is_behind = tuple_(table.c.segment, table.c.byte_offset) < tuple_(
        insert.excluded.segment, insert.excluded.byte_offset
    )
    move = insert.on_conflict_do_update(index_elements=["owner"], set_=place, where=is_behind)
    return connection.execute(move.returning(table.c.owner)).first() is not None


def stored_mark(engine: Engine, owner: str) -> SpoolMark:
    """Say how far a process's spool is stored.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    columns = table_of(SpoolPosition).c
    query = select(columns.segment, columns.byte_offset).where(columns.owner == owner)
    try:
        with engine.connect() as connection:
            found = connection.execute(query).first()
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None
    return SpoolMark(owner, *found) if found else SpoolMark(owner, 0, 0)


def forget_mark(engine: Engine, owner: str) -> None:
    """Drop the mark of a spool that is gone.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    position = table_of(SpoolPosition)
    try:
        with writing(engine).begin() as connection:
            connection.execute(position.delete().where(position.c.owner == owner))
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None
