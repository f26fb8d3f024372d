"""A job in, one run of it out: recorded, guarded, and never more than its own failure."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from usage_plugin.errors import SchemaMismatch, StoreError, StoreUnavailable
from usage_plugin.guard import Guard, describe
from usage_plugin.store.database import check
from usage_plugin.store.jobs import Outcome, begin_run, end_run
from usage_plugin.worker.jobs import Job, JobContext, Stopped


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a run."""

    job: str
    outcome: Outcome
    said: str
    duration_ms: float


def run_job(job: Job, context: JobContext, guard: Guard, due_at: datetime) -> Result:
    """Run a job and record that it ran.

    Args:
        job: Which.
        context: What it works on.
        guard: Told of a failure.
        due_at: When it should have run.

    Raises:
        StoreUnavailable: The database is away, which is nobody's failure.
        SchemaMismatch: It was migrated by another version meanwhile.
    """
    begun_at, begin = context.clock(), time.perf_counter()
    run_id = None if job.is_quiet else begin_run(context.engine, job.name, due_at, begun_at)
    outcome, said = _outcome(job, context, guard)
    taken_ms = (time.perf_counter() - begin) * 1000
    if run_id is None:
        if outcome is not Outcome.FAILED and not said:
            return Result(job.name, outcome, said, taken_ms)
        run_id = begin_run(context.engine, job.name, due_at, begun_at)
    with suppress(StoreError):  # else whoever has the turn next notes that it did not end
        end_run(context.engine, run_id, outcome, said, context.clock(), duration_ms=taken_ms)
    return Result(job.name, outcome, said, taken_ms)


def _outcome(job: Job, context: JobContext, guard: Guard) -> tuple[Outcome, str]:
    try:
        return Outcome.DONE, job.run(context)
    except Stopped:
        return Outcome.STOPPED, ""
    except SchemaMismatch:
        raise
    except StoreUnavailable as error:
        check(context.engine)  # an outage is told once, and not as a failure of each job
        return _failed(job, guard, error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other jobs go on
        return _failed(job, guard, error)


def _failed(job: Job, guard: Guard, error: Exception) -> tuple[Outcome, str]:
    guard.note(f"job {job.name}", error)
    return Outcome.FAILED, describe(error)
