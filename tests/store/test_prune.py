"""Old rows go in small steps: what is kept stays right, and nobody waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from tests.bench.prune import writes_while
from tests.store.oracle import found
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.pace import LEAST, Pace
from usage_plugin.store.prune import plan, prune
from usage_plugin.store.retention import BEGINNING, FOR_EVER, Kind, Retention, pruned_before
from usage_plugin.store.sheets.build import add_up
from usage_plugin.store.verify import verify
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

NOW = datetime(2026, 11, 20, 15, 20, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
KEEP_TEN_DAYS = Retention(records_days=10, sheets_days=FOR_EVER, daily_days=FOR_EVER)


def quick(**options: Any) -> Pace:
    return Pace(sleep=lambda _seconds: None, **options)


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        number: int = connection.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar_one()
    return number


def fill(engine: Engine, calls: int = 200) -> None:
    """Store calls of 20 days up to now, with two tags each and prices."""
    step = 20 * DAY / calls
    ages = range(calls - 1, -1, -1)
    *older, newest = [make_event(completed_at=NOW - n * step, tags=("a", f"t{n % 3}")) for n in ages]
    write_events(engine, older)
    write_events(engine, [newest])


def test_calls_go_with_their_tags_and_their_totals_stay(engine: Engine) -> None:
    """By whole days: the oldest day that is left is complete, and all totals still agree."""
    fill(engine)
    totals = found(engine)
    seen: list[tuple[int, int]] = []
    pruned = prune(engine, KEEP_TEN_DAYS, NOW, quick(first=7), progress=lambda done, due: seen.append((done, due)))
    with engine.connect() as connection:
        oldest = connection.execute(text("SELECT MIN(completed_at) FROM usage_record")).scalar_one()
        mark = pruned_before(connection)[Kind.RECORDS]
    assert str(oldest) >= "2026-11-10 00:00" > str(NOW - 11 * DAY)
    assert mark == datetime(2026, 11, 10, tzinfo=UTC)
    left = count(engine, "usage_record")
    assert pruned.rows == {Kind.RECORDS: 200 - left, Kind.SHEETS: 0, Kind.DAILY: 0}
    assert 100 < left < 110
    assert count(engine, "usage_record_tag") == 2 * left
    assert seen[-1] == (200 - left, 200 - left)
    assert len(seen) > 1
    assert found(engine) == totals
    result = verify(engine)
    assert (result.is_right, result.calls) == (True, left)
    assert prune(engine, KEEP_TEN_DAYS, NOW, quick()).rows[Kind.RECORDS] == 0


def test_a_dry_run_says_what_would_go_and_changes_nothing(engine: Engine) -> None:
    """Rows, days and bytes of each kind; afterwards there is nothing left to say."""
    fill(engine)
    retention = Retention(records_days=2, sheets_days=5, daily_days=8)
    add_up(engine, NOW, ZoneInfo("UTC"))
    records, sheets, daily = plan(engine, retention, NOW)
    assert count(engine, "usage_record") == 200
    assert (records.rows, records.days) == (173, 18)
    assert records.before == datetime(2026, 11, 18, tzinfo=UTC)
    assert records.about_bytes > 1000
    assert (sheets.before, sheets.days) == (datetime(2026, 11, 15, tzinfo=UTC), 15)
    assert sheets.rows >= 15
    assert (daily.before, daily.rows, daily.days) == (datetime(2026, 11, 12, tzinfo=UTC), 12, 12)
    pruned = prune(engine, retention, NOW, quick())
    assert pruned.rows == {each.kind: each.rows for each in (records, sheets, daily)}
    assert [each.rows for each in plan(engine, retention, NOW)] == [0, 0, 0]
    assert verify(engine).is_right


def test_for_ever_is_for_ever(engine: Engine) -> None:
    """With 0 nothing goes, however old it is; totals never go before what they sum up."""
    write_events(engine, [make_event(completed_at=datetime(1999, 1, 1, tzinfo=UTC))])
    for retention in (Retention(0, 0, 0), Retention(0, 1, 1)):
        assert retention.cutoffs(NOW)[Kind.SHEETS] == BEGINNING.replace(hour=0)
        assert sum(prune(engine, retention, NOW, quick()).rows.values()) == 0
    cutoffs = Retention(records_days=90, sheets_days=30, daily_days=7).cutoffs(NOW)
    assert cutoffs[Kind.DAILY] <= cutoffs[Kind.SHEETS] <= cutoffs[Kind.RECORDS]


def test_pruning_that_is_stopped_goes_on_where_it_was(engine: Engine) -> None:
    """The mark moves with the rows: at each moment all totals agree with what is there."""
    fill(engine, 100)

    class Stop(Exception):  # noqa: N818 - stands for a kill
        pass

    def stop(_seconds: float) -> None:
        raise Stop

    left = []
    for _ in range(3):
        with pytest.raises(Stop):
            prune(engine, KEEP_TEN_DAYS, NOW, Pace(first=5, sleep=stop))
        left.append(count(engine, "usage_record"))
        assert verify(engine).is_right
    assert left == sorted(left, reverse=True)
    prune(engine, KEEP_TEN_DAYS, NOW, quick())
    assert verify(engine).is_right


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hours=st.lists(st.integers(0, 24 * 12), min_size=1, max_size=12),
    days=st.tuples(*[st.integers(0, 8)] * 3),
    late=st.lists(st.integers(0, 24 * 12), max_size=4),
)
def test_totals_agree_after_any_pruning(
    engine: Engine, hours: list[int], days: tuple[int, int, int], late: list[int]
) -> None:
    """Whatever is kept for how long, and whatever comes late into a time that was pruned."""
    for hours_ago in (hours, late):
        write_events(engine, [make_event(completed_at=NOW - ago * HOUR) for ago in hours_ago])
        prune(engine, Retention(*days), NOW, quick())
        assert verify(engine).differences == 0


def test_a_step_is_as_large_as_its_time_allows(engine: Engine) -> None:
    """It shrinks when the database is slow and grows when it is fast; the rest is as long as the work."""
    seconds: Iterator[float] = iter([0.0, 0.16, 1.0, 1.01])
    rests: list[float] = []
    pace = Pace(lock_s=0.04, rest_s=0.05, first=100, clock=lambda: next(seconds), sleep=rests.append)
    with pace.step(engine):
        pass
    assert pace.size == 25
    with pace.step(engine):
        pass
    assert pace.size == 37
    assert pace.longest_s == pytest.approx(0.16)
    pace.clock = lambda: 9.0
    pace.rest(since=8.9)
    pace.rest(since=8.99)
    assert rests == [pytest.approx(0.1), pytest.approx(0.05)]


def test_a_slow_connection_does_not_make_steps_tiny(engine: Engine) -> None:
    """Where a step's round trips alone take longer than it may, each step still deletes some rows."""
    now = 0.0

    def slow() -> float:
        nonlocal now
        now += 1.0
        return now

    pace = Pace(clock=slow, sleep=lambda _seconds: None)
    for _ in range(9):
        with pace.step(engine):
            pass
    assert pace.size == LEAST


def test_a_file_becomes_smaller(sqlite_url: str) -> None:
    """SQLite gives the space of what went back to the disk, by itself."""
    engine = connect(sqlite_url)
    migrate(engine)
    fill(engine, 6000)
    add_up(engine, NOW, ZoneInfo("UTC"))
    checkpointed(engine)
    file = Path(str(make_url(sqlite_url).database))
    before = file.stat().st_size
    (records, *_) = plan(engine, Retention(1, 0, 0), NOW)
    pruned = prune(engine, Retention(1, 0, 0), NOW, quick())
    checkpointed(engine)
    assert pruned.bytes_returned == before - file.stat().st_size > 0.5 * before
    assert records.about_bytes == pytest.approx(pruned.bytes_returned, rel=0.4)
    assert verify(engine).is_right
    engine.dispose()


def test_a_writer_beside_it_does_not_wait(engine: Engine) -> None:
    """200 writes a second go on while most of the database goes."""
    fill(engine, 5000)
    waits, pruned = writes_while(engine, lambda: prune(engine, KEEP_TEN_DAYS, NOW), per_second=200, at=NOW)
    assert 2300 < pruned.rows[Kind.RECORDS] < 2500
    assert pruned.longest_step_s < 1
    assert count(engine, "usage_record") < 2700 + len(waits)
    assert len(waits) > 20
    assert sorted(waits)[len(waits) // 2] < 0.25
    assert verify(engine).is_right


def checkpointed(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
