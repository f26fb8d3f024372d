"""The same spend written as calls of one company's keys, and the entries of its inbox scored; run by the benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sqlalchemy import Engine

from tests.detection.__main__ import HELD_OUT, by_hour_score
from tests.detection.scoring import Score
from tests.detection.spend import QUIET_DAYS, Spend, generate
from tests.detection.watched import hourly_watch
from usage_plugin.analysis.arrays import BoolArray
from usage_plugin.detect import Options, detect
from usage_plugin.event import UsageEvent
from usage_plugin.store.anomalies import anomalies
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.sheets.build import add_up
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event
from usage_plugin.time_zone import UTC_ZONE

TENANTS = 40
DAYS = 90
"""As many as detectors learn from at first."""
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
BATCH = 3_000


def main() -> None:
    """Measure and print."""
    spend = generate(HELD_OUT[0], TENANTS, DAYS)
    with TemporaryDirectory() as folder:
        engine = connect(f"sqlite:///{Path(folder) / 'usage.db'}")
        migrate(engine)
        found = look(engine, spend)
        entries = len(anomalies(engine, limit=10_000))
    print(f"\n{TENANTS} of these tenants as keys of one company, {DAYS} days of calls in a database, by hour:")
    _print("entries of the inbox that name them", by_hour_score(spend, found))
    _print("the same series in memory, as above", by_hour_score(spend, hourly_watch(spend)))
    print(f"{entries} entries for {len(spend.labels)} events and {len(spend.benign)} benign changes")


def look(engine: Engine, spend: Spend) -> BoolArray:
    """Write calls, look at them once, and give the hours of entries of each tenant's key.

    Args:
        engine: Of an empty, migrated database.
        spend: Whose hours become a row each.
    """
    batch = list[UsageEvent]()
    for event in events(spend):
        batch.append(event)
        if len(batch) == BATCH:
            write_events(engine, batch)
            batch = []
    write_events(engine, batch)
    now = MONDAY + spend.cost_usd.shape[1] * HOUR + timedelta(minutes=5)
    add_up(engine, now, UTC_ZONE)
    quiet = timedelta(days=QUIET_DAYS)
    # All of them, however few dollars: tenants are as small as they come.
    options = Options(lookback=now - MONDAY - quiet, least_usd=0.0, least_share=0.0)
    detect(engine, now, UTC_ZONE, options)
    return _hours(engine, spend)


def events(spend: Spend) -> Iterator[UsageEvent]:
    """Give an hour of a tenant as one row that counts its calls."""
    for hour, tenant in np.argwhere(spend.requests.T > 0).tolist():
        yield make_event(
            completed_at=MONDAY + hour * HOUR + HOUR / 2,
            api_key_hash=f"key-{tenant}",
            api_key_alias=f"tenant {tenant}",
            calls=int(spend.requests[tenant, hour]),
            latency_ms=None,
            cost_usd=Decimal(f"{spend.cost_usd[tenant, hour]:.9f}"),
            prompt_tokens=int(spend.tokens[tenant, hour]),
            completion_tokens=0,
        )


def _hours(engine: Engine, spend: Spend) -> BoolArray:
    found = np.zeros(spend.cost_usd.shape, dtype=np.bool_)
    for row in anomalies(engine, limit=10_000):
        if row.dimension == "key" and row.member is not None:
            first, last = ((moment - MONDAY) // HOUR for moment in (row.started_at, row.ended_at))
            found[int(row.member.removeprefix("key-")), max(first, 0) : last] = True
    return found


def _print(name: str, score: Score) -> None:
    recall = "  ".join(f"{event} {found}/{events}" for event, (found, events) in sorted(score.recall.items()))
    print(f"{name:<38}F1 {score.f1:.3f}, false alarms a month {score.false_alarms:.3f}   {recall}")


if __name__ == "__main__":
    main()
