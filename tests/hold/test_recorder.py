"""The recorder writes soon, waits out a database that is away, and says what became of every event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.hold.reports import make_recorder, put, wait_for
from usage_plugin.hold.heartbeat import fingerprint, read_heartbeats, state_dirs
from usage_plugin.hold.recorder import Recorder
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.testing import make_event


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", flush_every_s=0.05, buffer_size=100)


@pytest.fixture
def start() -> Iterator[Callable[[Settings], Recorder]]:
    """Start recorders, and stop them at the end."""
    started: list[Recorder] = []

    def start(settings: Settings) -> Recorder:
        recorder = make_recorder(settings)
        recorder.start()
        started.append(recorder)
        return recorder

    yield start
    for recorder in started:
        recorder.stop()


def rows(settings: Settings) -> int:
    engine = connect(settings.url)
    with engine.connect() as connection:
        count: int = connection.execute(text("SELECT COUNT(*) FROM usage_record")).scalar_one()
    engine.dispose()
    return count


def test_events_are_stored_soon_after(settings: Settings, start: Callable[[Settings], Recorder]) -> None:
    """A first event makes the database, the schema and its row."""
    recorder = start(settings)
    put(recorder, make_event())
    assert recorder.flush(60)
    assert rows(settings) == 1
    assert (recorder.counts.seen, recorder.counts.stored, recorder.counts.lost) == (1, 1, 0)


def test_twins_are_taken_once(settings: Settings, start: Callable[[Settings], Recorder]) -> None:
    """LiteLLM's second report of a call is not counted; thousands of calls later it still is one row."""
    recorder = start(settings)
    event = make_event()
    for _ in range(3):
        put(recorder, event)
    for _ in range(5000):
        put(recorder, make_event())
    put(recorder, event)
    assert recorder.flush(30)
    assert rows(settings) == 5001
    assert recorder.counts.seen == 5002


def test_what_is_left_is_written_at_the_end(settings: Settings, start: Callable[[Settings], Recorder]) -> None:
    """A program that ends at once loses nothing."""
    slow = settings.model_copy(update={"flush_every_s": 60.0})
    recorder = start(slow)
    for _ in range(50):
        put(recorder, make_event())
    recorder.stop()
    assert rows(settings) == 50


def test_a_database_that_is_away_delays_and_loses_nothing(
    settings: Settings, start: Callable[[Settings], Recorder], caplog: pytest.LogCaptureFixture
) -> None:
    """Events wait while a file stands where the database's folder should be, and are stored when it is gone."""
    settings.data_dir.parent.mkdir(exist_ok=True)
    settings.data_dir.write_text("in the way")
    recorder = start(settings)
    for _ in range(10):
        put(recorder, make_event())
    wait_for(lambda: recorder.counts.last_error is not None)
    assert (recorder.counts.stored, recorder.counts.lost) == (0, 0)
    assert [record.getMessage() for record in caplog.records if "usage_is_not_recorded" in record.getMessage()]
    settings.data_dir.unlink()
    assert recorder.flush(60)
    assert rows(settings) == 10
    assert recorder.counts.last_error is None


def test_memory_is_bounded_and_a_loss_is_counted(settings: Settings, start: Callable[[Settings], Recorder]) -> None:
    """Beyond its size the buffer says no, and the heartbeat says how often."""
    settings.data_dir.parent.mkdir(exist_ok=True)
    settings.data_dir.write_text("in the way")
    recorder = start(settings)
    for _ in range(120):
        put(recorder, make_event())
    assert (recorder.counts.seen, recorder.counts.lost) == (120, 20)


def test_a_call_that_the_database_refuses_is_set_aside(
    settings: Settings, start: Callable[[Settings], Recorder]
) -> None:
    """One bad call does not hold up the others, and is not thrown away."""
    recorder = start(settings)
    naive = make_event().timing.completed_at.replace(tzinfo=None)
    put(recorder, make_event())
    put(recorder, make_event(completed_at=naive))
    put(recorder, make_event())
    assert recorder.flush(60)
    assert rows(settings) == 2
    assert (recorder.counts.lost, recorder.counts.set_aside) == (0, 1)
    assert "has no time zone" in (settings.data_dir / "refused-calls.jsonl").read_text()


def test_the_heartbeat_tells_where_and_how_many(settings: Settings, start: Callable[[Settings], Recorder]) -> None:
    """Another process can read what this one saw, stored and where, also after its end."""
    recorder = start(settings)
    put(recorder, make_event())
    recorder.stop()
    (beat,) = read_heartbeats(state_dirs(settings)[0])
    assert (beat.role, beat.seen, beat.stored, beat.waiting) == ("proxy", 1, 1, 0)
    assert beat.database_fingerprint == fingerprint(settings.url)
    assert beat.stopped_at is not None
