"""Runs of jobs: what is kept of them, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from usage_plugin.store.jobs import (
    Outcome,
    begin_run,
    end_run,
    forget_runs,
    last_done,
    last_runs,
    runs,
    settle_runs,
)
from usage_plugin.watch import failing

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def ran(engine: Engine, said: str, at: datetime, *, job: str = "add up", outcome: Outcome = Outcome.DONE) -> None:
    """Record a run of a second."""
    run_id = begin_run(engine, job, at.replace(second=0), at)
    end_run(engine, run_id, outcome, said, at + timedelta(seconds=1), duration_ms=1000.0)


def test_a_run_says_what_it_did_and_how_long_it_took(engine: Engine) -> None:
    """And that it goes on, as long as it does."""
    run_id = begin_run(engine, "add up", NOW, NOW + MINUTE / 60)
    (going_on,) = runs(engine)
    assert (going_on.outcome, going_on.ended_at, going_on.duration_ms) == (Outcome.RUNNING, None, None)
    end_run(engine, run_id, Outcome.DONE, "Added up 3 calls.", NOW + MINUTE, duration_ms=59_000.0)
    (found,) = runs(engine)
    assert (found.scheduled_at, found.started_at, found.ended_at) == (NOW, NOW + MINUTE / 60, NOW + MINUTE)
    assert (found.outcome, found.said, found.duration_ms) == (Outcome.DONE, "Added up 3 calls.", 59_000.0)
    assert last_done(engine) == {"add up": NOW}


def test_runs_without_work_are_one_row(engine: Engine) -> None:
    """A job of each minute does not fill the table, and when it ran last is known all the same."""
    for minute in range(5):
        ran(engine, "", NOW + minute * MINUTE)
    ran(engine, "Something.", NOW + 5 * MINUTE)
    for minute in range(6, 9):
        ran(engine, "", NOW + minute * MINUTE)
    assert [(run.said, run.started_at) for run in runs(engine)] == [
        (None, NOW + 8 * MINUTE),
        ("Something.", NOW + 5 * MINUTE),
    ]
    assert last_done(engine) == {"add up": NOW + 8 * MINUTE}


def test_a_job_that_failed_last_says_so_until_it_works_again(engine: Engine) -> None:
    """Each job by itself; a run that goes on decides nothing yet."""
    ran(engine, "Something.", NOW)
    ran(engine, "KeyError: 'x'", NOW + MINUTE, outcome=Outcome.FAILED)
    ran(engine, "", NOW, job="detect")
    begin_run(engine, "add up", NOW + 2 * MINUTE, NOW + 2 * MINUTE)
    failed, fine = last_runs(engine)
    assert (failed.job, failed.outcome, failed.said) == ("add up", Outcome.FAILED, "KeyError: 'x'")
    assert (fine.job, fine.outcome) == ("detect", Outcome.DONE)
    assert last_done(engine)["add up"] == NOW


def test_a_failure_that_stays_the_same_is_one_row(engine: Engine) -> None:
    """With the moment since when it is so; another one, or one after a run that went well, is another row."""
    for minute in range(5):
        ran(engine, f"OSError: {minute} s, at 0x7f{minute}e", NOW + minute * MINUTE, outcome=Outcome.FAILED)
        ran(engine, "KeyError: 'x'", NOW + minute * MINUTE, job="detect", outcome=Outcome.FAILED)
    ran(engine, "KeyError: 'x'", NOW + 5 * MINUTE, outcome=Outcome.FAILED)
    ran(engine, "Something.", NOW + 6 * MINUTE)
    ran(engine, "KeyError: 'x'", NOW + 7 * MINUTE, outcome=Outcome.FAILED)
    assert [(run.said, run.started_at, run.failing_since) for run in runs(engine, job="add up")] == [
        ("KeyError: 'x'", NOW + 7 * MINUTE, NOW + 7 * MINUTE),
        ("Something.", NOW + 6 * MINUTE, None),
        ("KeyError: 'x'", NOW + 5 * MINUTE, NOW + 5 * MINUTE),
        ("OSError: 4 s, at 0x7f4e", NOW + 4 * MINUTE, NOW),
    ]
    assert [run.failing_since for run in runs(engine, job="detect")] == [NOW]
    _, said = failing(last_runs(engine))
    assert "failed at 2026-03-04 12:34 UTC, and so each time since 2026-03-04 12:30 UTC: KeyError" in said.what


def test_runs_of_a_killed_worker_do_not_go_on_for_ever(engine: Engine) -> None:
    """The next worker notes that they ended, and they count as not done."""
    ran(engine, "Something.", NOW)
    begin_run(engine, "add up", NOW + MINUTE, NOW + MINUTE)
    settle_runs(engine, NOW + 9 * MINUTE)
    newest, *_ = runs(engine)
    assert (newest.outcome, newest.ended_at, newest.duration_ms) == (Outcome.STOPPED, NOW + 9 * MINUTE, None)
    assert last_done(engine) == {"add up": NOW}


def test_old_runs_are_forgotten_but_not_the_last(engine: Engine) -> None:
    """Failures are kept for longer; of each job the last run of each outcome stays, however old."""
    ran(engine, "old", NOW - 20 * DAY)
    ran(engine, "old failure", NOW - 20 * DAY, outcome=Outcome.FAILED)
    ran(engine, "older failure", NOW - 200 * DAY, outcome=Outcome.FAILED)
    ran(engine, "newest failure", NOW - DAY, outcome=Outcome.FAILED)
    ran(engine, "new", NOW)
    ran(engine, "once a year", NOW - 200 * DAY, job="year")
    assert forget_runs(engine, NOW, done=7 * DAY, others=90 * DAY) == 2
    assert [run.said for run in runs(engine)] == ["new", "newest failure", "old failure", "once a year"]
