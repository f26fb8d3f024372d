"""A moment and a seed in, the events of a generated company's last days out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np

from usage_plugin.demo.anomalies import ANOMALIES
from usage_plugin.demo.calls import Calls, in_time_order
from usage_plugin.demo.draw import Calendar, changes, draw
from usage_plugin.demo.events import to_events
from usage_plugin.demo.rhythm import hours_until
from usage_plugin.demo.workloads import WORKLOADS
from usage_plugin.event import UsageEvent

DAYS = 90
SEED = 7


def generate(now: datetime, seed: int = SEED, days: int = DAYS) -> tuple[int, Iterator[UsageEvent]]:
    """Generate calls up to *now*: the same seed and moment give the same calls.

    Args:
        now: End of the last call, timezone-aware.
        seed: Of all chance.
        days: How far back they go.

    Returns:
        How many there are, and the events in the order of their completion.
    """
    calls = draw_calls(now, seed, days)
    return len(calls), to_events(calls, seed)


def draw_calls(now: datetime, seed: int = SEED, days: int = DAYS) -> Calls:
    """Draw the same calls as columns."""
    calendar = Calendar(hours_until(now, days), now)
    generators = np.random.default_rng(seed).spawn(len(WORKLOADS))
    parts = [
        draw(index, workload, changes(workload, ANOMALIES, calendar), calendar, rng)
        for index, (workload, rng) in enumerate(zip(WORKLOADS, generators, strict=True))
    ]
    return in_time_order(parts)
