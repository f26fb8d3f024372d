"""A database that is ahead, locked, or stopped in the middle: nothing is half stored, all is stored once."""

from __future__ import annotations

import sqlite3
import time
from threading import Event, Thread

import pytest
from sqlalchemy import Engine, func, select, text

from tests.own_server import OwnServer
from tests.store.oracle import expected, found
from usage_plugin.errors import SchemaMismatch, StoreRefused, StoreUnavailable
from usage_plugin.event import UsageEvent
from usage_plugin.store import bulk_postgresql, database
from usage_plugin.store.database import connect, writing
from usage_plugin.store.migrate import VERSION_TABLE, head_revision, migrate
from usage_plugin.store.tables import UsageRecord, table_of
from usage_plugin.store.write import SpoolMark, stored_mark, write_events
from usage_plugin.testing import make_event

MARK = SpoolMark("worker", 1, 100)


def run(engine: Engine, *statements: str) -> None:
    with writing(engine).begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def calls_stored(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.sum(table_of(UsageRecord).c.calls))).scalar() or 0)


@pytest.mark.parametrize(
    ("newer", "back"),
    [
        (
            "ALTER TABLE usage_target RENAME COLUMN model TO engine",
            "ALTER TABLE usage_target RENAME COLUMN engine TO model",
        ),
        ("CREATE UNIQUE INDEX only_one ON usage_call (attempts, completed_at)", "DROP INDEX only_one"),
        ("ALTER TABLE usage_tag RENAME TO usage_tag_9", "ALTER TABLE usage_tag_9 RENAME TO usage_tag"),
    ],
)
@pytest.mark.parametrize("size", [3, 2 * bulk_postgresql.COPY_FROM])
def test_a_schema_ahead_of_the_code_takes_nothing_and_refuses_no_call(
    engine: Engine, newer: str, back: str, size: int
) -> None:
    """Whatever the newer schema trips over, no call is called bad; all are stored when the schemas fit again."""
    events = [make_event(tags=("a",)) for _ in range(size)]
    run(engine, newer, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match=r"newer version.* Upgrade the package"):
        write_events(engine, events, MARK, [make_event(calls=7)])
    assert calls_stored(engine) == 0
    assert stored_mark(engine, MARK.owner) == SpoolMark(MARK.owner, 0, 0)
    run(engine, back, f"UPDATE {VERSION_TABLE} SET version_num = '{head_revision()}'")
    assert write_events(engine, events, MARK, [make_event(calls=7)]) == size + 1
    assert calls_stored(engine) == size + 7
    assert found(engine) == expected(engine)


@pytest.mark.parametrize("bad", [{"prompt_tokens": 2**70}, {"attempts": 2**70}, {"team_id": "\ud800"}])
@pytest.mark.parametrize("size", [1, 2 * bulk_postgresql.COPY_FROM])
def test_a_value_that_no_column_takes_is_refused_whole(engine: Engine, bad: dict[str, object], size: int) -> None:
    """Not cut off, and not taken for an outage: nothing of the batch is stored, and the others can be."""
    good = [make_event() for _ in range(size)]
    with pytest.raises(StoreRefused):
        write_events(engine, [*good, make_event(**bad)], MARK)
    assert calls_stored(engine) == 0
    assert write_events(engine, good, MARK) == size


def test_small_integers_are_not_cut_off(engine: Engine) -> None:
    """PostgreSQL's driver writes the low half of a number that is too large; such a batch goes another way."""
    events = [make_event(attempts=2**33 + 1) for _ in range(2 * bulk_postgresql.COPY_FROM)]
    if engine.dialect.name == "postgresql":
        with pytest.raises(StoreRefused):
            write_events(engine, events)
    else:
        write_events(engine, events)
        with engine.connect() as connection:
            assert set(connection.execute(text("SELECT attempts FROM usage_record")).scalars()) == {2**33 + 1}


def test_a_locked_file_is_waited_for(sqlite_url: str) -> None:
    """Another program's transaction delays a write, and no more."""
    engine = connect(sqlite_url)
    migrate(engine)
    other = sqlite3.connect(str(engine.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answers: list[int] = []
    writer = Thread(target=lambda: answers.append(write_events(engine, [make_event()], MARK)))
    writer.start()
    writer.join(1.5)
    assert answers == []
    other.execute("ROLLBACK")
    writer.join(30)
    other.close()
    assert answers == [1]
    engine.dispose()


def test_a_file_that_stays_locked_is_an_outage(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the busy timeout the batch waits for better times, and the message says what to do."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 200)
    engine = connect(sqlite_url)
    migrate(engine)
    other = sqlite3.connect(str(engine.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    events = [make_event()]
    with pytest.raises(StoreUnavailable, match=r"locked.*Another program holds the file"):
        write_events(engine, events, MARK)
    other.execute("ROLLBACK")
    other.close()
    assert write_events(engine, events, MARK) == 1
    engine.dispose()


class Batches:
    """Writes batch after batch, each until it is stored, and says how far it is."""

    def __init__(self, engine: Engine) -> None:
        self.stored = self.failures = 0
        self.ended = Event()
        self._engine, self._counted = engine, make_event(calls=3)
        self._thread = Thread(target=self._write)
        self._thread.start()

    def wait_for(self, name: str, more: int) -> None:
        goal, deadline = getattr(self, name) + more, time.monotonic() + 60
        while getattr(self, name) < goal:
            assert self._thread.is_alive(), "the writer met an error that is no outage"
            assert time.monotonic() < deadline, f"no {more} more {name} within a minute"
            time.sleep(0.01)

    def end(self) -> None:
        self.ended.set()
        self._thread.join(60)

    def _write(self) -> None:
        while not self.ended.is_set():
            events = [make_event(tags=("a",)) for _ in range(100)]
            while not self._is_stored(events):
                self.failures += 1
                time.sleep(0.02)
            self.stored += 1

    def _is_stored(self, events: list[UsageEvent]) -> bool:
        try:
            write_events(self._engine, events, SpoolMark("worker", 1, self.stored + 1), [self._counted])
        except StoreUnavailable:
            return False
        return True


def test_a_server_that_stops_in_the_middle_loses_and_doubles_nothing(stoppable: OwnServer, own_server_url: str) -> None:
    """A writer that tries each batch until it is stored has stored each call once, through two stops under load."""
    engine = connect(own_server_url)
    migrate(engine)
    batches = Batches(engine)
    try:
        for _ in range(2):
            batches.wait_for("stored", 5)
            stoppable.stop()
            batches.wait_for("failures", 2)
            stoppable.start()
        batches.wait_for("stored", 5)
    finally:
        batches.end()
    assert calls_stored(engine) == batches.stored * (100 + 3)
    assert found(engine) == expected(engine)
    engine.dispose()
