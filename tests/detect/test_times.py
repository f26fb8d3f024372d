"""Which hours are over, which are missing, and when things are usual."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import Engine, insert

from tests.detect.calls import HOUR, NOW, Hour, company
from usage_plugin.detect import Options, detect
from usage_plugin.detect.series import Scope
from usage_plugin.detect.table import tabulate
from usage_plugin.detect.times import Recorded, closed_until, recorded, slots, unrecorded
from usage_plugin.detect.usual import usual_times
from usage_plugin.store.anomalies import anomalies
from usage_plugin.store.database import changing
from usage_plugin.store.read import Granularity, Question
from usage_plugin.store.tables import PipelineProcess, table_of
from usage_plugin.time_zone import UTC_ZONE

BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def process(engine: Engine, name: str, started_at: datetime, beat_at: datetime, **given: Any) -> None:
    row = PipelineProcess(
        process_id=name, role="proxy", host="h", pid=1, version="1", started_at=started_at, beat_at=beat_at, **given
    )
    with changing(engine) as connection:
        connection.execute(insert(table_of(PipelineProcess)).values(**row.model_dump()))


def test_an_hour_is_over_some_minutes_after_its_end(engine: Engine) -> None:
    """Calls are on their way for a moment."""
    known = recorded(engine, NOW.replace(minute=2), Options())
    assert closed_until(Granularity.HOUR, known, UTC_ZONE) == NOW.replace(minute=0) - HOUR
    known = recorded(engine, NOW.replace(minute=3), Options())
    assert closed_until(Granularity.HOUR, known, UTC_ZONE) == NOW.replace(minute=0)
    assert closed_until(Granularity.DAY, known, BERLIN) == datetime(2026, 6, 11, 22, tzinfo=UTC)


def test_calls_that_wait_are_waited_for(engine: Engine) -> None:
    """An hour whose calls are still in a spool is not judged; after six hours it is."""
    process(engine, "a", NOW - DAY, NOW, waiting=7, oldest_waiting_at=NOW - 2 * HOUR)
    known = recorded(engine, NOW, Options())
    assert known.complete_until == NOW - 2 * HOUR
    process(engine, "b", NOW - DAY, NOW + 20 * HOUR, waiting=7, oldest_waiting_at=NOW - 2 * HOUR)
    later = recorded(engine, NOW + 20 * HOUR, Options())
    assert later.complete_until == NOW + 14 * HOUR


def test_calls_of_a_process_that_is_gone_hold_nothing_up(engine: Engine) -> None:
    """Its machine may be gone with its spool: whoever finds that stores them late."""
    process(engine, "a", NOW - DAY, NOW - HOUR, waiting=7, oldest_waiting_at=NOW - 2 * HOUR)
    assert recorded(engine, NOW, Options()).complete_until == NOW - Options().settles_after


def test_while_nobody_records_time_is_missing(engine: Engine) -> None:
    """Only hours without any call, after the first process that is known, outside of all lives."""
    company(engine, lambda hour: None if 10 <= hour.start.hour < 16 and hour.start.day == 11 else hour, days=3)
    hours = Question(start=NOW.replace(hour=0, minute=0) - DAY, end=NOW.replace(minute=0))
    table = tabulate(engine, [Scope()], hours)
    first, second = table.buckets[0], table.buckets[13]
    known = Recorded(NOW, ((first - DAY, first + 11 * HOUR), (second + 30 * MINUTE, NOW)))
    missing = unrecorded(table, known)
    assert [bucket.hour for bucket, is_so in zip(table.buckets, missing, strict=True) if is_so] == [11, 12]
    assert not unrecorded(table, Recorded(NOW)).any()


def test_a_stopped_proxy_is_no_drop(sqlite: Engine) -> None:
    """Twelve hours without a call: a drop of everything, unless nobody was there to record."""
    begin = NOW.replace(minute=0) - 14 * HOUR

    def gone(hour: Hour) -> Hour | None:
        return None if begin <= hour.start < begin + 13 * HOUR else hour

    company(sqlite, gone)
    process(sqlite, "a", NOW - 60 * DAY, begin)
    process(sqlite, "b", begin + 13 * HOUR, NOW)
    found = detect(sqlite, NOW, UTC_ZONE, Options(lookback=2 * DAY), keeps=False)
    assert [row.headline for row in found.new if row.granularity == "hour"] == []
    process(sqlite, "c", NOW - 60 * DAY, NOW)
    detect(sqlite, NOW, UTC_ZONE, Options(lookback=2 * DAY))
    assert "drop" in {row.kind for row in anomalies(sqlite) if row.granularity == "hour"}


def test_places_on_the_clock_follow_the_zone() -> None:
    """Nine o'clock stays nine o'clock when clocks are changed; days are counted through."""
    friday, monday = datetime(2026, 3, 27, 8, tzinfo=UTC), datetime(2026, 3, 30, 7, tzinfo=UTC)
    places = slots(Granularity.HOUR, [friday, monday], BERLIN)
    assert (places % 24).tolist() == [9, 9]
    assert (places // 24 % 7).tolist() == [4, 0]
    midnights = [datetime(2026, 3, 27, 23, tzinfo=UTC) + at * DAY for at in (0, 1)] + [
        datetime(2026, 3, 29, 22, tzinfo=UTC)
    ]
    assert np.diff(slots(Granularity.DAY, midnights, BERLIN)).tolist() == [1, 1]


@pytest.mark.parametrize(("lasts", "times"), [(HOUR, 4), (6 * DAY, 4), (7 * DAY, 4), (8 * DAY, 2), (20 * DAY, 1)])
def test_usual_is_the_same_time_of_weeks_before(lasts: timedelta, times: int) -> None:
    """As long, at the same place in the week, and none of it anomalous."""
    found = usual_times(NOW, NOW + lasts, BERLIN, NOW - 365 * DAY)
    assert len(found) == times
    for start, end in found:
        assert end - start == lasts
        assert end <= NOW
        assert (NOW - start) % (7 * DAY) == timedelta()


def test_usual_is_nothing_where_there_is_no_past() -> None:
    """And on the wall clock, where there is one."""
    assert usual_times(NOW, NOW + HOUR, UTC_ZONE, NOW - 6 * DAY) == ()
    after = datetime(2026, 3, 31, 7, tzinfo=UTC)
    ((start, end),) = usual_times(after, after + HOUR, BERLIN, after - 8 * DAY)
    assert (start, end) == (datetime(2026, 3, 24, 8, tzinfo=UTC), datetime(2026, 3, 24, 9, tzinfo=UTC))
