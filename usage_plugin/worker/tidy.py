"""A database in, without old runs of jobs, old alerts and what keys used long ago out."""

from __future__ import annotations

from datetime import timedelta

from usage_plugin.store.alerts import forget_alerts
from usage_plugin.store.jobs import forget_runs
from usage_plugin.store.known_use import forget_uses
from usage_plugin.worker.jobs import JobContext

# A job that does something each minute leaves 10,000 rows in a week.
RUNS_KEPT = timedelta(days=7)
FAILURES_KEPT = timedelta(days=90)
ALERTS_KEPT = timedelta(days=400)
# What a job of once a year uses is no news to its key.
USES_KEPT = timedelta(days=400)


def tidy(context: JobContext) -> str:
    """Delete what nobody looks at any more."""
    now, days = context.clock(), context.settings.retain_records_days
    runs = forget_runs(context.engine, now, done=RUNS_KEPT, others=FAILURES_KEPT)
    alerts = forget_alerts(context.engine, now - ALERTS_KEPT)
    # Networks of callers are kept no longer than their calls.
    addresses = min(USES_KEPT, timedelta(days=days)) if days else USES_KEPT
    uses = forget_uses(context.engine, now - USES_KEPT, now - addresses)
    counts = {"old runs of jobs": runs, "old alerts and messages": alerts, "uses of long ago": uses}
    forgot = [f"{count:,} {what}" for what, count in counts.items() if count]
    return f"Forgot {', '.join(forgot)}." if forgot else ""
