"""Events in, rows and totals out, on both databases."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, text

from usage_plugin.event import CostConfidence, PriceSnapshot, Status, UsageEvent
from usage_plugin.store.calls import UsageCall
from usage_plugin.store.narrow import CALL_COLUMNS, narrow
from usage_plugin.store.rollups import Folded, fold
from usage_plugin.store.rows import as_rows, record_columns
from usage_plugin.store.tables import table_of
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

PRICE = PriceSnapshot(
    "p" * 32, "openai", "gpt-4o-mini", "litellm_price_map", "1.0", (("input_cost_per_token", "1E-7"),)
)


def rows(engine: Engine, sql: str) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(text(sql)).mappings()]


def test_an_event_becomes_a_row_with_its_tags_and_price(engine: Engine) -> None:
    """What was put in comes out, dollars beside nano-dollars."""
    event = make_event(cost_usd="0.000147600", tags=("a", "b", "a"), team_id="t1", price=PRICE)
    assert write_events(engine, [event]) == 1
    (row,) = rows(engine, "SELECT * FROM usage_record")
    assert row["cost_nano_usd"] == 147_600
    assert Decimal(str(row["cost_usd"])) == Decimal("0.0001476")
    assert row["price_key"] == PRICE.price_key
    assert [tag["tag"] for tag in rows(engine, "SELECT tag FROM usage_record_tag ORDER BY tag")] == ["a", "b"]
    assert len(rows(engine, "SELECT * FROM price_snapshot")) == 1


def test_writing_twice_is_writing_once(engine: Engine) -> None:
    """Twins in one batch and replays in a later one count once, in rows and in totals."""
    event = make_event(event_key="a" * 32)
    assert write_events(engine, [event, event]) == 1
    assert write_events(engine, [event]) == 0
    (day,) = rows(engine, "SELECT requests, cost_nano_usd FROM usage_daily")
    assert day == {"requests": 1, "cost_nano_usd": 1_000_000}


def test_two_writers_of_the_same_events_count_them_once(engine: Engine) -> None:
    """A race between processes that replay the same spool ends in one row and one count each."""
    events = [make_event(team_id=f"t{i % 3}") for i in range(200)]
    writers = [Thread(target=write_events, args=(engine, events[:: 1 if i else -1])) for i in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert rows(engine, "SELECT COUNT(*) AS n FROM usage_record") == [{"n": 200}]
    assert int(rows(engine, "SELECT SUM(requests) AS n FROM usage_daily")[0]["n"]) == 200


def test_money_is_exact_to_a_billionth(engine: Engine) -> None:
    """A cost that a float cannot hold comes back to the last digit, and so does its sum."""
    write_events(engine, [make_event(cost_usd="1234567.123456789"), make_event(cost_usd="0.000000001")])
    (total,) = rows(engine, "SELECT SUM(cost_nano_usd) AS n FROM usage_record")
    assert int(total["n"]) == 1_234_567_123_456_790


def test_an_unknown_cost_stays_null_and_is_counted(engine: Engine) -> None:
    """A day of unpriced calls has no cost at all; one priced call gives it that call's."""
    write_events(engine, [make_event(cost_usd=None), make_event(cost_usd=None)])
    assert rows(engine, "SELECT cost_usd, unpriced_requests FROM usage_daily") == [
        {"cost_usd": None, "unpriced_requests": 2}
    ]
    write_events(engine, [make_event(cost_usd="0.5")])
    assert rows(engine, "SELECT cost_nano_usd FROM usage_daily") == [{"cost_nano_usd": 500_000_000}]


def test_totals_know_failures_rejections_and_unfinished_attempts(engine: Engine) -> None:
    """Each outcome is counted where the tables page says; an unfinished attempt costs but is no request."""
    write_events(
        engine,
        [
            make_event(status=Status.FAILURE),
            make_event(status=Status.REJECTED, cost_usd=0, confidence=CostConfidence.FREE),
            make_event(is_terminal=False, confidence=CostConfidence.ESTIMATED),
        ],
    )
    columns = (
        "requests, failed_requests, rejected_requests, unfinished_attempts, cost_nano_usd, estimated_cost_nano_usd"
    )
    assert rows(engine, f"SELECT {columns} FROM usage_daily") == [
        {
            "requests": 2,
            "failed_requests": 1,
            "rejected_requests": 1,
            "unfinished_attempts": 1,
            "cost_nano_usd": 2_000_000,
            "estimated_cost_nano_usd": 1_000_000,
        }
    ]


def test_moments_come_back_in_utc(engine: Engine) -> None:
    """A moment is the same moment on both databases, and lands in the UTC day it belongs to."""
    write_events(engine, [make_event(completed_at=datetime(2026, 3, 29, 23, 59, 59, 123456, tzinfo=UTC))])
    (day,) = rows(engine, "SELECT day FROM usage_daily")
    assert str(day["day"]) == "2026-03-29"
    (row,) = rows(engine, "SELECT completed_at FROM usage_record")
    assert "2026-03-29 23:59:59.123456" in str(row["completed_at"])


def test_the_contracts_query_runs(engine: Engine) -> None:
    """The query that the documentation promises runs as it stands, with each database's own date arithmetic."""
    now = datetime.now(UTC)
    write_events(engine, [make_event(completed_at=now, team_id="blue", cost_usd="0.25") for _ in range(4)])
    postgres = engine.dialect.name == "postgresql"
    since = "NOW() - INTERVAL '30 days'" if postgres else "DATE('now', '-30 days')"
    found = rows(
        engine,
        f"""SELECT day, team_id, SUM(cost_usd) AS total_cost, SUM(total_tokens) AS total_tokens
        FROM usage_daily WHERE day >= {since}
        GROUP BY day, team_id ORDER BY day DESC, total_cost DESC""",
    )
    assert [(row["team_id"], float(row["total_cost"]), int(row["total_tokens"])) for row in found] == [
        ("blue", 1.0, 4400)
    ]


@pytest.mark.parametrize("text_value", ["名前", "x" * 5000, "a'b\"c", "", " ", "NULL", "None", 'a\\b{c,"d"}%s\n\t'])
def test_any_text_can_be_a_dimension(engine: Engine, text_value: str) -> None:
    """Names in any script and length are kept as they are."""
    write_events(engine, [make_event(team_id=text_value, tags=(text_value,))])
    for table, column in (("usage_record", "team_id"), ("usage_record_tag", "tag"), ("usage_daily", "team_id")):
        assert rows(engine, f"SELECT {column} FROM {table}") == [{column: text_value}]


@pytest.mark.parametrize("size", [1, 120])
def test_rows_hold_what_the_declared_types_would_write(engine: Engine, size: int) -> None:
    """The fast ways in write each column as SQLAlchemy does: moments, yes and no, numbers, and what is not set."""
    offset = timezone(timedelta(hours=-5))
    moment = datetime(2026, 3, 4, 23, 59, 59, 7, tzinfo=offset)
    events = [make_event(completed_at=moment, stream=number % 2 == 0, ttft_ms=None) for number in range(size)]
    write_events(engine, events)
    narrow_rows = rows(engine, "SELECT * FROM usage_call ORDER BY id")
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM usage_call"))
        given, _ = narrow(connection, record_columns(events, moment), {})
        values = [dict(zip(CALL_COLUMNS, row, strict=True)) for row in as_rows(given)]
        for each in values:
            each["event_key"] = each["event_key"].hex()
        connection.execute(insert(table_of(UsageCall)), values)
    assert [{**row, "id": 0, "created_after_us": 0} for row in narrow_rows] == [
        {**row, "id": 0, "created_after_us": 0} for row in rows(engine, "SELECT * FROM usage_call ORDER BY id")
    ]
    fast = rows(engine, "SELECT completed_at FROM usage_record")
    assert {row["completed_at"] for row in fast} == {
        "2026-03-05 04:59:59.000007" if engine.dialect.name == "sqlite" else moment
    }


EVENTS = st.lists(
    st.builds(
        lambda team, cost, hour: make_event(
            team_id=team, cost_usd=cost, completed_at=datetime(2026, 1, 1, hour, tzinfo=UTC)
        ),
        st.sampled_from([None, "", "a", "b"]),
        st.none() | st.decimals(0, 1000, places=9),
        st.integers(0, 23),
    ),
    max_size=20,
)


@given(EVENTS, st.integers(0, 20))
def test_totals_can_be_split_anywhere(events: list[UsageEvent], cut: int) -> None:
    """The totals of two parts add up to the totals of the whole, and what leaves again leaves nothing."""
    both, first, last = (
        record_columns(some, datetime(2026, 1, 2, tzinfo=UTC)) for some in (events, events[:cut], events[cut:])
    )
    assert +(_flat(fold(first)) + _flat(fold(last))) == +_flat(fold(both))
    assert not +_flat(fold(both, both), counted=False)
    assert _flat(fold(first, both), counted=False) == Counter(
        {key: -value for key, value in _flat(fold(last), counted=False).items()}
    )


def _flat(folded: Folded, *, counted: bool = True) -> Counter[tuple[Any, ...]]:
    """Give each total that is not zero by place and name; how many costs are known is counted, not taken back."""
    names = (*folded.names, "cost", "known")
    flat = (
        (place, name, value) for place, sums in folded.sums.items() for name, value in zip(names, sums, strict=True)
    )
    return Counter({(place, name): int(value) for place, name, value in flat if value and (counted or name != "known")})
