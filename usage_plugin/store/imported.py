"""A store in, since when calls are recorded live out: what an import should leave alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.store.database import unavailable
from usage_plugin.store.tables import PipelineProcess, UsageRecord, table_of

_LIVE_WITHIN_S = 3600


def recorded_live_since(engine: Engine) -> datetime | None:
    """Give the end of the first call that was stored within an hour of it, where a proxy has ever recorded here.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    records, processes = table_of(UsageRecord).c, table_of(PipelineProcess).c
    is_young = _age_s(engine, records.completed_at, records.created_at) < _LIVE_WITHIN_S
    query = select(records.completed_at).where(is_young).order_by(records.completed_at).limit(1)
    try:
        with engine.connect() as connection:
            if connection.execute(select(processes.process_id).limit(1)).first() is None:
                return None
            found: datetime | None = connection.execute(query).scalar()
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None
    return found


def _age_s(engine: Engine, earlier: ColumnElement[datetime], later: ColumnElement[datetime]) -> ColumnElement[Any]:
    if engine.dialect.name == "sqlite":
        return (func.julianday(later) - func.julianday(earlier)) * 86400
    return func.extract("epoch", later - earlier)
