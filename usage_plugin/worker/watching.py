"""The calls of the last minutes in, alerts of who runs away out: a minute after it began, not an hour."""

from __future__ import annotations

from usage_plugin.alerts import Source, raise_alerts
from usage_plugin.alerts.runaways import runaway_findings
from usage_plugin.analysis.burn import Runaway
from usage_plugin.rules.minutes import Recent, Scope
from usage_plugin.rules.runaway import watch
from usage_plugin.store.alerts import ACTIVE, alerts
from usage_plugin.worker.jobs import JobContext
from usage_plugin.worker.telling import Routes, said_of

MINUTES_PER_HOUR = 60


class Watch:
    """Looks at the minutes that are over, and remembers two days of them."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._recent: Recent | None = None

    def __call__(self, context: JobContext) -> str:
        """Look, and tell at once."""
        engine, now = context.engine, context.clock()
        if self._recent is None or self._recent.engine is not engine:
            self._recent = Recent(engine)
        self._recent.catch_up(now)
        active = alerts(engine, states=ACTIVE, sources=(Source.RUNAWAY,))
        known = {Scope(alert.dimension, alert.member) for alert in active}
        what = Runaway(least_per_point=context.settings.runaway_usd_per_hour / MINUTES_PER_HOUR)
        cases = watch(engine, self._recent, what, known)
        raised = raise_alerts(engine, Source.RUNAWAY, runaway_findings(engine, cases, context.zone), now)
        return said_of(raised, self._routes.tell(context) if raised.opened or raised.resolved else 0)
