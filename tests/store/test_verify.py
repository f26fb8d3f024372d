"""Totals are compared with the records: what is right is right, what is wrong is named, and can be put right."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from tests.store.oracle import expected, found
from usage_plugin.errors import SchemaMismatch
from usage_plugin.event import CostConfidence, Status, UsageEvent
from usage_plugin.store.calls import UsageCall
from usage_plugin.store.database import connect, writing
from usage_plugin.store.retention import Kind, move_retention_mark
from usage_plugin.store.tables import TABLES, table_of
from usage_plugin.store.verify import SHOWN, Verification, verify
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
OF_A = "payer_id IN (SELECT id FROM usage_payer WHERE team_id = 'a')"


def change(engine: Engine, sql: str, **values: Any) -> None:
    with writing(engine).begin() as connection:
        connection.execute(text(sql), values)


def company(calls: int = 60) -> list[UsageEvent]:
    """Make calls of each kind over some days, with a gap between them; on the last one nobody knows a cost."""
    statuses, confidences = tuple(Status), tuple(CostConfidence)
    unpriced = make_event(completed_at=NOON + 90 * DAY, cost_usd=None, confidence=CostConfidence.UNPRICED)
    return [
        unpriced,
        *(
            make_event(
                completed_at=NOON + number % 7 * HOUR * 9 + (number % 3) * 40 * DAY,
                team_id=("a", None, "")[number % 3],
                team_alias="Team" if number % 3 == 0 else None,
                status=statuses[number % len(statuses)],
                is_terminal=number % 11 != 0,
                cache_hit=number % 5 == 0,
                confidence=confidences[number % len(confidences)],
                cost_usd=None if confidences[number % len(confidences)] is CostConfidence.UNPRICED else "0.000000001",
                latency_ms=0.1 * number,
                calls=1 + number % 4,
                api_key_hash=f"key{number % 2}",
            )
            for number in range(calls)
        ),
    ]


def test_totals_that_were_kept_as_calls_arrived_are_right(engine: Engine) -> None:
    """Of every kind of call, in each of its hours and days, one by one or many at once."""
    events = company()
    for event in events[:20]:
        write_events(engine, [event])
    write_events(engine, events)
    seen: list[tuple[int, int]] = []
    result = verify(engine, progress=lambda done, days: seen.append((done, days)))
    assert (result.is_right, result.differences, result.first) == (True, 0, [])
    assert result.calls == sum(event.calls for event in events)
    assert result.days == len({event.timing.completed_at.date() for event in events}) == len(seen)
    assert seen[-1][0] == seen[-1][1]


def test_an_empty_database_is_right(engine: Engine) -> None:
    """Nothing is nothing."""
    result = verify(engine)
    assert (result.is_right, result.days, result.totals) == (True, 0, 0)


def test_a_billionth_of_a_dollar_is_a_difference(engine: Engine) -> None:
    """Day, dimensions and both values are named."""
    write_events(engine, [make_event(completed_at=NOON, team_id="a", cost_usd="0.5"), make_event()])
    change(
        engine,
        f"UPDATE usage_day SET cost_nano_usd = cost_nano_usd + 1 WHERE {OF_A}",
    )
    result = verify(engine)
    (difference,) = result.first
    assert not result.is_right
    assert difference.table == "usage_daily"
    assert difference.dimensions["day"] == NOON.date()
    assert difference.dimensions["team_id"] == "a"
    assert difference.columns == {"cost_nano_usd": (500_000_001, 500_000_000)}


@pytest.mark.parametrize(
    "damage",
    [
        f"DELETE FROM usage_day WHERE {OF_A}",
        "DELETE FROM usage_day",
        "UPDATE usage_day SET cost_nano_usd = NULL",
        "UPDATE usage_day SET cost_nano_usd = 0 WHERE cost_nano_usd IS NULL",
        "UPDATE usage_day SET input_image_tokens = 1",
        "UPDATE usage_day SET payer_id = payer_id + 1000, requests = requests + 1",
        "UPDATE usage_day SET model_id = model_id + 1000",
        "DELETE FROM usage_call WHERE caller_id IN (SELECT id FROM usage_caller WHERE team_id IS NULL)",
        "UPDATE usage_call SET calls = calls + 1",
    ],
)
def test_every_damage_is_found_and_repaired(engine: Engine, damage: str) -> None:
    """Rows that are missing, changed, or stand for calls that are not there; names of teams and keys stay."""
    write_events(engine, company())
    assert verify(engine).is_right
    change(engine, damage)
    result = verify(engine)
    assert result.differences > 0
    assert len(result.first) == min(result.differences, SHOWN)
    repaired = verify(engine, repair=True)
    assert (repaired.differences, repaired.repaired, repaired.is_right) == (
        result.differences,
        result.differences,
        True,
    )
    assert verify(engine).differences == 0
    assert found(engine) == expected(engine)
    with engine.connect() as connection:
        named = connection.execute(text("SELECT DISTINCT team_id, team_alias FROM usage_daily WHERE team_id = 'a'"))
        assert [tuple(row) for row in named] == [("a", "Team")]
    write_events(engine, company())
    assert verify(engine).is_right


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE usage_model SET model = 'another'",
        "UPDATE usage_payer SET team_id = 'another', team_alias = NULL WHERE team_id = 'a'",
        "UPDATE usage_payer SET team_id = 'a' WHERE team_id = ''",
        "DELETE FROM usage_payer",
        "DELETE FROM usage_model",
    ],
)
def test_names_that_days_share_are_repaired(engine: Engine, damage: str) -> None:
    """Of every day at once; further calls find them again."""
    write_events(engine, company())
    change(engine, damage)
    assert verify(engine).differences > 0
    assert verify(engine, repair=True).is_right
    assert verify(engine).differences == 0
    assert found(engine) == expected(engine)
    with engine.connect() as connection:
        named = connection.execute(text("SELECT DISTINCT team_id, team_alias FROM usage_daily WHERE team_id = 'a'"))
        assert [tuple(row) for row in named] == [("a", "Team")]
    write_events(engine, [replace(event, event_key=f"f{event.event_key[1:]}") for event in company()])
    assert verify(engine).is_right


def test_totals_of_records_that_were_pruned_are_no_difference(engine: Engine) -> None:
    """Days of which records went are taken as they are; whole ones are compared."""
    write_events(engine, [make_event(completed_at=NOON + number * HOUR) for number in range(-30, 18)])
    with writing(engine).begin() as connection:
        calls = table_of(UsageCall)
        connection.execute(calls.delete().where(calls.c.completed_at < NOON))
        move_retention_mark(connection, Kind.RECORDS, NOON)
        move_retention_mark(connection, Kind.RECORDS, NOON - DAY)
    result = verify(engine)
    assert (result.is_right, result.calls, result.days, result.totals) == (True, 18, 3, 1)
    change(engine, "UPDATE usage_day SET requests = requests + 1")
    assert [each.dimensions["day"] for each in verify(engine, repair=True).first] == [(NOON + DAY).date()]
    assert verify(engine).is_right


@pytest.mark.parametrize("repair", [False, True])
def test_writers_go_on_meanwhile(engine: Engine, repair: bool) -> None:
    """Calls that come while it compares or repairs are neither lost in the totals nor called a difference."""
    write_events(engine, company())
    if repair:
        change(engine, "UPDATE usage_day SET requests = requests + 1")

    def write(number: int) -> None:
        for event in company(25):
            key = f"{number:06x}{event.event_key[-20:]}"
            interim = make_event(event_key=f"111111{key}", completed_at=event.timing.completed_at)
            write_events(engine, [interim])
            write_events(engine, [make_event(event_key=f"222222{key}", replaces=f"111111{key}", completed_at=NOON)])

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write, number) for number in range(2)]
        results = [verify(engine, repair=repair)]
        while not all(writer.done() for writer in writers):
            results.append(verify(engine))
        for writer in writers:
            writer.result()
    assert all(result.is_right for result in results)
    assert verify(engine).differences == 0
    assert found(engine) == expected(engine)


def test_a_repair_waits_for_writers(engine: Engine) -> None:
    """Totals that somebody is about to change are not read before they are changed."""
    write_events(engine, [make_event()])
    change(engine, "UPDATE usage_day SET requests = 2")
    results: list[Verification] = []
    repair = Thread(target=lambda: results.append(verify(engine, repair=True)))
    with writing(engine).begin() as writer:
        writer.execute(text("UPDATE usage_day SET requests = requests WHERE requests < 0"))
        repair.start()
        repair.join(0.3)
        assert repair.is_alive()
    repair.join(30)
    assert [result.repaired for result in results] == [1]


EVENTS = st.lists(
    st.builds(
        make_event,
        completed_at=st.datetimes(datetime(2026, 3, 1), datetime(2026, 3, 4), timezones=st.just(UTC)),
        team_id=st.none() | st.sampled_from(["", "a"]),
        api_key_hash=st.none() | st.sampled_from(["x", "y"]),
        status=st.sampled_from(Status),
        is_terminal=st.booleans(),
        cache_hit=st.booleans(),
        confidence=st.sampled_from([CostConfidence.EXACT, CostConfidence.ESTIMATED, CostConfidence.PARTIAL]),
        cost_usd=st.decimals(0, 10**6, places=9),
        latency_ms=st.floats(0, 1e6),
        calls=st.integers(1, 5),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(EVENTS, min_size=1, max_size=3), column=st.sampled_from(["calls", "prompt_tokens"]))
def test_right_totals_agree_and_wrong_ones_do_not(engine: Engine, batches: list[list[UsageEvent]], column: str) -> None:
    """Whatever is written agrees; a record that changes behind the store's back is found in its day."""
    _empty(engine)
    for batch in batches:
        write_events(engine, batch)
    assert verify(engine).differences == 0
    key = batches[0][0].event_key
    change(engine, f"UPDATE usage_call SET {column} = {column} + 1 WHERE event_key = :key", key=bytes.fromhex(key))
    (difference,) = verify(engine).first
    assert difference.dimensions["day"] == batches[0][0].timing.completed_at.date()


def test_a_database_without_tables_is_sent_to_migrate(database_url: str) -> None:
    """It is not called right."""
    with pytest.raises(SchemaMismatch, match="usage-plugin migrate"):
        verify(connect(database_url))


def _empty(engine: Engine) -> None:
    with writing(engine).begin() as connection:
        for table in TABLES:
            connection.execute(table_of(table).delete())
