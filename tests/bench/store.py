"""How fast calls are stored, beside the fastest that the same database can take the same rows; run by ``make bench``.

A ratio of two measurements taken in turn says more than either on a machine that does other things, too.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine, insert

from usage_plugin.clock import utc_now
from usage_plugin.demo import generate
from usage_plugin.event import UsageEvent
from usage_plugin.store.database import connect, writing
from usage_plugin.store.migrate import migrate
from usage_plugin.store.tables import UsageRecord, table_of
from usage_plugin.store.write import record_values, write_events

RUNS = 5
CALLS = 5000
BATCH = 500
NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)


def main() -> None:
    """Measure and print."""
    events = list(islice(generate(NOW, days=30)[1], CALLS))
    ours, bare = [], []
    for _ in range(RUNS):
        ours.append(_seconds(events, write_events))
        bare.append(_seconds(events, _insert_rows))
    slower = statistics.median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    print(f"{CALLS:,} calls in batches of {BATCH} into SQLite, median of {RUNS} runs")
    print(f"write_events, with tags, prices, totals and keys  {CALLS / statistics.median(ours):>10,.0f} calls/s")
    print(f"executemany of the same rows, nothing else        {CALLS / statistics.median(bare):>10,.0f} rows/s")
    print(f"ratio                                             {slower:>10.1f}")


def _seconds(events: Sequence[UsageEvent], write: Callable[[Engine, Sequence[UsageEvent]], object]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        engine = connect(f"sqlite:///{Path(folder) / 'bench.db'}")
        migrate(engine)
        begin = time.perf_counter()
        for start in range(0, len(events), BATCH):
            write(engine, events[start : start + BATCH])
        seconds = time.perf_counter() - begin
        engine.dispose()
    return seconds


def _insert_rows(engine: Engine, events: Sequence[UsageEvent]) -> None:
    now = utc_now()
    with writing(engine).begin() as connection:
        connection.execute(insert(table_of(UsageRecord)), [record_values(event, now) for event in events])


if __name__ == "__main__":
    main()
