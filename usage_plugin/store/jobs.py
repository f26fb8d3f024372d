"""Runs of the worker's jobs in, one row for each run that did something out; and when each job ran last."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.store.analysis_tables import JobRun
from usage_plugin.store.database import unavailable, writing
from usage_plugin.store.tables import table_of

_RUNS = table_of(JobRun)
_RUN = _RUNS.c
MOST_SAID = 500
_NUMBER = re.compile(r"0x[0-9a-f]+|\d+")


class Outcome(StrEnum):
    """What became of a run."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    """The worker was asked to stop, or was killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A run of a job."""

    job: str
    scheduled_at: datetime
    started_at: datetime
    ended_at: datetime | None
    failing_since: datetime | None
    """When the first of failures began that said the same."""
    duration_ms: float | None
    outcome: Outcome
    said: str | None


def begin_run(engine: Engine, job: str, scheduled_at: datetime, now: datetime) -> int:
    """Note that a job begins; gives the number of the run.

    A run takes the place of the one before it that did nothing, so that a job of each minute does not fill the table.

    Raises:
        StoreUnavailable: The database does not take it.
    """
    values = {
        "job": job,
        "scheduled_at": scheduled_at,
        "started_at": now,
        "ended_at": None,
        "failing_since": None,
        "duration_ms": None,
        "outcome": Outcome.RUNNING.value,
        "said": None,
        "host": socket.gethostname(),
        "pid": os.getpid(),
    }
    with _writing(engine) as connection:
        idle = _idle(connection, job)
        if idle is not None:
            connection.execute(update(_RUNS).where(_RUN.id == idle).values(values))
            return idle
        return int(connection.execute(insert(_RUNS).values(values).returning(_RUN.id)).scalar_one())


def end_run(
    engine: Engine, run_id: int, outcome: Outcome, said: str, now: datetime, *, duration_ms: float | None = None
) -> None:
    """Note how a run ended.

    A failure takes the place of the one before it that said the same, so that a job that fails each minute does not
    fill the table.

    Args:
        engine: Of a migrated database.
        run_id: From `begin_run`.
        outcome: What became of it.
        said: What it did, or what went wrong; empty where there was nothing to do.
        now: The present.
        duration_ms: How long it took.

    Raises:
        StoreUnavailable: The database does not take it.
    """
    kept = said[:MOST_SAID] or None
    values = {"ended_at": now, "duration_ms": duration_ms, "outcome": outcome.value, "said": kept}
    with _writing(engine) as connection:
        since = _replaced(connection, run_id, said[:MOST_SAID]) if outcome is Outcome.FAILED else None
        connection.execute(update(_RUNS).where(_RUN.id == run_id).values(values | {"failing_since": since}))


def settle_runs(engine: Engine, now: datetime) -> None:
    """Note that runs of a worker that was killed are not going on: for whoever has the turn now.

    Raises:
        StoreUnavailable: The database does not take it.
    """
    ended = {"outcome": Outcome.STOPPED.value, "ended_at": now}
    with _writing(engine) as connection:
        connection.execute(update(_RUNS).where(_RUN.outcome == Outcome.RUNNING.value).values(ended))


def last_done(engine: Engine) -> dict[str, datetime]:
    """Say when each job was due that ran to its end last.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    query = (
        select(_RUN.job, func.max(_RUN.scheduled_at).label("scheduled_at"))
        .where(_RUN.outcome == Outcome.DONE.value)
        .group_by(_RUN.job)
    )
    with _reading(engine) as connection:
        return {row.job: row.scheduled_at for row in connection.execute(query)}


def last_runs(engine: Engine) -> tuple[Ran, ...]:
    """Give the last run of each job that has ended, by name: one that failed says so until the job works again.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    ended = (Outcome.DONE.value, Outcome.FAILED.value)
    newest = select(func.max(_RUN.id)).where(_RUN.outcome.in_(ended)).group_by(_RUN.job)
    with _reading(engine) as connection:
        rows = connection.execute(select(_RUNS).where(_RUN.id.in_(newest)).order_by(_RUN.job))
        return tuple(map(_ran, rows))


def runs(engine: Engine, *, job: str | None = None, limit: int = 100) -> tuple[Ran, ...]:
    """Give the newest runs, the newest first.

    Args:
        engine: Of a migrated database.
        job: Only of this one.
        limit: How many at most.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    query = select(_RUNS).order_by(_RUN.started_at.desc(), _RUN.id.desc()).limit(limit)
    with _reading(engine) as connection:
        return tuple(map(_ran, connection.execute(query if job is None else query.where(_RUN.job == job))))


def forget_runs(engine: Engine, now: datetime, *, done: timedelta, others: timedelta) -> int:
    """Delete old runs, never the last of a job; gives how many.

    Args:
        engine: Of a migrated database.
        now: The present.
        done: For how long runs are kept that went well.
        others: For how long all others are.

    Raises:
        StoreUnavailable: The database does not take it.
    """
    last = select(func.max(_RUN.id)).group_by(_RUN.job, _RUN.outcome)
    is_old = (_RUN.started_at < now - others) | ((_RUN.outcome == Outcome.DONE.value) & (_RUN.started_at < now - done))
    with _writing(engine) as connection:
        return connection.execute(delete(_RUNS).where(is_old, _RUN.id.not_in(last))).rowcount


def _idle(connection: Connection, job: str) -> int | None:
    """Find the last run of a job if it had nothing to do."""
    newest = select(_RUN.id, _RUN.outcome, _RUN.said).where(_RUN.job == job).order_by(_RUN.id.desc()).limit(1)
    row = connection.execute(newest).first()
    if row is None or row.outcome != Outcome.DONE or row.said is not None:
        return None
    return int(row.id)


def _replaced(connection: Connection, run_id: int, said: str) -> datetime | None:
    """Take the failure before a run away where it said the same; gives since when it is so."""
    found = connection.execute(select(_RUNS).where(_RUN.id == run_id)).first()
    if found is None:
        return None
    this = _ran(found)
    newest = select(_RUNS).where(_RUN.job == this.job, _RUN.id < run_id).order_by(_RUN.id.desc()).limit(1)
    row = connection.execute(newest).first()
    before = None if row is None else _ran(row)
    if row is None or before is None or before.outcome is not Outcome.FAILED:
        return this.started_at
    if _sense(before.said or "") != _sense(said):
        return this.started_at
    connection.execute(delete(_RUNS).where(_RUN.id == row.id))
    return before.failing_since or before.started_at


def _sense(said: str) -> str:
    """Leave out what differs each time: moments, numbers, addresses in memory."""
    return _NUMBER.sub("0", said)


def _ran(row: Row[tuple[object, ...]]) -> Ran:
    known = row._mapping
    values = {name: known[name] for name in Ran.__dataclass_fields__}
    return Ran(**{**values, "outcome": Outcome(known["outcome"])})


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    try:
        with writing(engine).begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None


@contextmanager
def _reading(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None
