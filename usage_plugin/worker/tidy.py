"""A database in, without old records of the worker's own runs out."""

from __future__ import annotations

from datetime import timedelta

from usage_plugin.store.jobs import forget_runs
from usage_plugin.worker.jobs import JobContext

# A job that does something each minute leaves 10,000 rows in a week.
RUNS_KEPT = timedelta(days=7)
FAILURES_KEPT = timedelta(days=90)


def tidy(context: JobContext) -> str:
    """Delete what nobody looks at any more."""
    forgotten = forget_runs(context.engine, context.clock(), done=RUNS_KEPT, others=FAILURES_KEPT)
    return f"Forgot {forgotten:,} old runs of jobs." if forgotten else ""
