"""Sheets are compared with the calls: any byte that says something else is found, and made again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, delete, insert, text, update

from tests.store import sections
from usage_plugin.store import read
from usage_plugin.store.database import writing
from usage_plugin.store.quarters import floor_quarter
from usage_plugin.store.read import Granularity, Question
from usage_plugin.store.sheets import fold
from usage_plugin.store.sheets.build import add_up
from usage_plugin.store.sheets.bundle import BUNDLE
from usage_plugin.store.sheets.codec import Kind, section_number
from usage_plugin.store.sheets.columns import ALL
from usage_plugin.store.sheets.segments import Level
from usage_plugin.store.tables import UsageSegment, UsageSheet, table_of
from usage_plugin.store.verify import verify
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = NOON + 20 * DAY
WHOLE = Question(start=NOON - 3 * DAY, end=NOW, granularity=Granularity.DAY)
SHEET, SEGMENT = table_of(UsageSheet), table_of(UsageSegment)
TOTAL = section_number(Kind.CELLS, ALL)
OF_ALL = (SHEET.c.dimension == ALL, SHEET.c.section == BUNDLE)
FIRST = floor_quarter(NOON - 12 * HOUR)


@pytest.fixture
def summed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Give a database whose two days are added up, each into sheets with totals."""
    monkeypatch.setattr(fold, "MOST_SINGLE", 10)
    monkeypatch.setattr(fold, "MOST_SHARING", 5)
    events = [
        make_event(
            completed_at=NOON + number % 2 * DAY + number * timedelta(minutes=1),
            team_id=("a", "b", None)[number % 3],
            end_user_id=f"e{number}",
            tags=("x", "y")[: number % 3],
        )
        for number in range(40)
    ]
    write_events(engine, events)
    add_up(engine, NOW, ZoneInfo("UTC"))
    return engine


def run(statement: Any) -> Callable[[Engine], None]:
    def damage(engine: Engine) -> None:
        with writing(engine).begin() as connection:
            assert connection.execute(statement).rowcount != 0

    return damage


def one_billionth_more(engine: Engine) -> None:
    sections.change_section(
        engine, f"dimension = {ALL} AND start_quarter = {FIRST}", TOTAL, sections.one_billionth_more
    )


def one_more(engine: Engine) -> None:
    row = {"dimension": 3, "value": 999, "section": 0, "start_quarter": FIRST, "level": 0, "content": b"\0\0\0\0\0\0"}
    run(insert(SHEET).values(**row))(engine)


def two_for_the_same_time(engine: Engine) -> None:
    row = {"level": 0, "start_quarter": FIRST + 4, "end_quarter": FIRST + 8, "changes": 0, "calls": 0, "parts": 0}
    run(insert(SEGMENT).values(**row, built_at=NOW))(engine)


DAMAGES: dict[str, tuple[Callable[[Engine], None], str]] = {
    "a billionth": (one_billionth_more, "usage_sheet"),
    "a sheet is missing": (run(delete(SHEET).where(*OF_ALL)), "usage_sheet"),
    "a sheet too many": (one_more, "usage_sheet"),
    "a sheet is torn": (run(update(SHEET).where(*OF_ALL).values(content=b"\1\0\0\0\1\0torn")), "usage_sheet"),
    "a sheet is cut off": (run(update(SHEET).where(*OF_ALL).values(content=b"\1\0torn")), "usage_sheet"),
    "sheets of no segment": (run(delete(SEGMENT).where(SEGMENT.c.start_quarter == FIRST)), "usage_sheet"),
    "two segments for an hour": (two_for_the_same_time, "usage_segment"),
    "a wrong count": (run(update(SEGMENT).where(SEGMENT.c.calls > 0).values(calls=7)), "usage_segment"),
    "a name for another": (run(text("UPDATE usage_value SET value = 'z' WHERE value = 'a'")), "usage_sheet"),
    "a call that is gone": (run(text("DELETE FROM usage_call WHERE end_user_id = 'e7'")), "usage_sheet"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_every_damage_is_found_and_repaired(summed: Engine, name: str) -> None:
    """Sheets are proved by what the calls say; afterwards the dashboard shows that again."""
    assert verify(summed).is_right
    damage, table = DAMAGES[name]
    damage(summed)
    result = verify(summed)
    assert not result.is_right
    assert table in {each.table for each in result.first}
    repaired = verify(summed, repair=True)
    assert (repaired.differences, repaired.is_right) == (result.differences, True)
    add_up(summed, NOW, ZoneInfo("UTC"))
    assert verify(summed).differences == 0
    assert read.totals(summed, WHOLE).requests == read.records(summed, WHOLE).total


def test_what_differs_is_named(summed: Engine) -> None:
    """Time, dimension, value and section, and by how much; good sheets are counted."""
    assert verify(summed).sheets > 20
    one_billionth_more(summed)
    (difference,) = verify(summed).first
    assert difference.dimensions == {
        "start": NOON - 12 * HOUR,
        "end": NOON + 12 * HOUR,
        "dimension": "all",
        "value": 0,
        "section": "cells by all",
    }
    assert difference.columns == {"cost_nano_usd": (20_000_001, 20_000_000)}


def test_what_waits_to_be_added_up_again_is_no_difference(summed: Engine) -> None:
    """A call that came since is read from the calls, so its day's sheets say nothing."""
    write_events(summed, [make_event(completed_at=NOON)])
    one_billionth_more(summed)
    assert verify(summed).is_right


def test_the_last_days_are_proved_by_the_hour_too(summed: Engine) -> None:
    """They are added up both ways."""
    now = NOON + 2 * DAY
    add_up(summed, now, ZoneInfo("UTC"))
    before = verify(summed)
    run(update(SHEET).where(SHEET.c.level == Level.HOURS, SHEET.c.dimension == ALL).values(content=b"torn"))(summed)
    result = verify(summed)
    assert (before.is_right, result.is_right) == (True, False)
    assert {each.dimensions["end"] - each.dimensions["start"] for each in result.first} == {HOUR}
    assert verify(summed, repair=True).is_right
    assert verify(summed).differences == 0
