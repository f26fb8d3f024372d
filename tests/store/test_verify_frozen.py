"""Of pruned calls the sheets and the daily totals are left: both are compared, each with itself and with the other."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import Engine, text

from tests.store.sections import change_section, one_billionth_more
from tests.store.test_prune_sheets import DAY, KEEP_TWO_DAYS, NOW, START
from tests.store.test_sheets import calls, of_owners
from usage_plugin.store.database import connect, writing
from usage_plugin.store.pace import Pace
from usage_plugin.store.prune import prune
from usage_plugin.store.sheets import fold
from usage_plugin.store.sheets.build import add_up
from usage_plugin.store.sheets.codec import Kind, pack, section_number, unpack
from usage_plugin.store.sheets.columns import ALL
from usage_plugin.store.verify import verify
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

CELLS, FINE, SINGLE = (section_number(kind, ALL) for kind in (Kind.CELLS, Kind.FINE, Kind.CALLS))

FROZEN = "start_quarter IN (SELECT start_quarter FROM usage_segment WHERE frozen_id IS NOT NULL)"


def pruned(engine: Engine, zone: str = "UTC") -> Engine:
    write_events(engine, calls(200, start=START, days=5))
    write_events(engine, [make_event(completed_at=NOW), make_event(completed_at=NOW)])
    add_up(engine, NOW, ZoneInfo(zone))
    prune(engine, KEEP_TWO_DAYS, NOW, Pace(sleep=lambda _seconds: None), zone=ZoneInfo(zone))
    return engine


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a day of few calls have the sheets of one with many thousands."""
    monkeypatch.setattr(fold, "MOST_SINGLE", 30)
    monkeypatch.setattr(fold, "MOST_SHARING", 15)


@pytest.fixture(scope="module")
def pruned_file(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Path:
    """Prune a file once, for tests to get copies of it."""
    file = tmp_path_factory.mktemp("pruned") / "usage.db"
    shutil.copy(migrated_sqlite, file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fold, "MOST_SINGLE", 30)
        patch.setattr(fold, "MOST_SHARING", 15)
        pruned(connect(f"sqlite:///{file}")).dispose()
    return file


@pytest.fixture
def filled(small: None, pruned_file: Path, tmp_path: Path) -> Iterator[Engine]:
    """Give such a copy."""
    shutil.copy(pruned_file, tmp_path / "usage.db")
    engine = connect(f"sqlite:///{tmp_path / 'usage.db'}")
    yield engine
    engine.dispose()


def change(engine: Engine, statement: str) -> None:
    with writing(engine).begin() as connection:
        torn = {"torn": b"torn"} if ":torn" in statement else {}
        assert connection.execute(text(statement), torn).rowcount > 0


def billionth(where: str, section: int) -> Callable[[Engine], None]:
    """Give a damage: a billionth of a dollar more in the first sheet that has a section."""
    return lambda engine: change_section(engine, f"{where} AND {FROZEN}", section, one_billionth_more, most=1)


def without(where: str, section: int) -> Callable[[Engine], None]:
    return lambda engine: change_section(engine, f"{where} AND {FROZEN}", section, lambda _: None)


def run(statement: str) -> Callable[[Engine], None]:
    return lambda engine: change(engine, statement)


OF_M1 = "model_id IN (SELECT id FROM usage_model WHERE model = 'm1')"
DAMAGES: dict[str, Callable[[Engine], None]] = {
    "daily": run("UPDATE usage_day SET total_tokens = total_tokens + 1 WHERE day = '2026-04-11'"),
    "daily model": run(f"UPDATE usage_day SET model_id = 999 WHERE day = '2026-04-11' AND {OF_M1}"),
    "daily gone": run(f"DELETE FROM usage_day WHERE day = '2026-04-11' AND {OF_M1}"),
    "all": billionth("dimension = 0", CELLS),
    "all by the quarter": billionth("dimension = 0", FINE),
    "all by user": billionth("dimension = 0", section_number(Kind.CELLS, 5)),
    "a team": billionth("dimension = 3", CELLS),
    "rare teams": billionth("dimension = 5 AND value < 0", SINGLE),
    "a sheet gone": without("dimension = 3 AND value > 0", CELLS),
    "all gone": without("dimension = 0", CELLS),
    "a dimension gone": run(f"DELETE FROM usage_sheet WHERE dimension = 7 AND {FROZEN}"),
    "torn": run(f"UPDATE usage_sheet SET content = :torn WHERE dimension = 0 AND {FROZEN}"),
    "segment": run("UPDATE usage_segment SET parts = parts * 2 WHERE frozen_id IS NOT NULL"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_is_found_and_none_is_taken_for_repaired(filled: Engine, damage: str) -> None:
    """Nobody can say what is right where the calls are gone; that something is not, is said."""
    DAMAGES[damage](filled)
    result = verify(filled, repair=True)
    assert (result.is_right, result.repaired) == (False, 0)


def test_what_came_late_is_no_difference(small: None, engine: Engine) -> None:
    """It is in the daily totals, and beside the sheets; also where one replaces the other."""
    filled = pruned(engine)
    first = make_event(completed_at=START + DAY, cost_usd=3)
    for event in (first, make_event(completed_at=START + DAY + timedelta(hours=3), replaces=first.event_key)):
        write_events(filled, [event])
        assert verify(filled).is_right


def test_a_day_that_is_not_damaged_agrees_in_other_zones_and_sizes(engine: Engine) -> None:
    """Days of a place are cut at midnights of UTC, too, and sheets of few calls hold these."""
    pruned(engine, "Asia/Kathmandu")
    assert verify(engine).is_right
    change(engine, "UPDATE usage_day SET requests = requests + 1 WHERE day = '2026-04-11'")
    wrong: Any = verify(engine).first
    assert {each.dimensions["day"].isoformat() for each in wrong} == {"2026-04-11"}
    change(engine, "UPDATE usage_day SET requests = requests - 1 WHERE day = '2026-04-11'")
    change(engine, "DELETE FROM usage_sheet WHERE start_quarter = (SELECT MIN(start_quarter) FROM usage_sheet)")
    assert not verify(engine, repair=True).is_right


def test_what_follows_from_keys_is_no_difference(small: None, engine: Engine) -> None:
    """Sheets that leave out what is by user agree with the daily totals, which have it, unless a key is another's."""
    write_events(engine, of_owners(calls(400, start=START, days=5)))
    write_events(engine, [make_event(completed_at=NOW), make_event(completed_at=NOW)])
    add_up(engine, NOW, ZoneInfo("UTC"))
    prune(engine, KEEP_TWO_DAYS, NOW, Pace(sleep=lambda _seconds: None))
    assert verify(engine).is_right
    change_section(engine, f"dimension = 0 AND {FROZEN}", section_number(Kind.TOLD, fold.KEY), of_somebody_else, most=1)
    assert not verify(engine).is_right


def of_somebody_else(content: bytes) -> bytes:
    section = unpack(content)
    columns = {**section.columns, fold.USER: np.roll(section.columns[fold.USER], 1)}
    return pack(sorted(columns), np.column_stack([columns[each] for each in sorted(columns)]))
