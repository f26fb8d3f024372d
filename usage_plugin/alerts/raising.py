"""Findings of a source in, its alerts opened, brought up to date and resolved out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Engine

from usage_plugin.alerts.finding import Finding, Source
from usage_plugin.store.alerts import Raised, keep_alerts

# What comes and goes within minutes is one alert.
SETTLED_AFTER = timedelta(minutes=5)


def raise_alerts(
    engine: Engine,
    source: Source,
    findings: Iterable[Finding],
    now: datetime,
    *,
    settled_after: timedelta = SETTLED_AFTER,
) -> Raised:
    """Bring the alerts of a source in line with what is so now.

    Args:
        engine: Of a migrated database.
        source: Of all the findings.
        findings: Everything that is so now: what is missing is over.
        now: The present moment.
        settled_after: What was not found for so long is over.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    found: dict[str, Finding] = {}
    for finding in findings:
        known = found.get(finding.key)
        if known is None or finding.severity.rank > known.severity.rank:
            found[finding.key] = finding
    rows = [finding.row(now) for finding in found.values()]
    follows = source is Source.ANOMALY
    return keep_alerts(engine, source.value, rows, now=now, over_before=now - settled_after, follows=follows)
