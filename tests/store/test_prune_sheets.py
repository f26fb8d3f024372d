"""Calls go, and what the dashboard shows of them stays, to the billionth and at every moment."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, text

from tests.store.test_sheets import calls
from usage_plugin.errors import NoLongerKept
from usage_plugin.event import Status, UsageEvent
from usage_plugin.store import read
from usage_plugin.store.pace import Pace
from usage_plugin.store.prune import plan, prune
from usage_plugin.store.read import Dimension, Granularity, Question
from usage_plugin.store.retention import FOR_EVER, Kind, Retention
from usage_plugin.store.sheets import build, fold
from usage_plugin.store.sheets.build import add_up
from usage_plugin.store.verify import verify
from usage_plugin.store.write import SpoolMark, write_events
from usage_plugin.testing import make_event

START = datetime(2026, 4, 10, tzinfo=UTC)
DAY = timedelta(days=1)
NOW = START + 6 * DAY + timedelta(hours=9)
KEEP_TWO_DAYS = Retention(2, FOR_EVER, FOR_EVER)
WHOLE = Question(start=START - DAY, end=NOW, granularity=Granularity.DAY)
QUESTIONS = (
    WHOLE,
    WHOLE.grouped_by(Dimension.TEAM),
    WHOLE.grouped_by(Dimension.TAG),
    dataclasses.replace(WHOLE, team=("t0",), group_by=Dimension.MODEL),
    dataclasses.replace(WHOLE, end_user=("e1",), group_by=Dimension.KEY),
)


class Stop(Exception):  # noqa: N818 - stands for a kill
    """What a step ends with."""


def stopping(after: int, first: int = 25) -> Pace:
    """Give a pace that ends the work after some steps."""
    steps = iter(range(after))

    def sleep(_seconds: float) -> None:
        if next(steps, None) is None:
            raise Stop

    return Pace(first=first, sleep=sleep)


def answers(engine: Engine) -> list[Any]:
    found = []
    for question in QUESTIONS:
        stack = read.stack(engine, question, top=50)
        parts = sorted(zip(map(str, stack.members), map(str, stack.cost_nano_usd), strict=True))
        found.append((read.totals(engine, question), read.series(engine, question), parts))
    return found


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar_one())


@pytest.fixture
def filled(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Give a database with calls of six days, in sheets as a day of many thousand calls has."""
    monkeypatch.setattr(fold, "MOST_SINGLE", 30)
    monkeypatch.setattr(fold, "MOST_SHARING", 15)
    write_events(engine, calls(300, start=START, days=6))
    write_events(engine, [make_event(completed_at=NOW)])
    return engine


def test_answers_stay_what_they_were(filled: Engine) -> None:
    """Also when no worker had added the days up, and when one goes on with another time zone afterwards."""
    before, total = answers(filled), count(filled, "usage_record")
    pruned = prune(filled, KEEP_TWO_DAYS, NOW, Pace(sleep=lambda _seconds: None))
    assert 150 < pruned.rows[Kind.RECORDS] == total - count(filled, "usage_record")
    add_up(filled, NOW + DAY, ZoneInfo("Asia/Kolkata"))
    assert answers(filled) == before
    assert verify(filled).is_right


def test_what_only_pruned_calls_could_tell_is_refused(filled: Engine) -> None:
    """Two filters with a split by a third need single calls: a sum without those that are gone would be too small."""
    values: dict[str, Any] = {"provider": ("p0",), "call_type": ("acompletion",), "group_by": Dimension.MODEL}
    narrow = dataclasses.replace(WHOLE, **values)
    assert read.shares(filled, narrow, top=3)
    prune(filled, KEEP_TWO_DAYS, NOW, Pace(sleep=lambda _seconds: None))
    with pytest.raises(NoLongerKept, match="2026-04-10 are pruned"):
        read.shares(filled, narrow, top=3)
    assert read.shares(filled, narrow.between(NOW - DAY, NOW), top=3)


@pytest.mark.parametrize("minutes", [(7, 0), (0, -7)])
def test_a_time_that_ends_within_a_pruned_quarter_of_an_hour_is_refused(
    filled: Engine, minutes: tuple[int, int]
) -> None:
    """Only single calls could tell which of its calls came before that moment."""
    write_events(filled, [make_event(completed_at=START + timedelta(hours=6, minutes=5)), make_event(completed_at=NOW)])
    begin, end = (timedelta(minutes=each) for each in minutes)
    ragged = WHOLE.between(START + timedelta(hours=6) + begin, START + timedelta(hours=6, minutes=15) + end)
    prune(filled, KEEP_TWO_DAYS, NOW, Pace(sleep=lambda _seconds: None))
    for ask in (read.totals, read.latency_p95_ms):
        with pytest.raises(NoLongerKept, match="2026-04-10 are pruned"):
            ask(filled, ragged)
    assert read.totals(filled, ragged.between(NOW - DAY + begin, NOW)).requests


@pytest.mark.parametrize("after", [0, 3])
def test_a_kill_in_the_middle_changes_no_answer(filled: Engine, after: int) -> None:
    """Between any two steps what went is in the sheets, and what is left goes the next time."""
    before = answers(filled)
    with pytest.raises(Stop):
        prune(filled, KEEP_TWO_DAYS, NOW, stopping(after))
    assert answers(filled) == before
    assert verify(filled).is_right
    prune(filled, KEEP_TWO_DAYS, NOW, Pace(sleep=lambda _seconds: None))
    assert answers(filled) == before
    (records, *_) = plan(filled, KEEP_TWO_DAYS, NOW)
    assert (records.rows, records.late) == (0, 0)


def test_a_late_call_counts_and_stays(filled: Engine) -> None:
    """What comes after its time was pruned is read from its row, which goes with the sheets of its time."""
    prune(filled, KEEP_TWO_DAYS, NOW, Pace(sleep=lambda _seconds: None))
    left, before = count(filled, "usage_record"), read.totals(filled, WHOLE)
    late = [make_event(completed_at=START + DAY + minutes * timedelta(minutes=1), cost_usd="0.7") for minutes in (1, 2)]
    write_events(filled, late)
    for _ in range(2):
        (records, *_) = plan(filled, KEEP_TWO_DAYS, NOW)
        assert (records.rows, records.late) == (0, 2)
        assert prune(filled, KEEP_TWO_DAYS, NOW, Pace(sleep=lambda _seconds: None)).rows[Kind.RECORDS] == 0
        add_up(filled, NOW, ZoneInfo("UTC"))
        after = read.totals(filled, WHOLE)
        assert (after.requests, after.cost_nano_usd) == (before.requests + 2, (before.cost_nano_usd or 0) + 14 * 10**8)
        assert count(filled, "usage_record") == left + 2
        assert verify(filled).is_right


def test_a_call_that_comes_while_days_are_pruned_counts(filled: Engine) -> None:
    """A day that changes after it was added up is added up again before its calls go."""
    write_events(filled, [make_event(completed_at=START + 12 * timedelta(hours=hours)) for hours in range(3)])
    before = read.totals(filled, WHOLE).requests
    came = list[UsageEvent]()

    def sleep(_seconds: float) -> None:
        if len(came) < 4:
            came.append(make_event(completed_at=START + len(came) * DAY))
            write_events(filled, came[-1:])

    prune(filled, KEEP_TWO_DAYS, NOW, Pace(first=30, sleep=sleep))
    assert read.totals(filled, WHOLE).requests == before + 4
    assert verify(filled).is_right


def test_sheets_go_with_all_that_is_left_of_their_time(filled: Engine) -> None:
    """Sheets, segments, touches and late calls; the daily totals stay, and later days are not touched."""
    prune(filled, KEEP_TWO_DAYS, NOW, Pace(sleep=lambda _seconds: None))
    write_events(filled, [make_event(completed_at=START + DAY)])
    write_events(filled, [make_event(completed_at=NOW)])
    kept, daily = WHOLE.between(START + 3 * DAY, NOW), count(filled, "usage_daily")
    before = read.totals(filled, kept)
    keep = Retention(1, 3, FOR_EVER)
    going = plan(filled, keep, NOW)
    pruned = prune(filled, keep, NOW, Pace(sleep=lambda _seconds: None))
    assert pruned.rows == {each.kind: each.rows for each in going}
    assert pruned.rows[Kind.SHEETS] > 0
    assert (read.totals(filled, kept), count(filled, "usage_daily")) == (before, daily)
    assert read.totals(filled, WHOLE.between(START - DAY, START)).requests == 0
    gone = WHOLE.between(START - DAY, kept.start)
    assert read.totals(filled, dataclasses.replace(gone, as_kept=True)).requests == 0
    with pytest.raises(NoLongerKept, match="2026-04-13 are no longer kept") as refused:
        read.totals(filled, gone)
    assert refused.value.since == kept.start
    assert verify(filled).is_right
    with filled.connect() as connection:
        first = connection.execute(text("SELECT MIN(start_quarter) FROM usage_segment")).scalar_one()
        hour = connection.execute(text("SELECT MIN(utc_hour) FROM usage_touch")).scalar_one()
    assert first * 900 == hour * 3600 // 86_400 * 86_400 == kept.start.timestamp()


def test_calls_older_than_all_sheets_are_not_added_up_first(filled: Engine) -> None:
    """Years that nobody wants to keep go at once."""
    prune(filled, Retention(2, 2, FOR_EVER), NOW, Pace(sleep=lambda _seconds: None))
    assert count(filled, "usage_segment") == 0
    assert verify(filled).is_right
    with pytest.raises(NoLongerKept):
        read.totals(filled, WHOLE)


def test_time_whose_totals_are_gone_is_not_time_without_calls(filled: Engine) -> None:
    """Daily totals say whether there were any, and whose; without those nobody can tell."""
    prune(filled, Retention(1, 3, FOR_EVER), NOW, Pace(sleep=lambda _seconds: None))
    mark, asks = START + 3 * DAY, (read.totals, read.series, read.latency_p95_ms, read.cost_series)
    for ask in asks:
        with pytest.raises(NoLongerKept, match="2026-04-13 are no longer kept by the hour"):
            ask(filled, WHOLE.between(mark - timedelta(hours=1), NOW))
        ask(filled, WHOLE.between(mark, NOW))
    new = dataclasses.replace(WHOLE, team=("nobody",))
    assert read.totals(filled, new).requests == 0
    for team in (("t0",), (None, "t0")):
        with pytest.raises(NoLongerKept):
            read.totals(filled, dataclasses.replace(WHOLE, team=team))
    with pytest.raises(NoLongerKept):
        read.totals(filled, dataclasses.replace(WHOLE, key=("k0",)))
    prune(filled, Retention(1, 3, 3), NOW, Pace(sleep=lambda _seconds: None))
    with pytest.raises(NoLongerKept):
        read.totals(filled, new)


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_kill_while_old_time_goes_leaves_no_sum_too_small(filled: Engine, after: int) -> None:
    """Either all of it is added up still, or it is said that nobody can."""
    before = read.totals(filled, WHOLE)
    with pytest.raises(Stop):
        prune(filled, Retention(2, 3, FOR_EVER), NOW, stopping(after))
    with suppress(NoLongerKept):
        assert read.totals(filled, WHOLE) == before


@pytest.mark.parametrize("after", [0, 1])
def test_a_call_that_sheets_hold_already_may_still_be_corrected(filled: Engine, after: int) -> None:
    """Between the moment in which its day is frozen and the one in which it goes, and also when both come late."""
    early = [
        make_event(completed_at=START + minutes * timedelta(minutes=1), team_id="t0", tags=("g0",), cost_usd=cost)
        for minutes, cost in ((1400, 1), (1405, 2), (1410, None))
    ]
    flood = make_event(completed_at=START + timedelta(hours=23), calls=4, tags=("g0",), cost_usd=4)
    write_events(filled, early, SpoolMark("a", 1, 1), [flood])
    before = read.totals(filled, WHOLE)
    with pytest.raises(Stop):
        prune(filled, KEEP_TWO_DAYS, NOW, stopping(after, first=10))
    with filled.connect() as connection:
        query = "SELECT COUNT(*) FROM usage_segment WHERE frozen_id IS NOT NULL"
        assert connection.execute(text(query)).scalar_one() > 0
    final = [
        make_event(completed_at=old.timing.completed_at + timedelta(minutes=1), cost_usd=7, replaces=old.event_key)
        for old in early
    ]
    for events in (final, final, final[:1]):
        write_events(filled, events)
    for segment in (2, 2, 3):
        write_events(filled, [], SpoolMark("a", segment, 1), [dataclasses.replace(flood, calls=2)])
    expected = (before.requests + 4, (before.cost_nano_usd or 0) + (21 - 3 + 8) * 10**9, before.unpriced_requests - 1)
    for _ in range(3):
        for question in QUESTIONS[:2]:
            found = read.totals(filled, question)
            assert (found.requests, found.cost_nano_usd, found.unpriced_requests) == expected
            parts = read.members(filled, question)
            assert sum(usage.cost_nano_usd or 0 for _, usage in parts) == expected[1]
        assert daily(filled) == (expected[0] + 1, expected[1] + 10**6), "with the call that ended at NOW"
        assert verify(filled).is_right
        add_up(filled, NOW, ZoneInfo("UTC"))
        prune(filled, KEEP_TWO_DAYS, NOW, Pace(sleep=lambda _seconds: None))


def test_the_end_of_a_request_whose_row_is_pruned_counts_no_second_request(filled: Engine) -> None:
    """It is in the totals as one whose end nobody knew, and stays there once."""
    stand_in = make_event(completed_at=START + timedelta(hours=1), status=Status.INTERRUPTED, cost_usd=None)
    write_events(filled, [stand_in])
    write_events(filled, [make_event(completed_at=NOW)])
    before = read.totals(filled, WHOLE)
    prune(filled, KEEP_TWO_DAYS, NOW, Pace(sleep=lambda _seconds: None))
    late = make_event(completed_at=stand_in.timing.completed_at, replaces=stand_in.event_key)
    assert write_events(filled, [late]) == 0
    assert read.totals(filled, WHOLE) == before
    assert daily(filled)[0] == before.requests + 2, "with the calls that ended at NOW"


def test_a_day_that_has_become_too_large_goes_by_the_hour(filled: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is added up anew for a late call, as hours now, and all of them go."""
    add_up(filled, NOW, ZoneInfo("UTC"))
    came = list[UsageEvent]()

    def sleep(_seconds: float) -> None:
        if not came:
            came.append(make_event(completed_at=START + 3 * DAY))
            write_events(filled, came)
            monkeypatch.setattr(build, "MOST_CALLS", 10)

    prune(filled, KEEP_TWO_DAYS, NOW, Pace(first=30, sleep=sleep))
    with filled.connect() as connection:
        left = "SELECT COUNT(*) FROM usage_record WHERE completed_at < '2026-04-14'"
        assert connection.execute(text(left)).scalar_one() <= 1
    assert verify(filled).is_right


def test_hours_of_another_zone_at_the_edge_of_a_frozen_day_go(filled: Engine) -> None:
    """They belong to two days, of which one may be pruned: nobody may take them for right, nor for wrong."""
    add_up(filled, NOW, ZoneInfo("UTC"))
    before = answers(filled)
    prune(filled, KEEP_TWO_DAYS, NOW, Pace(sleep=lambda _seconds: None), zone=ZoneInfo("Asia/Kolkata"))
    assert answers(filled) == before
    assert verify(filled).is_right


def daily(engine: Engine) -> tuple[int, int]:
    with engine.connect() as connection:
        row = connection.execute(text("SELECT SUM(requests), SUM(cost_nano_usd) FROM usage_daily")).one()
    return int(row[0]), int(row[1])


def test_a_month_that_went_at_once_takes_late_calls(filled: Engine) -> None:
    """On PostgreSQL its partition comes back for them, and does not go again while they are there."""
    now = datetime(2026, 5, 4, tzinfo=UTC)
    write_events(filled, [make_event(completed_at=now)])
    prune(filled, KEEP_TWO_DAYS, now, Pace(sleep=lambda _seconds: None))
    assert count(filled, "usage_record") == 1
    before = read.totals(filled, WHOLE).requests
    write_events(filled, [make_event(completed_at=START)])
    write_events(filled, [make_event(completed_at=now)])
    assert prune(filled, KEEP_TWO_DAYS, now, Pace(sleep=lambda _seconds: None)).rows[Kind.RECORDS] == 0
    assert read.totals(filled, WHOLE).requests == before + 1
    assert verify(filled).is_right
