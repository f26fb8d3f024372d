"""How long writes wait while half of the records are pruned: ``python -m tests.bench.prune [RECORDS | URL]``.

With a number it makes that many records over 400 days in a SQLite file of its own; with a URL it prunes the database
that is there, so give it a copy.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from threading import Event, Thread
from typing import TypeVar

from sqlalchemy import Engine

from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.prune import prune
from usage_plugin.store.retention import FOR_EVER, Retention
from usage_plugin.store.verify import verify
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

RECORDS = 1_000_000
DAYS = 400
BATCH = 5_000
PER_SECOND = 200
LIMIT_S = 0.25
NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
KEEP_HALF = Retention(DAYS // 2, FOR_EVER, FOR_EVER)

Result = TypeVar("Result")


def main() -> None:
    """Measure and print."""
    given = sys.argv[1] if len(sys.argv) > 1 else str(RECORDS)
    if not given.isdigit():
        measure(connect(given))
        return
    with tempfile.TemporaryDirectory() as folder:
        engine = connect(f"sqlite:///{Path(folder) / 'usage.db'}")
        migrate(engine)
        fill(engine, int(given))
        measure(engine)


def measure(engine: Engine) -> None:
    """Prune half of what is there beside writes, print how long they waited, and verify."""
    begin = time.perf_counter()
    waits, pruned = writes_while(engine, lambda: prune(engine, KEEP_HALF, NOW), PER_SECOND, NOW)
    seconds, ordered = time.perf_counter() - begin, sorted(waits)
    print(f"{sum(pruned.rows.values()):,} rows pruned in {seconds:,.0f} s, {pruned.bytes_returned:,} bytes returned")
    print(f"longest step {pruned.longest_step_s * 1000:.0f} ms; beside it {len(waits) / seconds:.0f} writes/s took")
    for name, share in (("median", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("longest", 1.0)):
        print(f"  {name:<8}{ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000:>8.1f} ms")
    print(f"over {LIMIT_S * 1000:.0f} ms: {sum(wait > LIMIT_S for wait in waits)}")
    begin = time.perf_counter()
    result = verify(engine)
    print(f"verify: {result.calls:,} calls, {result.differences} differences, {time.perf_counter() - begin:,.0f} s")


def fill(engine: Engine, records: int) -> None:
    """Store calls of some teams, keys and models, evenly over the days, oldest first."""
    step = timedelta(days=DAYS) / records
    events = (
        make_event(
            completed_at=NOW - (records - n) * step,
            litellm_call_id=f"call-{n * 7919 % records:032x}",
            team_id=f"team-{n % 50}",
            api_key_hash=f"key-{n % 2000}",
            model=f"model-{n % 7}",
            tags=(f"tag-{n % 100}",),
        )
        for n in range(records)
    )
    while batch := list(islice(events, BATCH)):
        write_events(engine, batch)


def writes_while(
    engine: Engine, work: Callable[[], Result], per_second: float, at: datetime
) -> tuple[list[float], Result]:
    """Write single calls at a steady rate until *work* is done.

    Args:
        engine: Of a migrated database.
        work: What goes on beside it.
        per_second: How many calls.
        at: When they ended.

    Returns:
        The seconds that each write took, and what *work* gave.
    """
    waits: list[float] = []
    done = Event()
    writer = Thread(target=_write_until, args=(engine, done, 1 / per_second, at, waits))
    writer.start()
    try:
        result = work()
    finally:
        done.set()
        writer.join()
    return waits, result


def _write_until(engine: Engine, done: Event, every_s: float, at: datetime, waits: list[float]) -> None:
    due = time.perf_counter()
    while not done.wait(max(0.0, due - time.perf_counter())):
        due += every_s
        begin = time.perf_counter()
        write_events(engine, [make_event(completed_at=at)])
        waits.append(time.perf_counter() - begin)


if __name__ == "__main__":
    main()
