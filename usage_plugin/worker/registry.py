"""Nothing in, all jobs of a worker out: what is to be done from time to time is named here."""

from __future__ import annotations

from datetime import timedelta

from usage_plugin.worker.adding_up import AddUp
from usage_plugin.worker.jobs import Job
from usage_plugin.worker.tidy import tidy

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def all_jobs() -> tuple[Job, ...]:
    """Give every job, in the order in which ``worker --once`` runs them."""
    return (
        Job("add up", MINUTE, AddUp()),
        Job("tidy", DAY, tidy, after=3 * HOUR),
    )
