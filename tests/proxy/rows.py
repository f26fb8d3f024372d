"""A database in, the rows of a call out, as soon as they are there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Engine
from sqlmodel import Session, col, select

from usage_plugin.store.tables import UsageRecord, UsageRecordTag

WAIT_AT_MOST_S = 40.0
# Time for a second row of one call to show itself; the writer flushes every 0.1 s in these tests.
SETTLE_S = 0.3


def find_rows(engine: Engine, **wanted: Any) -> Sequence[UsageRecord]:
    """Read the rows whose columns have these values."""
    conditions: list[ColumnElement[bool]] = [col(getattr(UsageRecord, name)) == value for name, value in wanted.items()]
    with Session(engine) as session:
        return session.exec(select(UsageRecord).where(*conditions).order_by(col(UsageRecord.id))).all()


def wait_for_rows(
    engine: Engine, count: int, *, at_most_s: float = WAIT_AT_MOST_S, **wanted: Any
) -> Sequence[UsageRecord]:
    """Wait until *count* rows are there.

    Raises:
        AssertionError: Not enough rows came in time, or more than that.
    """
    deadline = time.monotonic() + at_most_s
    while len(rows := find_rows(engine, **wanted)) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(rows) == count, f"{len(rows)} rows instead of {count} where {wanted}: {rows}"
    return rows


def the_row(engine: Engine, call_id: str) -> UsageRecord:
    """Wait for the one row of a call, and a moment longer for a second one that must not come."""
    wait_for_rows(engine, 1, litellm_call_id=call_id)
    time.sleep(SETTLE_S)
    return wait_for_rows(engine, 1, litellm_call_id=call_id)[0]


def tags_of(engine: Engine, row: UsageRecord) -> set[str]:
    """Read a row's tags."""
    with Session(engine) as session:
        found = session.exec(select(UsageRecordTag.tag).where(col(UsageRecordTag.event_key) == row.event_key))
        return set(found.all())
