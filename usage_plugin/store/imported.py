"""A store in, since when calls are recorded live and up to when they were pruned out: what an import leaves alone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.store.calls import UsageCall
from usage_plugin.store.database import unavailable
from usage_plugin.store.retention import Kind, pruned_before
from usage_plugin.store.tables import PipelineProcess, table_of

_LIVE_WITHIN_US = 3_600_000_000


def recorded_live_since(engine: Engine) -> datetime | None:
    """Give the end of the first call that was stored within an hour of it, where a proxy has ever recorded here.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    calls, processes = table_of(UsageCall).c, table_of(PipelineProcess).c
    is_young = calls.created_after_us < _LIVE_WITHIN_US
    query = select(calls.completed_at).where(is_young).order_by(calls.completed_at).limit(1)
    try:
        with engine.connect() as connection:
            if connection.execute(select(processes.process_id).limit(1)).first() is None:
                return None
            found: datetime | None = connection.execute(query).scalar()
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None
    return found


def records_pruned_before(engine: Engine) -> datetime:
    """Give the moment before which calls were deleted; their keys are gone with them.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    try:
        with engine.connect() as connection:
            return pruned_before(connection)[Kind.RECORDS]
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None
