"""Accounts of processes, and how soon calls are stored: the same on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, update

from usage_plugin.account import ProcessAccount
from usage_plugin.errors import StoreUnavailable
from usage_plugin.store.calls import UsageCall
from usage_plugin.store.database import connect
from usage_plugin.store.pipeline import forget_old, keep_account, settle_account
from usage_plugin.store.read import processes, recording
from usage_plugin.store.tables import table_of
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
ACCOUNT = ProcessAccount(
    process_id="20260304T110000-12-ab", role="proxy", host="node-1", pid=12, version="0.1.0",
    started_at=NOW - 90 * MINUTE, beat_at=NOW, seen=2**40, spooled=9, stored=8, folded=7, adopted=6, set_aside=5,
    lost=4, waiting=3, spool_bytes=2**35, oldest_waiting_at=NOW - SECOND, last_stored_at=NOW,
    last_error="StoreUnavailable: away", last_error_at=NOW,
)  # fmt: skip


def test_an_account_comes_back_as_it_went_in(engine: Engine) -> None:
    """Every field, with moments in UTC; a newer account replaces the older, another process has its own."""
    keep_account(engine, ACCOUNT)
    newer = replace(ACCOUNT, beat_at=NOW + SECOND, stored=11, waiting=0, oldest_waiting_at=None, last_error=None)
    other = replace(ACCOUNT, process_id="other", role="sdk", beat_at=NOW - SECOND)
    keep_account(engine, newer)
    keep_account(engine, other)
    assert processes(engine) == (newer, other)


def test_a_settled_account_waits_for_nothing(engine: Engine) -> None:
    """Whoever stores the spool of a killed process ends its account; what it said of its stop stays."""
    keep_account(engine, ACCOUNT)
    keep_account(engine, replace(ACCOUNT, process_id="stopped", stopped_at=NOW - SECOND))
    for process_id in (ACCOUNT.process_id, "stopped", "unknown"):
        settle_account(engine, process_id)
    found = {account.process_id: account for account in processes(engine)}
    settled = replace(ACCOUNT, waiting=0, spool_bytes=0, oldest_waiting_at=None, stopped_at=NOW)
    assert found[ACCOUNT.process_id] == settled
    assert found["stopped"].stopped_at == NOW - SECOND
    assert len(found) == 2


def test_old_accounts_are_forgotten(engine: Engine) -> None:
    """By their last beat, so that a process that lives for weeks stays."""
    keep_account(engine, ACCOUNT)
    keep_account(engine, replace(ACCOUNT, process_id="old", beat_at=NOW - 2 * MINUTE))
    forget_old(engine, NOW - MINUTE)
    assert [account.process_id for account in processes(engine)] == [ACCOUNT.process_id]


def test_a_database_that_is_away_is_said() -> None:
    """As everywhere else in the store."""
    away = connect("postgresql+psycopg://u:p@127.0.0.1:1/x")
    for ask in (lambda: keep_account(away, ACCOUNT), lambda: forget_old(away, NOW), lambda: processes(away)):
        with pytest.raises(StoreUnavailable):
            ask()


def store(engine: Engine, stored_at: datetime, delay_s: float, calls: int = 1) -> None:
    """Write a call as if the store's clock had stood at *stored_at*."""
    event = make_event(completed_at=stored_at - timedelta(seconds=delay_s), calls=calls)
    write_events(engine, [event])
    table = table_of(UsageCall)
    with engine.begin() as connection:
        here = update(table).where(table.c.event_key == event.event_key)
        connection.execute(here.values(created_after_us=round(delay_s * 1_000_000)))


def test_stored_calls_are_counted_by_the_minute_with_their_delay(engine: Engine) -> None:
    """Worked out by hand: of 1, 2, 3, 4 s half are within 2 s and 95 % within 4 s; counted rows count, untimed."""
    store(engine, NOW - SECOND, 99)
    for index, delay_s in enumerate((4.0, 1.0, 3.0, 2.0)):
        store(engine, NOW + index * SECOND, delay_s)
    store(engine, NOW + 59 * SECOND, 500, calls=40)
    store(engine, NOW + 2 * MINUTE, 0.25)
    store(engine, NOW + 3 * MINUTE, 77)
    found = recording(engine, NOW, NOW + 3 * MINUTE)
    assert found.minutes == (NOW, NOW + MINUTE, NOW + 2 * MINUTE)
    assert found.calls == (44, 0, 1)
    assert [known and round(known, 3) for known in found.p50_s] == [2, None, 0.25]
    assert [known and round(known, 3) for known in found.p95_s] == [4, None, 0.25]


def test_a_minute_of_counted_rows_has_no_delay(engine: Engine) -> None:
    """Their times are means over an hour; and a call from the future was not stored before it ended."""
    store(engine, NOW, 500, calls=40)
    store(engine, NOW + MINUTE, -3)
    found = recording(engine, NOW, NOW + 2 * MINUTE)
    assert (found.calls, found.p50_s, found.p95_s) == ((40, 1), (None, 0.0), (None, 0.0))
