"""Budgets kept on both databases: what is written is read, and what cannot work is refused with its remedy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from usage_plugin.errors import InputError
from usage_plugin.periods import Period
from usage_plugin.store.budgets import Action, Budget, ancestors, budgets, remove_budget, save_budget
from usage_plugin.store.part import Part

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TEAM = Budget(name="Search", part=Part.read("team=blue"), amount_nano_usd=5 * 10**9, period=Period.MONTH)


def test_a_budget_is_read_as_it_was_written(engine: Engine) -> None:
    """Every field comes back; whoever changes one says when, and it keeps its begin."""
    full = replace(
        TEAM,
        name="  Nightly   runs ",
        part=Part.read("tag=nightly, ümlaut=1"),
        amount_nano_usd=123_456_789_123_456_789,
        period=Period.ROLLING,
        rolling_days=30,
        thresholds=(1.0, 0.25, 0.25),
        action=Action.DEGRADE,
        degrade_to=" cheap ",
        owner="ada",
        created_by="grace",
    )
    parent = save_budget(engine, TEAM, NOW)
    kept = save_budget(engine, replace(full, parent_id=parent.id), NOW)
    put_right = {"name": "Nightly runs", "thresholds": (0.25, 1.0), "degrade_to": "cheap"}
    moments = {"created_at": NOW, "updated_at": NOW}
    assert kept == replace(full, id=kept.id, parent_id=parent.id, **put_right, **moments)  # type: ignore[arg-type]
    assert budgets(engine) == [kept, parent]
    later = save_budget(engine, replace(kept, is_enabled=False, created_by="eve"), NOW + timedelta(days=1))
    assert later == replace(kept, is_enabled=False, updated_at=NOW + timedelta(days=1))


def test_a_removed_parent_leaves_its_parts_to_its_own_parent(engine: Engine) -> None:
    """Nobody loses a limit above because one in between goes."""
    top = save_budget(engine, replace(TEAM, name="all", part=Part()), NOW)
    middle = save_budget(engine, replace(TEAM, name="middle", parent_id=top.id), NOW)
    leaf = save_budget(engine, replace(TEAM, name="leaf", parent_id=middle.id), NOW)
    assert ancestors(leaf, {each.id: each for each in budgets(engine)}) == [middle, top]
    assert middle.id is not None
    assert remove_budget(engine, middle.id, NOW + timedelta(days=1))
    assert not remove_budget(engine, middle.id, NOW)
    (_, left) = budgets(engine)
    assert (left.parent_id, left.updated_at) == (top.id, NOW + timedelta(days=1))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": " "}, "1 to 100 characters"),
        ({"name": "x" * 101}, "1 to 100 characters"),
        ({"amount_nano_usd": 0}, "allows nothing"),
        ({"amount_nano_usd": 2 * 10**18}, "up to 1,000,000,000 dollars"),
        ({"period": Period.ROLLING}, "1 to 366 days"),
        ({"period": Period.ROLLING, "rolling_days": 367}, "1 to 366 days"),
        ({"rolling_days": 7}, "one of the two"),
        ({"thresholds": (0.5, -1)}, "0.8 is 80 %"),
        ({"thresholds": (float("nan"),)}, "0.8 is 80 %"),
        ({"action": Action.DEGRADE}, "Name a model group"),
        ({"degrade_to": "cheap"}, "does not degrade"),
        ({"parent_id": 99}, "one that is gone"),
        ({"id": 99}, "is gone"),
        ({"part": Part.of("team", "x" * 300)}, "too long"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused(migrated_sqlite_url: str, change: dict[str, Any], says: str) -> None:
    """The message says what it takes, and nothing is kept."""
    from usage_plugin.store.database import connect

    engine = connect(migrated_sqlite_url)
    with pytest.raises(InputError, match=says):
        save_budget(engine, replace(TEAM, **change), NOW)
    assert budgets(engine) == []
    engine.dispose()


def test_names_and_places_are_told_apart(engine: Engine) -> None:
    """Two budgets have no one name, and none is a part of itself."""
    first = save_budget(engine, TEAM, NOW)
    with pytest.raises(InputError, match="'Search' already"):
        save_budget(engine, TEAM, NOW)
    second = save_budget(engine, replace(TEAM, name="second", parent_id=first.id), NOW)
    with pytest.raises(InputError, match="a part of itself through 'second'"):
        save_budget(engine, replace(first, parent_id=second.id), NOW)
    with pytest.raises(InputError, match="a part of itself"):
        save_budget(engine, replace(first, parent_id=first.id), NOW)


@pytest.mark.parametrize("written", ["total", "team=blue", "tag=a=b", "end_user=x y"])
def test_a_part_reads_as_it_is_written(written: str) -> None:
    """A member may hold what separates it."""
    assert str(Part.read(written)) == written


@pytest.mark.parametrize(
    ("written", "says"), [("team", "team=NAME"), ("teem=x", "team"), ("total=x", "alone"), ("", "There are total")]
)
def test_what_is_no_part_is_refused(written: str, says: str) -> None:
    """The message says what was meant."""
    with pytest.raises(InputError, match=says):
        Part.read(written)
