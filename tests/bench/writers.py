"""Processes that write the same calls at once, many of them twice, in; the database's count and ``verify`` out.

Run ``python -m tests.bench.writers [EVENTS] [sqlite|postgresql]``. Each process writes days of its own; a twentieth of
its calls it sends again itself, and another twentieth are sent by the next process too, at about the same time. Beside
them one more process adds up what is there. Ends with an error where a call is missing or there twice, or a total or an
answer differs from the records.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Engine, func, select

from tests.bench.scale import equal
from tests.bench.scale.databases import POSTGRESQL, SQLITE, database, postgresql
from tests.bench.scale.days import END
from tests.bench.scale.events import Callers, to_events
from tests.bench.scale.generate import drawn
from tests.bench.scale.measure import asked_in, sample
from tests.bench.scale.population import world
from tests.bench.scale.questions import Asked
from tests.bench.scale.table import show
from usage_plugin.event import UsageEvent
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.sheets.build import add_up
from usage_plugin.store.tables import UsageRecord, table_of
from usage_plugin.store.write import write_events
from usage_plugin.store.zones import UTC_ZONE

EVENTS = 1_000_000
WRITERS = {SQLITE: 2, POSTGRESQL: 4}
BATCH: int = Settings.model_fields["batch_size"].default
SENT_AGAIN = 0.05
ADD_UP_EVERY_S = 5.0
ASKED, ZONE = 27, "UTC"
VERIFY = "from usage_plugin.cli import main; main()"


def main(arguments: Sequence[str]) -> None:
    """Write, count and verify."""
    events = next((int(each) for each in arguments if each.isdigit()), EVENTS)
    rows = []
    for kind in [each for each in arguments if each in WRITERS] or list(WRITERS):
        with tempfile.TemporaryDirectory() as folder, _new(kind, Path(folder)) as url:
            rows.append((kind, WRITERS[kind], *_measure(url, WRITERS[kind], events, Path(folder))))
    columns = ("", "writers", "sent", "s", "stored", "differences", "verify s", "wrong answers", "of")
    show(f"{events:,} calls, batches of {BATCH}, some sent twice", columns, rows)
    if any(row[4] != events or row[5] or row[7] for row in rows):
        sys.exit("a call is missing or there twice, or a total or an answer is wrong")


def write_part(url: str, events: int, part: int, parts: int, sent: Any = None) -> None:
    """Write every so many-th day's calls, some of them twice, and some of another process's."""
    engine, callers, rng, count = connect(url), Callers(world()), Random(part), 0
    again: list[UsageEvent] = []
    for number, calls in drawn(events):
        if number % parts not in (part, (part - 1) % parts):
            continue
        made = to_events(callers, calls)
        if number % parts != part:
            again.extend(event for event in made if _is_sent_by_another(event))
            continue
        for batch in _batches(made):
            some = [event for event in batch if rng.random() < SENT_AGAIN]
            mixed = [*batch, *again]
            rng.shuffle(mixed)
            write_events(engine, mixed)
            count, again = count + len(mixed), some
    write_events(engine, again)
    if sent is not None:
        sent.put(count + len(again))


def _is_sent_by_another(event: UsageEvent) -> bool:
    return int(event.event_key[:4], 16) < SENT_AGAIN * 0x10000


def _batches(events: Iterator[UsageEvent]) -> Iterator[list[UsageEvent]]:
    while batch := list(islice(events, BATCH)):
        yield batch


def _measure(url: str, writers: int, events: int, folder: Path) -> tuple[int, float, int, int, float, int, int]:
    engine = connect(url)
    migrate(engine)
    begun = time.monotonic()
    sent = _write(url, writers, events)
    written = time.monotonic()
    found = _verify(url, folder)
    took = time.monotonic() - written
    with engine.connect() as connection:
        stored = connection.execute(select(func.count()).select_from(table_of(UsageRecord))).scalar_one()
    answers = [_is_right(engine, asked) for asked in sample(asked_in(ZONE), ASKED)]
    engine.dispose()
    return sent, written - begun, stored, found["differences"], took, answers.count(False), len(answers)


def _is_right(engine: Engine, asked: Asked) -> bool:
    return equal.same(asked, asked.ask(engine, asked.question), equal.from_records(engine, asked, ZONE))


def _write(url: str, writers: int, events: int) -> int:
    context = multiprocessing.get_context("spawn")
    sent, done = context.Queue(), context.Event()
    processes = [context.Process(target=write_part, args=(url, events, part, writers, sent)) for part in range(writers)]
    adding_up = context.Process(target=add_up_until, args=(url, done))
    for process in (*processes, adding_up):
        process.start()
    for process in processes:
        process.join()
    done.set()
    adding_up.join()
    if any(process.exitcode for process in (*processes, adding_up)):
        sys.exit("a process failed")
    return sum(sent.get() for _ in processes)


def add_up_until(url: str, done: Any) -> None:
    """Add up again and again what is there, as the background worker does."""
    engine = connect(url)
    while not done.wait(ADD_UP_EVERY_S):
        add_up(engine, END, UTC_ZONE)


def _verify(url: str, folder: Path) -> dict[str, Any]:
    environment = {**os.environ, "USAGE_DATABASE_URL": url.replace("+psycopg", ""), "USAGE_DATA_DIR": str(folder)}
    command = [sys.executable, "-c", VERIFY, "verify", "--json"]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@contextmanager
def _new(kind: str, folder: Path) -> Iterator[str]:
    if kind == SQLITE:
        yield f"sqlite:///{folder / 'usage.db'}"
        return
    with postgresql(folder / "postgresql") as server:
        yield database(server, "usage")


if __name__ == "__main__":
    main(sys.argv[1:])
