"""A large database in, how long writes wait while half of its calls are pruned out.

Run ``python -m tests.bench.prune [CALLS] [KIND]``: it prunes a copy of a database of ``tests.bench.scale``.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import TypeVar

import numpy as np
from sqlalchemy import Engine

from tests.bench.scale.build import copied
from tests.bench.scale.databases import POSTGRESQL, SQLITE, folder
from tests.bench.scale.days import END, calendar, calls_of_days
from tests.bench.scale.population import SEED
from tests.bench.scale.table import show
from usage_plugin.store.database import connect
from usage_plugin.store.prune import prune
from usage_plugin.store.retention import FOR_EVER, Retention
from usage_plugin.store.verify import verify
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

CALLS = 1_000_000
PER_SECOND = 200
# One would not do it where a commit takes longer than 5 ms.
WRITERS = 2
LIMIT_S = 0.25
# How long writes are measured alone, before: a disk that others keep busy makes them wait, too.
ALONE_S = 60.0
PROBE_EVERY_S = 0.1
BLOCK_BYTES = 4096

Result = TypeVar("Result")


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    calls = next((int(each) for each in arguments if each.isdigit()), CALLS)
    for kind in [each for each in arguments if each in (SQLITE, POSTGRESQL)] or (SQLITE, POSTGRESQL):
        with copied(kind, calls) as url:
            engine = connect(url)
            measure(f"{kind}: half of {calls:,} calls pruned beside {PER_SECOND} writes/s", engine, calls)
            engine.dispose()


def measure(title: str, engine: Engine, calls: int) -> None:
    """Prune half of what is there beside writes, print how long they waited, and verify."""
    keep_half = Retention(_days_of_half(calls), FOR_EVER, FOR_EVER)
    with disk() as disk_alone:
        alone, _ = writes_while(engine, lambda: time.sleep(ALONE_S), PER_SECOND, END)
    begin = time.perf_counter()
    with disk() as disk_beside:
        waits, pruned = writes_while(engine, lambda: prune(engine, keep_half, END), PER_SECOND, END)
    seconds = time.perf_counter() - begin
    rows, returned, step_ms = sum(pruned.rows.values()), pruned.bytes_returned, pruned.longest_step_s * 1000
    columns: tuple[str, ...] = ("", "rows", "s", "bytes returned", "longest step ms", "writes/s")
    show(title, columns, [("pruned", rows, seconds, returned, step_ms, len(waits) / seconds)])
    columns = ("", "median", "p99", "p99.9", "longest", f"over {LIMIT_S * 1000:.0f} ms")
    measured = {
        "a write alone": alone,
        "the disk meanwhile": disk_alone,
        "a write beside pruning": waits,
        "the disk beside pruning": disk_beside,
    }
    show("milliseconds", columns, [_waited(what, each) for what, each in measured.items()])
    begin = time.perf_counter()
    result = verify(engine)
    taken = time.perf_counter() - begin
    show("verify", ("", "calls", "differences", "s"), [("", result.calls, result.differences, taken)])


@contextmanager
def disk() -> Iterator[list[float]]:
    """Give the seconds that the disk itself takes for a small block, ten times a second: no write can be sooner."""
    waits: list[float] = []
    done = Event()
    with tempfile.TemporaryFile(dir=folder()) as file:
        prober = Thread(target=_probe, args=(file.fileno(), done, waits))
        prober.start()
        try:
            yield waits
        finally:
            done.set()
            prober.join()


def _probe(file: int, done: Event, waits: list[float]) -> None:
    while not done.wait(PROBE_EVERY_S):
        begin = time.perf_counter()
        os.pwrite(file, os.urandom(BLOCK_BYTES), 0)
        os.fsync(file)
        waits.append(time.perf_counter() - begin)


def _waited(what: str, waits: Sequence[float]) -> tuple[str | float, ...]:
    shares = (float(np.percentile(waits, share)) * 1000 for share in (50, 99, 99.9, 100))
    return what, *shares, sum(wait > LIMIT_S for wait in waits)


def _days_of_half(calls: int) -> int:
    """Say how many days back the newer half of the calls begins."""
    until = np.cumsum(calls_of_days(calls, SEED))
    return (END - calendar()[int(np.searchsorted(until, calls / 2)) + 1]) // timedelta(days=1)


def writes_while(
    engine: Engine, work: Callable[[], Result], per_second: float, at: datetime
) -> tuple[list[float], Result]:
    """Write single calls at a steady rate, from some threads, until *work* is done.

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
    every_s = WRITERS / per_second
    writers = [Thread(target=_write_until, args=(engine, done, every_s, at, waits)) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        result = work()
    finally:
        done.set()
        for writer in writers:
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
    main(sys.argv[1:])
