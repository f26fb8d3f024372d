"""Calls that are counted together and rows that are withdrawn: what is stored adds up, whatever comes how often."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, text

from tests.store.oracle import expected, found
from usage_plugin.errors import StoreUnavailable
from usage_plugin.event import CostConfidence, Status, UsageEvent
from usage_plugin.store.database import writing
from usage_plugin.store.marks import move_mark
from usage_plugin.store.partitions import prepare
from usage_plugin.store.tables import TABLES, table_of
from usage_plugin.store.write import SpoolMark, write_events
from usage_plugin.testing import make_event

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
KEY = "c" * 32
MARK = SpoolMark("worker", 1, 100)
KEYS = [f"c0{number:030d}" for number in range(6)]


def rows(engine: Engine, sql: str) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(text(sql)).mappings()]


def one(engine: Engine, columns: str, table: str = "usage_record") -> dict[str, Any]:
    (row,) = rows(engine, f"SELECT {columns} FROM {table}")
    return row


def test_a_row_that_counts_calls_counts_in_the_totals_as_so_many(engine: Engine) -> None:
    """Tokens and cost of such a row are sums already; its latency is a mean."""
    counted = make_event(calls=4, latency_ms=250.0, cost_usd="0.5", confidence=CostConfidence.ESTIMATED)
    write_events(engine, [counted, make_event(calls=3, is_terminal=False, cost_usd=None)])
    columns = "requests, unfinished_attempts, estimated_requests, unpriced_requests, total_tokens"
    assert one(engine, columns, "usage_daily") == {
        "requests": 4,
        "unfinished_attempts": 3,
        "estimated_requests": 4,
        "unpriced_requests": 3,
        "total_tokens": 2200,
    }
    assert found(engine) == expected(engine)


def test_counted_calls_are_added_to_the_row_with_their_key(engine: Engine) -> None:
    """Counts are sums, times are means by calls, and the row spans the time of all of them."""
    first = make_event(event_key=KEY, calls=1, latency_ms=100.0, completed_at=NOON, search_units=2)
    later = NOON + timedelta(minutes=5)
    second = make_event(event_key=KEY, calls=3, latency_ms=500.0, completed_at=later, cost_usd="0.02", ttft_ms=7.0)
    assert write_events(engine, (), counted=[first]) == 1
    assert write_events(engine, (), counted=[second, second]) == 2
    columns = "calls, latency_ms, ttft_ms, cost_nano_usd, total_tokens, search_units"
    assert one(engine, columns) == {
        "calls": 7,
        "latency_ms": pytest.approx(3100 / 7),
        "ttft_ms": pytest.approx(7.0),
        "cost_nano_usd": 41_000_000,
        "total_tokens": 3300,
        "search_units": 2,
    }
    moments = one(engine, "received_at, completed_at")
    assert "12:05:00" in str(moments["completed_at"])
    assert "11:59:59.9" in str(moments["received_at"])
    assert found(engine) == expected(engine)
    assert one(engine, "requests", "usage_daily") == {"requests": 7}


def test_unpriced_calls_stay_unpriced_when_they_are_counted_together(engine: Engine) -> None:
    """Two unknown costs add up to an unknown one."""
    for _ in range(2):
        write_events(engine, (), counted=[make_event(event_key=KEY, calls=2, cost_usd=None)])
    assert one(engine, "calls, cost_nano_usd") == {"calls": 4, "cost_nano_usd": None}
    assert one(engine, "unpriced_requests, cost_nano_usd", "usage_daily") == {
        "unpriced_requests": 4,
        "cost_nano_usd": None,
    }


def test_a_commit_that_nobody_heard_of_counts_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection breaks after the commit; the same stretch of the spool written again adds nothing."""
    commit = engine.dialect.do_commit

    def commit_and_break(connection: Any) -> None:
        commit(connection)
        raise engine.dialect.loaded_dbapi.OperationalError("server closed the connection unexpectedly")

    counted = make_event(event_key=KEY, calls=5)
    single = make_event()
    prepare(engine, [single.timing.completed_at])
    with monkeypatch.context() as patch:
        patch.setattr(engine.dialect, "do_commit", commit_and_break)
        with pytest.raises(StoreUnavailable):
            write_events(engine, [single], MARK, [counted])
    assert write_events(engine, [single], MARK, [counted]) == 0
    assert [row["calls"] for row in rows(engine, "SELECT calls FROM usage_record ORDER BY calls")] == [1, 5]
    assert found(engine) == expected(engine)
    assert write_events(engine, (), SpoolMark("worker", 1, 200), [counted]) == 1
    assert write_events(engine, (), SpoolMark("worker", 0, 900), [counted]) == 0
    assert one(engine, "MAX(calls) AS calls") == {"calls": 10}


def test_a_commit_on_its_way_is_waited_for(engine: Engine) -> None:
    """While an earlier attempt's commit is still running, the next attempt waits, and then adds nothing."""
    answers: list[int] = []
    counted = [make_event(event_key=KEY, calls=5)]
    again = Thread(target=lambda: answers.append(write_events(engine, (), MARK, counted)))
    with writing(engine).begin() as connection:
        assert move_mark(connection, MARK)
        again.start()
        again.join(0.3)
        assert answers == []
    again.join(30)
    assert answers == [0]
    assert rows(engine, "SELECT * FROM usage_record") == []


@pytest.mark.parametrize("size", [2, 60])
def test_writers_that_meet_lose_nothing_and_block_nobody_for_good(engine: Engine, size: int) -> None:
    """Four processes add to the same rows and the same totals at once, and end."""

    def write(writer: int) -> None:
        for number in range(8):
            events = [make_event(team_id=f"t{(writer + i) % 3}", tags=("x",)) for i in range(size)]
            both = [make_event(event_key=KEYS[i], calls=2) for i in (writer % 2, 1 - writer % 2)]
            interim = make_event(status=Status.INTERRUPTED)
            write_events(engine, [*events, interim], SpoolMark(f"w{writer}", 1, 2 * number + 1), both)
            write_events(engine, [make_event(replaces=interim.event_key)], SpoolMark(f"w{writer}", 1, 2 * number + 2))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert int(one(engine, "SUM(calls) AS n")["n"]) == 4 * 8 * (size + 4 + 1)
    assert found(engine) == expected(engine)


def test_an_event_withdraws_the_row_that_it_replaces(engine: Engine) -> None:
    """The interim row goes with its tags, and its amounts leave the totals; a place without calls goes, too."""
    interim = make_event(event_key=KEY, status=Status.INTERRUPTED, tags=("a",), cost_usd="0.3")
    write_events(engine, [interim])
    final = make_event(event_key="f" * 32, replaces=KEY, cost_usd="0.5", tags=("b",))
    assert write_events(engine, [final]) == 1
    assert write_events(engine, [final]) == 0
    assert one(engine, "event_key, tag", "usage_record_tag") == {"event_key": "f" * 32, "tag": "b"}
    assert one(engine, "status") == {"status": "success"}
    columns = "requests, failed_requests, cost_nano_usd"
    assert one(engine, columns, "usage_daily") == {"requests": 1, "failed_requests": 0, "cost_nano_usd": 500_000_000}
    assert found(engine) == expected(engine)


def test_replacing_what_is_not_there_changes_nothing(engine: Engine) -> None:
    """The interim row may never have been written."""
    write_events(engine, [make_event(replaces="0" * 32)])
    assert one(engine, "requests", "usage_daily") == {"requests": 1}


def test_an_interim_row_and_its_end_in_one_batch_are_one_row(engine: Engine) -> None:
    """Both may wait in the same spool."""
    interim = make_event(event_key=KEY, status=Status.INTERRUPTED)
    assert write_events(engine, [interim, make_event(event_key="f" * 32, replaces=KEY)]) == 1
    assert one(engine, "event_key") == {"event_key": "f" * 32}
    assert found(engine) == expected(engine)


def test_a_place_whose_priced_calls_left_has_no_cost(engine: Engine) -> None:
    """What is left are calls that nobody could price: their cost is unknown, not 0."""
    write_events(engine, [make_event(event_key=KEY), make_event(cost_usd=None)])
    write_events(engine, [make_event(replaces=KEY, cost_usd=None)])
    assert one(engine, "requests, cost_nano_usd", "usage_daily") == {"requests": 2, "cost_nano_usd": None}


def test_made_up_keys_leave_no_totals_behind(engine: Engine) -> None:
    """A thousand refused calls with a thousand made-up keys are one row of the totals; each record keeps its hash."""
    refused = [make_event(status=Status.REJECTED, model=None, api_key_hash=f"made-up-{i}") for i in range(1000)]
    known = make_event(status=Status.REJECTED, model=None, api_key_hash="ours", api_key_alias="ci")
    write_events(engine, [*refused, known])
    assert one(engine, "rejected_requests", "usage_daily") == {"rejected_requests": 1001}
    assert one(engine, "COUNT(DISTINCT api_key_hash) AS n") == {"n": 1001}


def _event(number: int, cost_usd: Decimal, **others: Any) -> UsageEvent:
    """Make an event whose key says where and how it happened, as a key of calls counted together does."""
    confidence = (CostConfidence.EXACT, CostConfidence.UNPRICED, CostConfidence.ESTIMATED)[number % 3]
    return make_event(
        event_key=KEYS[number],
        completed_at=NOON.replace(hour=22 + number % 2) + timedelta(hours=number // 4),
        team_id=("a", None, "")[number % 3],
        status=(Status.SUCCESS, Status.REJECTED, Status.FAILURE)[number % 3],
        is_terminal=number != 4,
        cache_hit=number in (0, 4),
        cost_usd=None if confidence is CostConfidence.UNPRICED else cost_usd,
        confidence=confidence,
        **others,
    )


EVENTS = st.lists(
    st.builds(
        _event,
        st.integers(0, 5),
        calls=st.integers(1, 4),
        cost_usd=st.decimals(0, 10, places=9),
        latency_ms=st.integers(0, 100).map(float),
        prompt_tokens=st.integers(100, 200),
        replaces=st.none() | st.sampled_from(KEYS),
        tags=st.sampled_from([(), ("x",), ("x", "y")]),
    ),
    max_size=5,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(EVENTS, EVENTS, st.integers(0, 5)), max_size=6))
def test_totals_are_what_the_records_add_up_to(
    engine: Engine, steps: list[tuple[list[UsageEvent], list[UsageEvent], int]]
) -> None:
    """After any sequence of new, repeated, counted and replaced calls, totals equal a count over the records."""
    with writing(engine).begin() as connection:
        for table in TABLES:
            connection.execute(delete(table_of(table)))
    for number, (events, counted, earlier) in enumerate(steps):
        write_events(engine, events, SpoolMark("worker", 1, number + 1), counted)
        assert found(engine) == expected(engine)
        again = steps[min(earlier, number)]
        assert write_events(engine, again[0], SpoolMark("worker", 1, min(earlier, number) + 1), again[1]) == 0
        write_events(engine, again[0])
        assert found(engine) == expected(engine)
    orphans = "SELECT * FROM usage_record_tag WHERE event_key NOT IN (SELECT event_key FROM usage_record)"
    assert rows(engine, orphans) == []
