"""Calls by month on PostgreSQL: a month is there when a call needs it, and goes whole; a call is in one of them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from tests.store.oracle import expected, found
from usage_plugin.event import NOT_REPORTED, Status
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.pace import Pace
from usage_plugin.store.partitions import month_of, prepare, whole_months
from usage_plugin.store.prune import plan, prune
from usage_plugin.store.retention import FOR_EVER, Kind, Retention
from usage_plugin.store.verify import verify
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.fixture
def engine(migrated_postgres_url: str) -> Iterator[Engine]:
    engine = connect(migrated_postgres_url)
    yield engine
    engine.dispose()


def partitions(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return {month.name for month in whole_months(connection, datetime(2200, 1, 1, tzinfo=UTC))}


def calls_in(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar_one())


@pytest.mark.parametrize(
    ("year", "month", "name", "bounds"),
    [
        (2026, 12, "usage_call_202612", ("'2026-12-01 00:00:00+00'", "'2027-01-01 00:00:00+00'")),
        (2020, 1, "usage_call_202001", ("'2020-01-01 00:00:00+00'", "'2020-02-01 00:00:00+00'")),
        (2019, 5, "usage_call_before_2020", ("MINVALUE", "'2020-01-01 00:00:00+00'")),
        (2100, 7, "usage_call_from_2100", ("'2100-01-01 00:00:00+00'", "MAXVALUE")),
    ],
)
def test_every_moment_has_a_month(year: int, month: int, name: str, bounds: tuple[str, str]) -> None:
    """However far away, without thousands of partitions."""
    found = month_of(datetime(year, month, 1, tzinfo=UTC))
    assert (found.name, found.bounds) == (name, bounds)


def test_calls_of_any_time_find_their_month(engine: Engine) -> None:
    """An import brings years that nobody prepared; this month and the next are there before the first call."""
    moments = [MIDNIGHT, MIDNIGHT - SECOND, datetime(1999, 1, 1, tzinfo=UTC), datetime(2150, 1, 1, tzinfo=UTC)]
    assert write_events(engine, [make_event(completed_at=moment) for moment in moments]) == 4
    for moment in moments:
        assert calls_in(engine, month_of(moment).name) == 1
    now = datetime.now(UTC)
    assert {month_of(now).name, month_of(now + 31 * DAY).name} <= partitions(engine)
    assert found(engine) == expected(engine)


def test_writers_that_need_the_same_month_at_once_make_it_once(engine: Engine) -> None:
    """Each with an engine of its own, as processes have."""
    engines = [connect(engine.url.render_as_string(hide_password=False)) for _ in range(4)]
    months = [MIDNIGHT + 31 * DAY * n for n in range(4)]

    def write(own: Engine) -> int:
        return sum(write_events(own, [make_event(completed_at=month) for _ in range(60)]) for month in months)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(write, engines)) == [240] * 4
    assert calls_in(engine, "usage_call") == 4 * 240
    assert found(engine) == expected(engine)
    for own in engines:
        own.dispose()


def test_a_month_is_made_while_others_write(engine: Engine) -> None:
    """A transaction that has stored calls and is not at its end keeps no new month waiting."""
    other = connect(engine.url.render_as_string(hide_password=False))
    with other.begin() as connection:
        connection.execute(text("LOCK TABLE usage_call IN ROW EXCLUSIVE MODE"))
        with ThreadPoolExecutor(1) as pool:
            written = pool.submit(write_events, engine, [make_event(completed_at=MIDNIGHT)])
            assert written.result(timeout=20) == 1
    other.dispose()


def test_migrating_makes_the_months_ahead(engine: Engine) -> None:
    """Also where the schema is up to date: whoever writes may lack the right to make one."""
    ahead = month_of(datetime.now(UTC) + 31 * DAY).name
    prepare(engine)
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {ahead}"))
    migrate(engine)
    assert ahead in partitions(engine)


@pytest.mark.parametrize("first", [MIDNIGHT - SECOND, MIDNIGHT + SECOND])
@pytest.mark.parametrize("counted", [False, True])
def test_a_report_that_ends_in_another_month_is_the_same_call(engine: Engine, first: datetime, counted: bool) -> None:
    """At the edge of a month, reports of one request may differ in the month in which it ended."""
    second = 2 * MIDNIGHT.timestamp() - first.timestamp()
    key = "a" * 32
    for moment in (first, datetime.fromtimestamp(second, UTC)):
        event = make_event(event_key=key, completed_at=moment)
        write_events(engine, () if counted else [event], counted=[event] if counted else ())
    assert calls_in(engine, "usage_call") == 1
    assert found(engine) == expected(engine)


def test_a_stand_in_whose_end_nobody_knows_is_one_call(engine: Engine) -> None:
    """Two processes may stand in for the same request, weeks apart; its report replaces it wherever it is."""
    for moment in (MIDNIGHT + 10 * DAY, MIDNIGHT + 40 * DAY):
        stand_in = make_event(
            event_key="b" * 32, completed_at=moment, status=Status.INTERRUPTED, error_class=NOT_REPORTED
        )
        write_events(engine, [stand_in])
    assert calls_in(engine, "usage_call") == 1
    write_events(engine, [make_event(event_key="c" * 32, replaces="b" * 32, completed_at=MIDNIGHT + 70 * DAY)])
    assert calls_in(engine, "usage_call") == 1
    assert found(engine) == expected(engine)


def test_whole_months_go_at_once(engine: Engine) -> None:
    """The dry run names them; of the month that is cut the old rows go as ever, and totals stay provable."""
    write_events(engine, [make_event(completed_at=NOW - n * DAY, tags=("a",)) for n in range(100)])
    keep = Retention(30, FOR_EVER, FOR_EVER)
    totals = found(engine)
    (records, *_) = plan(engine, keep, NOW)
    assert records.partitions == ("usage_call_202602", "usage_call_202603")
    assert records.about_bytes > 0
    pruned = prune(engine, keep, NOW, Pace(sleep=lambda _seconds: None))
    assert pruned.rows[Kind.RECORDS] == records.rows == 69
    assert not partitions(engine) & set(records.partitions)
    assert calls_in(engine, "usage_record_tag") == 31
    assert found(engine) == totals
    assert verify(engine).is_right


def test_a_late_call_of_a_month_that_another_process_dropped_is_stored(engine: Engine) -> None:
    """The month is made again, though this process knew it to be there."""
    prepare(engine, [MIDNIGHT])
    other = connect(engine.url.render_as_string(hide_password=False))
    prune(other, Retention(30, FOR_EVER, FOR_EVER), NOW, Pace(sleep=lambda _seconds: None))
    other.dispose()
    assert "usage_call_202603" not in partitions(engine)
    for size in (1, 60):
        assert write_events(engine, [make_event(completed_at=MIDNIGHT) for _ in range(size)]) == size
    assert calls_in(engine, "usage_call_202603") == 61


def test_a_month_that_others_read_keeps_no_writer_waiting(engine: Engine) -> None:
    """Dropping gives up after a moment, and the rows go in steps instead."""
    write_events(engine, [make_event(completed_at=MIDNIGHT + n * SECOND) for n in range(5)])
    with engine.connect() as reader:
        reader.execute(text("SELECT COUNT(*) FROM usage_call"))
        pruned = prune(engine, Retention(30, FOR_EVER, FOR_EVER), NOW, Pace(sleep=lambda _seconds: None))
    assert pruned.rows[Kind.RECORDS] == 5
    assert calls_in(engine, "usage_call") == 0
