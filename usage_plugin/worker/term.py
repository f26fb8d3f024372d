"""Jobs in, each run when it is due out, for as long as one worker has the turn."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from usage_plugin.errors import StoreError
from usage_plugin.guard import Guard
from usage_plugin.store.jobs import last_done, settle_runs
from usage_plugin.worker.jobs import Job, JobContext
from usage_plugin.worker.once import run_job

# It reports each run, and what our own lines say better.
logging.getLogger("apscheduler").setLevel(logging.CRITICAL)


class _WhenDue(BaseTrigger):  # type: ignore[misc]  # APScheduler brings no types
    """When a job is due: at the same moments for every worker, whenever it was started."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """Give the first moment after the present one."""
        return self._job.due_by(now) + self._job.every


@dataclass(slots=True)
class Term:
    """The time from taking the turn to giving it back, in which jobs run, each in a thread of its own.

    Args:
        jobs: Which.
        context: What they work on; its stop ends the term's runs.
        guard: Around each run.
    """

    jobs: tuple[Job, ...]
    context: JobContext
    guard: Guard
    trouble: StoreError | None = None
    """The database is away: the term is over."""
    broken: BaseException | None = None
    """What no guard swallowed; only tests have such guards."""
    _scheduler: Any = field(init=False)

    def begin(self) -> None:
        """Start to run jobs. Those that were due while no worker ran are run at once, and once.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        now = self.context.clock()
        settle_runs(self.context.engine, now)
        done = last_done(self.context.engine)
        pool = ThreadPoolExecutor(max_workers=len(self.jobs) + 1)
        self._scheduler = BackgroundScheduler(executors={"default": pool}, timezone=UTC)
        for job in self.jobs:
            self._add(job, is_due=done.get(job.name, job.first_due) < job.due_by(now))
        self._scheduler.start()

    def end(self) -> None:
        """Start no further run, and wait until those that go on have noticed."""
        self.context.stop.set()
        self._scheduler.shutdown(wait=True)

    def _add(self, job: Job, *, is_due: bool) -> None:
        options = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
        # By the machine's clock, which decides what is due now.
        at_once = {"next_run_time": datetime.now(UTC)} if is_due else {}
        self._scheduler.add_job(self._run, _WhenDue(job), args=(job,), id=job.name, **options, **at_once)

    def _run(self, job: Job) -> None:
        if self.context.stop.is_set():
            return
        try:
            run_job(job, self.context, self.guard, job.due_by(self.context.clock()))
        except StoreError as error:
            self._end_with(trouble=error)
        except BaseException as error:  # noqa: BLE001 - a thread must not die with it unseen
            self._end_with(broken=error)

    def _end_with(self, trouble: StoreError | None = None, broken: BaseException | None = None) -> None:
        self.trouble, self.broken = trouble or self.trouble, broken or self.broken
        self.context.stop.set()
