"""What calls shared goes with the last call that named it, and never before, whoever writes meanwhile."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from usage_plugin.event import UsageEvent
from usage_plugin.store import bulk, read, unused, write
from usage_plugin.store.calls import UsageCaller
from usage_plugin.store.pace import LOCK_S, ROWS_LOCKED_S, Pace
from usage_plugin.store.prune import prune
from usage_plugin.store.read import Dimension, Question
from usage_plugin.store.retention import FOR_EVER, Retention
from usage_plugin.store.tables import table_of
from usage_plugin.store.unused import forget_unused
from usage_plugin.store.verify import verify
from usage_plugin.store.write import SpoolMark, write_events
from usage_plugin.testing import make_event

START = datetime(2026, 4, 10, tzinfo=UTC)
NOW = START + timedelta(days=6)
KEEP = Retention(2, FOR_EVER, FOR_EVER)
SHARED = ("usage_caller", "usage_target", "usage_outcome", "usage_tag_set", "usage_tag")
DANGLING = """
SELECT COUNT(*) FROM usage_call AS call LEFT JOIN usage_caller AS caller ON caller.id = call.caller_id
LEFT JOIN usage_tag_set AS tags ON tags.id = call.tag_set_id LEFT JOIN usage_tag AS tag ON tag.tag_set_id = tags.id
WHERE caller.id IS NULL OR (call.tag_set_id IS NOT NULL AND (tags.id IS NULL OR tag.tag IS NULL))
"""


def pace(first: int = 50) -> Pace:
    return Pace(first=first, sleep=lambda _seconds: None)


def call(day: int, name: str, **changes: Any) -> UsageEvent:
    at = START + timedelta(days=day, hours=1)
    return make_event(completed_at=at, api_key_hash=name, requested_model=name, **{"tags": (name,), **changes})


def count(engine: Engine, query: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


def texts(engine: Engine, query: str) -> list[str]:
    with engine.connect() as connection:
        return [str(each) for each in connection.execute(text(query)).scalars()]


def counts(engine: Engine) -> list[int]:
    return [count(engine, f"SELECT COUNT(*) FROM {table}") for table in SHARED]


def test_what_no_call_names_goes_with_the_last_that_did(engine: Engine) -> None:
    """A key that is still used stays, and pages go on to name those that are gone, from their sheets."""
    write_events(engine, [call(0, f"k{number}", error_code=f"{number}") for number in range(30)])
    write_events(engine, [call(0, "used"), call(5, "used"), call(5, "late")])
    assert counts(engine) == [32, 32, 31, 32, 32]
    prune(engine, KEEP, NOW, pace(first=4))
    assert counts(engine) == [2, 2, 1, 2, 2]
    assert count(engine, DANGLING) == 0
    asked = Question(start=START, end=NOW, group_by=Dimension.TAG)
    assert len(read.members(engine, asked)) == 32
    write_events(engine, [call(5, "k3", error_code="3")])
    assert counts(engine) == [3, 3, 2, 3, 3]
    assert verify(engine).is_right
    prune(engine, KEEP, NOW, pace())
    assert counts(engine) == [3, 3, 2, 3, 3], "nothing was pruned this time"


@pytest.mark.parametrize("first", range(4))
def test_what_is_named_again_meanwhile_stays(engine: Engine, first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By new calls, and by one that is there already and gets a tag, between two steps."""
    monkeypatch.setattr(unused, "_NAMED_BY", unused._NAMED_BY[first:])
    monkeypatch.setattr(unused, "_LOOK_BACK", 0)
    flood = make_event(completed_at=NOW, calls=2)
    write_events(engine, [call(0, f"k{number}") for number in range(20)], SpoolMark("a", 1, 1), [flood])
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM usage_call WHERE calls = 1"))
    # Those that are deleted last, as they are numbered.
    callers = texts(engine, "SELECT api_key_hash FROM usage_caller WHERE api_key_hash <> '' ORDER BY id DESC")
    (tag, *_) = texts(engine, "SELECT tag FROM usage_tag ORDER BY tag_set_id DESC")
    named = list[str]()

    def write(_seconds: float) -> None:
        name = callers[len(named)]
        tagged = replace(flood, calls=1, who=replace(flood.who, tags=(tag,)))
        write_events(engine, [call(5, name, tags=())], SpoolMark("a", 2 + len(named), 1), [] if named else [tagged])
        named.append(name)

    pace = Pace(lock_s=ROWS_LOCKED_S, first=5, sleep=write)
    assert sum(forget_unused(engine, pace)) > 10
    assert pace.lock_s == LOCK_S  # writers wait for these steps, whatever others may take
    assert count(engine, DANGLING) == 0
    detail = read.record_detail(engine, flood.event_key)
    assert detail is not None
    assert detail.tags == (tag,)


def test_who_has_looked_a_number_up_is_waited_for(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that is between looking up and storing keeps what it found."""
    if engine.dialect.name != "postgresql":
        pytest.skip("on SQLite whoever writes is alone")
    write_events(engine, [call(0, "old"), call(5, "kept")])
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM usage_call WHERE completed_at < '2026-04-11'"))
    looked, go_on = threading.Event(), threading.Event()
    insert_new = bulk.insert_new

    def wait(*arguments: Any) -> Any:
        looked.set()
        assert go_on.wait(20)
        return insert_new(*arguments)

    monkeypatch.setattr(write, "insert_new", wait)
    writer = threading.Thread(target=write_events, args=(engine, [call(5, "old")]))
    writer.start()
    assert looked.wait(20)
    assert list(forget_unused(engine, pace())) == []
    go_on.set()
    writer.join()
    assert count(engine, DANGLING) == 0
    assert count(engine, f"SELECT COUNT(*) FROM {table_of(UsageCaller).name}") == 2
    assert sum(forget_unused(engine, pace())) == 0
