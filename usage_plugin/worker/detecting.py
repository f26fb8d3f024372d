"""Hours and days that are over in, the anomalies in them kept for the inbox and for alerts out."""

from __future__ import annotations

from usage_plugin.detect import Options, detect
from usage_plugin.logs import get_logger
from usage_plugin.worker.jobs import JobContext

_log = get_logger(__name__)


def detecting(context: JobContext) -> str:
    """Look at what is new; hours whose calls still wait for the database are looked at later."""
    options = Options.of(context.settings)
    found = detect(context.engine, context.clock(), context.zone, options, breathe=context.breathe)
    context.counts.update(anomalies=len(found.new))
    if not found.hours and not found.days:
        return ""
    _log.info("detected", new=len(found.new), changed=len(found.changed), hours=found.hours, series=found.series)
    new = "1 new anomaly" if len(found.new) == 1 else f"{len(found.new):,} new anomalies"
    hours = "1 hour" if found.hours == 1 else f"{found.hours:,} hours"
    return f"Found {new} in {hours} of {found.series:,} series."
