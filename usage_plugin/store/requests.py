"""Calls in, those of them whose request has its row already out, whatever the row's key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.event import UsageEvent
from usage_plugin.store.calls import has_call_id
from usage_plugin.store.database import unavailable
from usage_plugin.store.tables import UsageRecord, table_of

IDS_AT_ONCE = 500
# A client may use a call id again; and not every route tells when the proxy received a call.
SAME_REQUEST_WITHIN = timedelta(seconds=1)


def with_a_row(engine: Engine, events: Sequence[UsageEvent]) -> set[str]:
    """Give the keys of those events whose requests have their rows.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    table = table_of(UsageRecord)
    columns = table.c
    query = sa.select(columns.litellm_call_id, columns.received_at).where(columns.is_terminal)
    received: dict[str, list[datetime]] = {}
    ids = sorted({event.litellm_call_id for event in events if event.litellm_call_id})
    try:
        with engine.connect() as connection:
            for start in range(0, len(ids), IDS_AT_ONCE):
                some = has_call_id(table, ids[start : start + IDS_AT_ONCE], engine.dialect.name)
                for call_id, received_at in connection.execute(query.where(some)):
                    received.setdefault(call_id, []).append(received_at)
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None
    return {event.event_key for event in events if _is_among(event, received.get(event.litellm_call_id or "", []))}


def _is_among(event: UsageEvent, received: Sequence[datetime]) -> bool:
    return any(abs(moment - event.timing.received_at) <= SAME_REQUEST_WITHIN for moment in received)
