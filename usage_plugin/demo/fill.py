"""An Engine in, a filled demo database out."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from usage_plugin.demo.generate import DAYS, SEED, generate
from usage_plugin.store.migrate import migrate
from usage_plugin.store.write import write_events

Progress = Callable[[int, int], None]
_BATCH = 2000


@dataclass(frozen=True, slots=True)
class FillResult:
    """What was written."""

    calls: int
    days: int
    until: datetime


def fill(
    engine: Engine, now: datetime, *, seed: int = SEED, days: int = DAYS, progress: Progress = lambda _done, _all: None
) -> FillResult:
    """Write a generated company's calls into a database.

    Args:
        engine: Of a database that holds nothing else.
        now: End of the last call.
        seed: Of all chance.
        days: How far back they go.
        progress: Told after each batch how many calls of how many are written.

    Raises:
        StoreUnavailable: The database cannot be written.
    """
    migrate(engine)
    count, events = generate(now, seed, days)
    done = 0
    while batch := list(itertools.islice(events, _BATCH)):
        write_events(engine, batch)
        done += len(batch)
        progress(done, count)
    return FillResult(done, days, now)
