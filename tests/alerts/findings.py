"""Findings made of what a test is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from usage_plugin.alerts.finding import Finding, Severity, Source

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
RUNAWAY = Finding(
    source=Source.RULE,
    about="rule 3 key batch",
    source_id=3,
    severity=Severity.CRITICAL,
    title="Key “nightly-batch” spends 20 times as much as usual",
    body="$4.00 in 3 minutes where $0.20 were expected. Key “nightly-batch” drove it.",
    since=NOW,
    dimension="key",
    member="b4tch",
    label="nightly-batch",
    owner="ana",
    details={"actual_usd": 4.0, "expected_usd": 0.2},
    at_stake_nano_usd=3_800_000_000,
)


def finding(about: str, severity: Severity = Severity.WARNING, **changes: Any) -> Finding:
    """Make another one, about something else."""
    return replace(RUNAWAY, about=about, severity=severity, title=f"Something about {about}", **changes)
