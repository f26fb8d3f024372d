"""A number of calls in, a database with all of them out: ``python -m tests.bench.scale.build CALLS [KIND]``.

Everything goes through ``write_events``, in the order of time; commits do not wait for the disk. A build that was
interrupted goes on where it was.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, event

from tests.bench.scale import databases
from tests.bench.scale.databases import POSTGRESQL, SQLITE, Place, place
from tests.bench.scale.days import END, calendar
from tests.bench.scale.events import Callers, to_events
from tests.bench.scale.generate import drawn
from tests.bench.scale.population import world
from usage_plugin.event import UsageEvent
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.sheets.build import add_up
from usage_plugin.store.write import write_events
from usage_plugin.store.zones import UTC_ZONE

BATCH = 20_000
TOLD_EVERY_S = 15.0
HURRY = {
    SQLITE: ("PRAGMA synchronous = OFF", "PRAGMA cache_size = -1000000", "PRAGMA wal_autocheckpoint = 20000"),
    POSTGRESQL: ("SET synchronous_commit = off",),
}


@contextmanager
def built(kind: str, count: int) -> Iterator[Engine]:
    """Give a database with so many calls, opened as the product does; builds it where it is not there yet."""
    with place(kind, count) as where:
        build(where, kind, count)
        engine = where.engine()
        try:
            yield engine
        finally:
            engine.dispose()


@contextmanager
def copied(kind: str, count: int) -> Iterator[str]:
    """Give the URL of a copy, which goes afterwards."""
    with place(kind, count) as where:
        build(where, kind, count)
        with databases.copied(where) as url:
            os.sync()  # or the disk is busy with the copy while something is measured
            yield url


def build(where: Place, kind: str, count: int) -> None:
    """Write what is missing."""
    days_done = _days_done(where.state)
    if days_done == len(calendar()):
        return
    engine = _hurrying(where.url, kind)
    migrate(engine)
    _write(engine, where.state, count, days_done)
    add_up_days_of(engine, UTC_ZONE)
    _settle(engine, kind)
    engine.dispose()
    _note(where.state, len(calendar()))


def _write(engine: Engine, state: Path, count: int, first_day: int) -> None:
    callers, waiting, begun, told = Callers(world()), list[UsageEvent](), time.monotonic(), time.monotonic()
    written = 0
    gc.disable()  # nothing here is a cycle, and hundreds of thousands of objects are looked at again and again
    for number, calls in drawn(count, since=calendar()[first_day]):
        waiting.extend(to_events(callers, calls))
        if len(waiting) < BATCH and number < len(calendar()) - 1:
            continue
        for start in range(0, len(waiting), BATCH):
            write_events(engine, waiting[start : start + BATCH])
        written += len(waiting)
        waiting.clear()
        _note(state, min(number + 1, len(calendar()) - 1))
        if time.monotonic() - told > TOLD_EVERY_S:
            told = time.monotonic()
            print(f"  {calls.day:%Y-%m-%d}  {written / (told - begun):,.0f} calls/s", file=sys.stderr, flush=True)
    gc.enable()


def add_up_days_of(engine: Engine, zone: ZoneInfo) -> None:
    """Make the sheets of a time zone's days, as the background worker does; those that are there stay."""
    told = [time.monotonic()]

    def tell(done: int, of: int) -> None:
        if time.monotonic() - told[0] > TOLD_EVERY_S:
            told[0] = time.monotonic()
            print(f"  {done:,} of {of:,} stretches added up", file=sys.stderr, flush=True)

    add_up(engine, END, zone, tell)


def _hurrying(url: str, kind: str) -> Engine:
    engine = connect(url)

    @event.listens_for(engine, "connect")
    def hurry(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for statement in HURRY[kind]:
            cursor.execute(statement)
        connection.commit()

    return engine


def _settle(engine: Engine, kind: str) -> None:
    """Leave the database as it is after a quiet night: nothing is left for the first reader to do."""
    statements = ("VACUUM (ANALYZE)", "CHECKPOINT") if kind == POSTGRESQL else ("PRAGMA wal_checkpoint(TRUNCATE)",)
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        connection.rollback()
        if kind == POSTGRESQL:
            driver.autocommit = True
        for statement in statements:
            driver.execute(statement)
        connection.invalidate()


def _days_done(state: Path) -> int:
    return int(json.loads(state.read_text())["days"]) if state.exists() else 0


def _note(state: Path, days: int) -> None:
    state.write_text(json.dumps({"days": days}))


def main(arguments: Sequence[str]) -> None:
    """Build."""
    count, *kinds = arguments
    for kind in kinds or (SQLITE, POSTGRESQL):
        begun = time.monotonic()
        with built(kind, int(count)) as engine:
            print(f"{engine.url.render_as_string()}: {int(count):,} calls, {time.monotonic() - begun:,.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
