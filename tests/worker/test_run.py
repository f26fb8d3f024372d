"""The background worker: one at a time, through outages, and not before an import has come to rest."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.engine import make_url

from tests.worker.beside import running, wait_for
from usage_plugin.guard import Guard
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.sheets.backlog import not_added_up
from usage_plugin.store.sheets.patience import Patience
from usage_plugin.store.sheets.segments import Level, due
from usage_plugin.store.snapshot import snapshot
from usage_plugin.store.tables import UsageSegment, table_of
from usage_plugin.store.write import write_events
from usage_plugin.testing import FakeClock, make_event
from usage_plugin.worker import Job, Stopped, Work, run_once
from usage_plugin.worker.adding_up import AddUp
from usage_plugin.worker.jobs import JobContext

NOW = datetime(2026, 3, 30, 12, 10, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
RUN_WORKER = "import sys; from usage_plugin.cli import main; sys.argv[1:] = ['worker']; main()"


def loud(_stage: str, error: BaseException) -> None:
    raise error


def work_on(engine: Engine) -> Work:
    """Work without resting; a mistake of ours fails the test."""
    jobs = (Job("add up", timedelta(seconds=0.02), AddUp()),)
    return Work(
        engine, Settings(timezone=BERLIN.key), clock=lambda: NOW, jobs=jobs, look_every_s=0.02, guard=Guard(loud)
    )


def segments(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table_of(UsageSegment))).scalar_one())


def test_one_worker_at_a_time_and_the_next_takes_over(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """The second waits, also if it is asked for one run only, until the first has stopped."""
    caplog.set_level(logging.INFO)
    write_events(engine, [make_event(completed_at=NOW - timedelta(days=2))])
    other = connect(engine.url.render_as_string(hide_password=False))
    with running(work_on(engine)):
        wait_for(lambda: segments(engine))
        assert run_once(work_on(other), lambda _done, _all: None) is None
        with running(work_on(other)):
            wait_for(lambda: "another_worker_is_at_it" in caplog.text)
    with running(work_on(other)):
        before = segments(engine)
        write_events(engine, [make_event(completed_at=NOW - timedelta(days=4))])
        wait_for(lambda: segments(engine) > before)
    other.dispose()
    assert caplog.text.count("another_worker_is_at_it") == 1


def test_a_database_that_is_not_ready_is_told_once_and_waited_for(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With the remedy; what is stored after that is added up."""
    caplog.set_level(logging.INFO)
    engine = connect(sqlite_url)
    with running(work_on(engine)):
        wait_for(lambda: "database_unavailable" in caplog.text)
        migrate(engine)
        write_events(engine, [make_event(completed_at=NOW - timedelta(days=2))])
        wait_for(lambda: segments(engine) and "working_again" in caplog.text)
    assert caplog.text.count("event='database_unavailable'") == 1
    assert "usage-plugin migrate" in caplog.text


def test_a_clock_that_is_set_back_keeps_no_job_waiting(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """What is due next is found anew: it would not be due for as long as the clock went back."""
    caplog.set_level(logging.INFO)
    engine, clock, terms = connect(sqlite_url), FakeClock(NOW), list[threading.Event]()
    migrate(engine)

    def note(context: JobContext) -> str:
        if context.stop not in terms:
            terms.append(context.stop)
        return ""

    jobs = (Job("note", timedelta(seconds=0.02), note),)
    work = Work(engine, Settings(), clock=clock, jobs=jobs, look_every_s=0.02, guard=Guard(loud))
    with running(work):
        wait_for(lambda: terms)
        clock.advance(-1)
        time.sleep(0.2)
        assert len(terms) == 1
        clock.advance(-3000)
        wait_for(lambda: len(terms) > 1)
    assert terms[0].is_set()
    assert caplog.text.count("event='clock_was_set_back'") == 1
    engine.dispose()


def test_old_days_wait_until_nobody_writes_to_them(engine: Engine) -> None:
    """An import makes none of them to be added up again and again; the last hours are added up at once."""
    old, young = NOW - timedelta(days=20), NOW - timedelta(minutes=70)
    patience = Patience()

    def chosen() -> set[tuple[datetime, bool]]:
        with snapshot(engine) as connection:
            wanted = [each for level in Level for each in due(connection, NOW, BERLIN, level)]
            ready = patience.at_rest(connection, wanted, NOW)
        return {(moment, any(_holds(each, moment) for each in ready)) for moment in (old, young)}

    write_events(engine, [make_event(completed_at=moment) for moment in (old, young)])
    assert chosen() == {(old, True), (young, True)}
    write_events(engine, [make_event(completed_at=moment) for moment in (old, young)])
    assert chosen() == {(old, False), (young, True)}
    assert chosen() == {(old, True), (young, True)}


def _holds(stretch: tuple[int, int], moment: datetime) -> bool:
    return stretch[0] * 900 <= moment.timestamp() < stretch[1] * 900


def test_a_stop_comes_between_two_stretches(engine: Engine) -> None:
    """What is added up by then stays, and calls that are not yet are counted."""
    write_events(engine, [make_event(completed_at=NOW - timedelta(days=days)) for days in range(1, 9)])
    work = work_on(engine)
    with pytest.raises(Stopped):
        run_once(work, lambda _done, _all: work.stop.set())
    assert segments(engine) == 1
    with snapshot(engine) as connection:
        assert 5 < not_added_up(connection, NOW, 100) < 9
        assert not_added_up(connection, NOW, 3) == 4
    made = run_once(work_on(engine), lambda _done, _all: None)
    assert made is not None
    with snapshot(engine) as connection:
        assert not_added_up(connection, NOW - timedelta(hours=1), 3) == 0


def test_the_command_stops_at_a_signal(migrated_sqlite_url: str, tmp_path: Path) -> None:
    """Without an error, and its turn is free again."""
    url = make_url(migrated_sqlite_url)
    environment = {**os.environ, "USAGE_DATABASE_URL": migrated_sqlite_url, "USAGE_DATA_DIR": str(tmp_path)}
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-c", RUN_WORKER], env=environment, stderr=output, cwd=tmp_path)
    try:
        wait_for(lambda: b"worker_ready" in log.read_bytes() and Path(f"{url.database}.worker").exists())
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0, log.read_text()
    finally:
        process.kill()
    assert "worker_stopped" in log.read_text()
    assert "Traceback" not in log.read_text()
