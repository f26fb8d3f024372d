"""What a worker would have found, made by hand: an anomaly with its explanation, rows as they are kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine

from tests.dashboard.conftest import NOW
from usage_plugin.analysis.why import Standing
from usage_plugin.detect import Part, Split, Why
from usage_plugin.store.analysis_tables import AnomalyRow
from usage_plugin.store.anomalies import keep
from usage_plugin.store.database import changing

USD = 10**9
HOUR = NOW.replace(minute=0)
WHY = Why(
    unit="nano_usd",
    expected=6 * USD,
    actual=61 * USD,
    splits=(
        Split(
            dimension="user",
            score=0.9,
            parts=(
                Part(member="leo", label="Leo", standing=Standing.KNOWN, expected=1 * USD, actual=54 * USD),
                Part(member="mona", label="mona", standing=Standing.NEW, expected=0, actual=3 * USD),
            ),
            rest_members=14,
            rest_expected=5 * USD,
            rest_actual=4 * USD,
            drivers=1,
        ),
        Split(
            dimension="model",
            score=0.4,
            parts=(Part(member="gpt-4o", label="gpt-4o", standing=Standing.KNOWN, expected=4 * USD, actual=58 * USD),),
            rest_members=3,
            rest_expected=2 * USD,
            rest_actual=3 * USD,
            drivers=1,
        ),
    ),
    terms={"volume": 50 * USD, "mix": -1 * USD, "tokens_per_call": 6 * USD, "price": 0, "other": 0},
    unpriced_requests=12,
)


def anomaly_row(number: int = 1, **changes: Any) -> AnomalyRow:
    """Make a runaway of yesterday in the cost of all calls."""
    key = f"{number:032x}"
    known: dict[str, Any] = {
        "anomaly_key": key, "series_key": key, "metric": "cost", "granularity": "hour", "dimension": "total",
        "kind": "runaway", "started_at": HOUR - timedelta(hours=30), "peak_at": HOUR - timedelta(hours=27),
        "ended_at": HOUR - timedelta(hours=24), "is_over": True, "expected": 6.0 * USD, "actual": 61.0 * USD,
        "peak_actual": 14.0 * USD, "z": 11.2, "severity": 4.3, "at_stake_nano_usd": 55 * USD,
        "headline": "Cost of all calls: $61.00 where $6.00 was expected.", "explanation": WHY.to_json(),
        "state": "open", "found_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    return AnomalyRow(**{**known, **changes})


def keep_rows(engine: Engine, *rows: AnomalyRow) -> list[int]:
    """Write them; gives their numbers."""
    with changing(engine) as connection:
        return [row.id or 0 for row in keep(connection, rows)]
