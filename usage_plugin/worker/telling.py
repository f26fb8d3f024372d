"""What is found in, alerts and messages out; and the messages that are due, delivered."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

from usage_plugin.alerts import Raised, Routing, Source, deliver, raise_alerts, routing_of, tell
from usage_plugin.alerts.anomalies import anomaly_findings
from usage_plugin.alerts.budgets import budget_findings
from usage_plugin.alerts.pipeline import pipeline_findings
from usage_plugin.budgets import standing
from usage_plugin.worker.jobs import JobContext

AT_ONCE = timedelta(0)


class Routes:
    """Who is told what, as the alerts file has it: read again when the file has changed."""

    def __init__(self) -> None:
        self._telling = threading.Lock()
        self._seen: tuple[str, float] | None = None
        self._routing = Routing()

    def __call__(self, context: JobContext) -> Routing:
        """Give it.

        Raises:
            InputError: The file cannot be used.
        """
        seen = (context.settings.alert_urls, _changed_at(context.settings.alerts_file))
        if seen != self._seen:
            self._routing = routing_of(context.settings, context.environment)
            self._seen = seen
        return self._routing

    def tell(self, context: JobContext) -> int:
        """Make the messages that are to be made now; gives how many alerts they are about.

        One job at a time: two would not know of each other's.
        """
        with self._telling:
            return tell(context.engine, self(context), context.clock(), context.zone)


class Tell:
    """Opens, updates and resolves alerts of what is known already, and makes the messages about all alerts."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    def __call__(self, context: JobContext) -> str:
        """Look at anomalies and at the recording. What no channel takes is an alert all the same, on the dashboard."""
        engine, now = context.engine, context.clock()
        wrong = pipeline_findings(engine, now, lag_limit_s=context.settings.pipeline_lag_limit_s)
        raised = raise_alerts(engine, Source.ANOMALY, anomaly_findings(engine, now), now, settled_after=AT_ONCE)
        raised += raise_alerts(engine, Source.PIPELINE, wrong, now)
        return said_of(raised, self._routes.tell(context))


def budgets_told(context: JobContext) -> str:
    """Open, update and resolve the alerts of budgets."""
    now = context.clock()
    found = budget_findings(standing(context.engine, now, context.zone), context.zone)
    return said_of(raise_alerts(context.engine, Source.BUDGET, found, now, settled_after=AT_ONCE))


def said_of(raised: Raised, told: int = 0) -> str:
    """Say what became of alerts; nothing where nothing did."""
    counts = {"opened": raised.opened, "resolved": raised.resolved, "told": told}
    said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"Alerts: {said}." if said else ""


class Deliver:
    """Sends the messages that are due."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    def __call__(self, context: JobContext) -> str:
        """Send them, and say how many."""
        done = deliver(context.engine, self._routes(context), context.clock)
        said = [f"{count} {what}" for count, what in ((done.sent, "delivered"), (done.failed, "not taken")) if count]
        return f"Messages: {', '.join(said)}." if said else ""


def _changed_at(path: Path | None) -> float:
    try:
        return 0.0 if path is None else path.stat().st_mtime
    except OSError:
        return -1.0
