"""A database in, without old runs of jobs and old alerts out."""

from __future__ import annotations

from datetime import timedelta

from usage_plugin.store.alerts import forget_alerts
from usage_plugin.store.jobs import forget_runs
from usage_plugin.worker.jobs import JobContext

# A job that does something each minute leaves 10,000 rows in a week.
RUNS_KEPT = timedelta(days=7)
FAILURES_KEPT = timedelta(days=90)
ALERTS_KEPT = timedelta(days=400)


def tidy(context: JobContext) -> str:
    """Delete what nobody looks at any more."""
    now = context.clock()
    runs = forget_runs(context.engine, now, done=RUNS_KEPT, others=FAILURES_KEPT)
    alerts = forget_alerts(context.engine, now - ALERTS_KEPT)
    return f"Forgot {runs:,} old runs of jobs and {alerts:,} old alerts and messages." if runs + alerts else ""
