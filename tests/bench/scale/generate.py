"""A size and a seed in, the events of 400 days out, the oldest first; any day can be made by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.bench.scale.days import START, calendar, calls_of_days
from tests.bench.scale.draw import Calls, Source
from tests.bench.scale.events import Callers, to_events
from tests.bench.scale.population import SEED, world
from usage_plugin.event import UsageEvent

VERSION = 1
"""Changes with what is generated."""


def drawn(count: int, seed: int = SEED, since: datetime = START) -> Iterator[tuple[int, Calls]]:
    """Draw the calls of each day, with the day's number.

    Args:
        count: Calls in all.
        seed: Of all chance.
        since: Leave out the days that are over then.
    """
    source = Source(world(seed), seed)
    for number, (day, size) in enumerate(zip(calendar(), calls_of_days(count, seed).tolist(), strict=True)):
        if day + timedelta(days=1) > since:
            yield number, source.draw(day, number, size)


def generate(count: int, seed: int = SEED) -> Iterator[UsageEvent]:
    """Give all events."""
    callers = Callers(world(seed))
    for _, calls in drawn(count, seed):
        yield from to_events(callers, calls)
