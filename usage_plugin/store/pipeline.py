"""Processes' accounts of themselves in, one row per process out."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Engine, Executable, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.account import ProcessAccount
from usage_plugin.store.database import unavailable, writing
from usage_plugin.store.tables import PipelineProcess, table_of

COLUMNS = tuple(PipelineProcess.model_fields)


def keep_account(engine: Engine, account: ProcessAccount) -> None:
    """Replace a process's account by a newer one.

    Args:
        engine: Of a migrated database.
        account: Fields that are not of the store are left out.

    Raises:
        StoreUnavailable: The database does not take it.
    """
    known = asdict(account)
    values = {name: known[name] for name in COLUMNS}
    dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(table_of(PipelineProcess)).values(values)
    _execute(engine, insert.on_conflict_do_update(index_elements=["process_id"], set_=values))


def settle_account(engine: Engine, process_id: str) -> None:
    """Note that nothing waits any more for a process that has ended: its spool is stored.

    Raises:
        StoreUnavailable: The database does not take it.
    """
    table = table_of(PipelineProcess)
    ended_at = func.coalesce(table.c.stopped_at, table.c.beat_at)
    settled = {"waiting": 0, "spool_bytes": 0, "oldest_waiting_at": None, "stopped_at": ended_at}
    _execute(engine, table.update().where(table.c.process_id == process_id).values(settled))


def forget_old(engine: Engine, before: datetime) -> None:
    """Drop the accounts of processes that have been silent since *before*.

    Raises:
        StoreUnavailable: The database does not take it.
    """
    table = table_of(PipelineProcess)
    _execute(engine, table.delete().where(table.c.beat_at < before))


def _execute(engine: Engine, statement: Executable) -> None:
    try:
        with writing(engine).begin() as connection:
            connection.execute(statement)
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None
