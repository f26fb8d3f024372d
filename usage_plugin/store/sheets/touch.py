"""Changed calls in, their hours counted out: by it, a reader knows which sheets are older than the calls."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from datetime import date, datetime
from functools import cache

from sqlalchemy import Connection

from usage_plugin.store.bulk import insert
from usage_plugin.store.tables import UsageTouch, table_of

HOUR_S = 3600
_DAY_H = 24
_FIRST_HOUR = date(1970, 1, 1).toordinal() * _DAY_H
_COLUMNS = ("utc_hour", "writer", "changes")
_AGAIN = "(utc_hour, writer) DO UPDATE SET changes = usage_touch.changes + excluded.changes"


def touch(connection: Connection, moments: Iterable[datetime]) -> None:
    """Note, in the transaction that changes calls, in which hours those ended.

    Each process counts in rows of its own, so that no two wait for each other.

    Args:
        connection: Of the transaction.
        moments: When the calls ended, those that came and those that went; in UTC.
    """
    writer = _writer(os.getpid())
    since_year_1 = {moment.toordinal() * _DAY_H + moment.hour for moment in moments}
    hours = sorted(hour - _FIRST_HOUR for hour in since_year_1)
    insert(connection, table_of(UsageTouch), _COLUMNS, [(hour, writer, 1) for hour in hours], _AGAIN)


@cache
def _writer(process_id: int) -> int:  # noqa: ARG001 - a forked process is another writer
    return secrets.randbits(62)
