"""Jobs in a running worker: due ones at once, no job beside itself, and a failing one alone."""

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

import pytest
from sqlalchemy import Engine

from tests.own_server import OwnServer
from tests.worker.beside import running, wait_for
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.store.jobs import Outcome, begin_run, end_run, last_runs, runs
from usage_plugin.store.migrate import migrate
from usage_plugin.worker import Job, JobContext, Stopped, Work, run_once
from usage_plugin.worker.registry import all_jobs

NOW = datetime(2026, 3, 30, 12, 10, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
OFTEN = timedelta(seconds=0.02)
KILLED_AT_WORK = """
import os, signal, sys
from datetime import timedelta
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.worker import Job, Work, run
job = Job("long", timedelta(hours=1), lambda context: os.kill(os.getpid(), signal.SIGKILL))
run(Work(connect(sys.argv[1]), Settings(), jobs=(job,)))
"""


def work_on(engine: Engine, *jobs: Job, now: datetime = NOW) -> Work:
    return Work(engine, Settings(), clock=lambda: now, jobs=jobs, look_every_s=0.02)


class Counting:
    """A job that counts how often it runs, and how many of its runs go on at once."""

    def __init__(self, lasts_s: float = 0) -> None:
        self.times, self.at_once, self.most_at_once, self._lasts_s = 0, 0, 0, lasts_s

    def __call__(self, _context: JobContext) -> str:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self._lasts_s)
        self.at_once -= 1
        self.times += 1
        return f"for the {self.times}. time"


def fail(_context: JobContext) -> str:
    msg = "no such thing"
    raise KeyError(msg)


def test_a_job_is_due_at_the_same_moments_for_every_worker() -> None:
    """At full hours and days, or so much later; a moment at which it is due counts."""
    job = Job("hourly", HOUR, fail, after=timedelta(minutes=5))
    at = datetime(2026, 3, 30, 12, 5, tzinfo=UTC)
    assert [job.due_by(at - OFTEN), job.due_by(at), job.due_by(at + OFTEN)] == [at - HOUR, at, at]
    assert Job("daily", 24 * HOUR, fail).due_by(at) == datetime(2026, 3, 30, tzinfo=UTC)


@pytest.mark.parametrize(("last_due", "times"), [(None, 1), (NOW - 3 * HOUR, 1), (NOW.replace(minute=0, second=0), 0)])
def test_what_was_due_while_no_worker_ran_is_run_once(engine: Engine, last_due: datetime | None, times: int) -> None:
    """However often it was missed, and not if it was done before the worker stopped."""
    if last_due is not None:
        end_run(engine, begin_run(engine, "hourly", last_due, last_due), Outcome.DONE, "", last_due)
    hourly, often = Counting(), Counting()
    with running(work_on(engine, Job("hourly", HOUR, hourly), Job("often", OFTEN, often))):
        wait_for(lambda: often.times > 10)
    assert hourly.times == times


def test_a_job_never_runs_beside_itself_and_keeps_no_other_waiting(engine: Engine) -> None:
    """A slow one misses its time instead."""
    slow, quick = Counting(lasts_s=0.5), Counting()
    with running(work_on(engine, Job("slow", OFTEN, slow), Job("quick", OFTEN, quick))):
        wait_for(lambda: slow.times >= 3)
    assert (slow.most_at_once, quick.most_at_once) == (1, 1)
    assert quick.times > 2 * slow.times


def test_a_failing_job_is_recorded_and_stops_nobody(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the others nor itself; neither the log nor the table is flooded."""
    fine, tried = Counting(), list[JobContext]()

    def failing(context: JobContext) -> str:
        tried.append(context)
        return fail(context)

    with running(work_on(engine, Job("bad", OFTEN, failing), Job("fine", OFTEN, fine))):
        wait_for(lambda: len(tried) > 12 and fine.times > 3)
    assert len(runs(engine, job="bad")) == 1
    bad, good = last_runs(engine)
    assert (bad.job, bad.outcome, bad.said) == ("bad", Outcome.FAILED, "KeyError: 'no such thing'")
    assert (good.job, good.outcome) == ("fine", Outcome.DONE)
    assert caplog.text.count("stage='job bad'") < 4  # the first, the tenth, the hundredth


def test_once_runs_every_job_though_one_fails(engine: Engine) -> None:
    """In their order, each with its outcome."""
    fine = Counting()
    done = run_once(work_on(engine, Job("bad", HOUR, fail), Job("fine", HOUR, fine)), lambda _done, _all: None)
    assert done is not None
    assert [(each.job, each.outcome, each.said) for each in done.results] == [
        ("bad", Outcome.FAILED, "KeyError: 'no such thing'"),
        ("fine", Outcome.DONE, "for the 1. time"),
    ]


def test_a_stop_ends_a_long_job_at_its_next_breath(engine: Engine) -> None:
    """Recorded as stopped, so that it is due again at the next start."""
    begun = threading.Event()

    def long(context: JobContext) -> str:
        begun.set()
        while True:
            context.breathe()
            time.sleep(0.01)

    with running(work_on(engine, Job("long", HOUR, long))):
        assert begun.wait(20)
    assert [each.outcome for each in runs(engine)] == [Outcome.STOPPED]
    again = Counting()
    with running(work_on(engine, Job("long", HOUR, again))):
        wait_for(lambda: again.times)


def test_a_worker_killed_at_work_leaves_its_job_to_the_next(engine: Engine) -> None:
    """Its turn is free at once, its run is no run, and the job is run again."""
    url = engine.url.render_as_string(hide_password=False)
    killed = subprocess.run([sys.executable, "-c", KILLED_AT_WORK, url], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert [each.outcome for each in runs(engine)] == [Outcome.RUNNING]
    again = Counting()
    with running(work_on(engine, Job("long", HOUR, again), now=datetime.now(UTC))):
        wait_for(lambda: again.times)
    assert [each.outcome for each in runs(engine)] == [Outcome.DONE, Outcome.STOPPED]


def test_an_outage_is_told_once_and_no_failure_of_a_job(
    own_server_url: str, stoppable: OwnServer, caplog: pytest.LogCaptureFixture
) -> None:
    """After it the turn is taken again, and jobs go on by themselves."""
    caplog.set_level(logging.INFO)
    engine = connect(own_server_url)
    migrate(engine)
    often, other = Counting(), Counting()
    with running(work_on(engine, Job("often", OFTEN, often), Job("other", OFTEN, other))):
        wait_for(lambda: often.times > 2)
        stoppable.stop()
        wait_for(lambda: "database_unavailable" in caplog.text)
        stoppable.start()
        wait_for(lambda: "working_again" in caplog.text)
        before = often.times
        wait_for(lambda: often.times > before + 2)
    assert caplog.text.count("event='database_unavailable'") == 1
    assert {each.outcome for each in runs(engine, limit=10_000)} <= {Outcome.DONE, Outcome.STOPPED}
    engine.dispose()


def test_a_quiet_job_is_recorded_only_where_it_did_something(engine: Engine) -> None:
    """Or failed: the message of what went wrong is kept."""
    quiet, bad = Job("quiet", HOUR, lambda _: "", is_quiet=True), Job("bad", HOUR, fail, is_quiet=True)
    done = run_once(work_on(engine, quiet, bad, Job("busy", HOUR, Counting(), is_quiet=True)), lambda _done, _all: None)
    assert done is not None
    assert [each.outcome for each in done.results] == [Outcome.DONE, Outcome.FAILED, Outcome.DONE]
    assert [(each.job, each.said) for each in last_runs(engine)] == [
        ("bad", "KeyError: 'no such thing'"),
        ("busy", "for the 1. time"),
    ]


def test_the_command_says_what_every_job_did(migrated_sqlite_url: str, tmp_path: Path) -> None:
    """Once, as JSON, with exit code 0."""
    environment = {**os.environ, "USAGE_DATABASE_URL": migrated_sqlite_url, "USAGE_DATA_DIR": str(tmp_path)}
    program = "import sys; from usage_plugin.cli import main; sys.argv[1:] = ['worker', '--once', '--json']; main()"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert all(f'"job": "{job.name}", "outcome": "done"' in done.stdout for job in all_jobs())


def test_no_two_jobs_have_one_name() -> None:
    """By it a job's runs are found."""
    names = [job.name for job in all_jobs()]
    assert len(set(names)) == len(names)


def test_stopped_is_no_exception() -> None:
    """So no job that swallows exceptions keeps a worker from stopping."""
    assert not issubclass(Stopped, Exception)
