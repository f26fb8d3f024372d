"""Anomalies as they are kept in, what somebody should hear of them out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from usage_plugin.alerts.finding import Finding, Severity, Source
from usage_plugin.money import NANO_PER_USD, to_usd
from usage_plugin.store.analysis_tables import AnomalyRow
from usage_plugin.store.anomalies import ACTIVE, State, anomalies

CRITICAL_NANO_USD: Final = 100 * NANO_PER_USD
WARNING_NANO_USD: Final = 5 * NANO_PER_USD
# Where no dollars are at stake: so many times as far off as it takes to be told at all.
WARNING_SEVERITY: Final = 2.0
# A spike is over when it is found; it is told all the same, unless it is found in history.
FRESH: Final = {"day": timedelta(hours=48)}
_FRESH_HOURS: Final = timedelta(hours=6)
# What ended while no worker ran is told when one finds it, unless that was long ago.
LATE_DAYS: Final = timedelta(days=3)


def anomaly_findings(engine: Engine, now: datetime) -> list[Finding]:
    """Say what is not as expected and goes on, or has just ended; an anomaly that another one explains is not told.

    Args:
        engine: Of a migrated database.
        now: The present moment.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    since = now - max(LATE_DAYS, *FRESH.values())
    rows = anomalies(engine, states=ACTIVE, start=since)
    return [_finding(row) for row in rows if _is_news(row, now)]


def severity_of(row: AnomalyRow) -> Severity:
    """Say how much an anomaly matters: by its dollars, or where there are none by how far off it is."""
    if row.at_stake_nano_usd is None:
        return Severity.WARNING if abs(row.severity) >= WARNING_SEVERITY else Severity.INFO
    stake = abs(row.at_stake_nano_usd)
    if stake >= CRITICAL_NANO_USD and row.severity > 0:
        return Severity.CRITICAL
    return Severity.WARNING if stake >= WARNING_NANO_USD else Severity.INFO


def _is_news(row: AnomalyRow, now: datetime) -> bool:
    fresh = FRESH.get(row.granularity, _FRESH_HOURS)
    is_found_late = now - row.found_at < fresh and now - row.ended_at < LATE_DAYS
    return not row.is_over or now - row.ended_at < fresh or is_found_late


def _finding(row: AnomalyRow) -> Finding:
    first, _, _ = row.headline.partition(". ")
    is_money = row.metric == "cost"
    at_stake = to_usd(row.at_stake_nano_usd)
    return Finding(
        source=Source.ANOMALY,
        about=f"anomaly {row.id}",
        source_id=row.id,
        severity=severity_of(row),
        title=first.rstrip("."),
        body=row.headline,
        since=row.started_at,
        dimension=row.dimension,
        member=row.member,
        label=row.label,
        details={
            "kind": row.kind,
            "metric": row.metric,
            "granularity": row.granularity,
            "expected_usd" if is_money else "expected": row.expected / NANO_PER_USD if is_money else row.expected,
            "actual_usd" if is_money else "actual": row.actual / NANO_PER_USD if is_money else row.actual,
            "at_stake_usd": None if at_stake is None else float(at_stake),
            "z": row.z,
            "started_at": row.started_at.isoformat(),
            "ended_at": row.ended_at.isoformat(),
        },
        at_stake_nano_usd=row.at_stake_nano_usd,
        is_acknowledged=row.state == State.ACKNOWLEDGED,
        acknowledged_by=row.state_by,
        worse_at=row.told_at,
    )
