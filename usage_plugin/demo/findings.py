"""A demo database that is filled and added up in, what a worker would have found in it kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from usage_plugin.alerts import Source, raise_alerts
from usage_plugin.alerts.anomalies import anomaly_findings
from usage_plugin.alerts.budgets import budget_findings
from usage_plugin.budgets import standing
from usage_plugin.detect import Options, detect
from usage_plugin.store.anomalies import State, anomalies, set_state

_AT_ONCE = timedelta(0)


def find(engine: Engine, now: datetime, zone: ZoneInfo, options: Options) -> int:
    """Look for anomalies, let somebody look after one of them, and open alerts. Nobody is sent anything.

    Args:
        engine: Of a database with the company's calls, budgets and calendar.
        now: End of the last call.
        zone: Whose days.
        options: What is told.

    Returns:
        How many anomalies were found, without those that others explain.

    Raises:
        StoreError: The database does not answer.
    """
    found = detect(engine, now, zone, options)
    for row in anomalies(engine, states=(State.OPEN,), limit=3)[2:]:
        set_state(engine, row.id or 0, State.ACKNOWLEDGED, by="yuki@acme.example", note="I ask the team", now=now)
    raise_alerts(engine, Source.ANOMALY, anomaly_findings(engine, now), now, settled_after=_AT_ONCE)
    told = budget_findings(standing(engine, now, zone), zone)
    raise_alerts(engine, Source.BUDGET, told, now, settled_after=_AT_ONCE)
    return len(found.new)
