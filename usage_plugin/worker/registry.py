"""Nothing in, all jobs of a worker out: what is to be done from time to time is named here."""

from __future__ import annotations

from datetime import timedelta

from usage_plugin.worker.adding_up import AddUp
from usage_plugin.worker.detecting import detecting
from usage_plugin.worker.forecasting import forecasts_kept
from usage_plugin.worker.jobs import Job
from usage_plugin.worker.telling import Deliver, Routes, Tell, budgets_told
from usage_plugin.worker.tidy import tidy
from usage_plugin.worker.watching import Rules, Watch

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def all_jobs() -> tuple[Job, ...]:
    """Give every job, in the order in which ``worker --once`` runs them."""
    routes = Routes()
    return (
        Job("add up", MINUTE, AddUp()),
        Job("detect", 5 * MINUTE, detecting, after=10 * SECOND),
        # A call is stored half a second after its end; the minute is read some seconds after that.
        Job("watch", MINUTE, Watch(routes), after=4 * SECOND),
        Job("rules", MINUTE, Rules(routes), after=6 * SECOND),
        Job("budgets", 5 * MINUTE, budgets_told, after=20 * SECOND),
        Job("tell", MINUTE, Tell(routes), after=30 * SECOND),
        Job("deliver", 10 * SECOND, Deliver(routes), is_quiet=True),
        Job("forecasts", HOUR, forecasts_kept, after=10 * MINUTE),
        Job("tidy", DAY, tidy, after=3 * HOUR),
    )
