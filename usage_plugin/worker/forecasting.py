"""Each day's forecasts in, what became of them out: so that how wrong they are can be shown beside them."""

from __future__ import annotations

from usage_plugin.outlook import keep_outlooks, settle_outlooks
from usage_plugin.worker.jobs import JobContext


def forecasts_kept(context: JobContext) -> str:
    """Keep the forecasts of a day that has begun, once, and write down what periods that are over came to."""
    now, zone = context.clock(), context.zone
    settled = settle_outlooks(context.engine, now, zone)
    kept = keep_outlooks(context.engine, now, zone, context.breathe)
    context.counts.update(kept=kept, settled=settled)
    if not kept and not settled:
        return ""
    return f"Kept {kept:,} forecasts, and wrote down what {settled:,} earlier ones came to."
