"""Calls of a small company, written as the proxy would: two teams, four keys, a rhythm, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from sqlalchemy import Engine

from usage_plugin.event import UsageEvent
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

NOW = datetime(2026, 6, 12, 9, 30, tzinfo=UTC)
"""A Friday."""
DAYS = 42
HOUR = timedelta(hours=1)
KEYS = {"alpha": ("search", "ana"), "beta": ("search", "ben"), "gamma": ("sales", "cem"), "delta": ("sales", "dia")}
MODELS = ("small", "large")
PRICE_USD = {"small": 0.02, "large": 0.1}


@dataclass(frozen=True)
class Hour:
    """What one key does in one hour, counted together in a row per model."""

    key: str
    start: datetime
    calls: int
    model: str = "small"
    usd_per_call: float = 0.02

    def event(self) -> UsageEvent:
        team, user = KEYS[self.key]
        return make_event(
            completed_at=self.start + HOUR / 2,
            api_key_hash=f"hash-{self.key}",
            api_key_alias=self.key,
            team_id=team,
            team_alias=team.capitalize(),
            user_id=user,
            feature=f"feature-{self.key}",
            model=self.model,
            provider="openai",
            calls=self.calls,
            latency_ms=None if self.calls > 1 else 900.0,
            cost_usd=Decimal(f"{self.calls * self.usd_per_call:.6f}"),
            prompt_tokens=self.calls * 1000,
            completion_tokens=self.calls * 100,
            user_agent="OpenAI/Python 2.9.0",
            client_ip="10.1.2.3",
        )


def usual(seed: int = 1, until: datetime = NOW, days: int = DAYS) -> Iterator[Hour]:
    """Give the hours of all keys: office hours of people, quiet nights, half of the calls on days off."""
    rng = np.random.default_rng(seed)
    first = until.replace(minute=0) - timedelta(days=days)
    for number in range(days * 24 + 1):
        start = first + number * HOUR
        if start + HOUR / 2 >= until:
            return
        office = 1.0 if 8 <= start.hour < 19 else 0.15
        weekend = 0.5 if start.weekday() >= 5 else 1.0
        for key in KEYS:
            calls = int(rng.poisson(40 * office * weekend * rng.gamma(60, 1 / 60)))
            large = int(rng.binomial(calls, 0.3))
            for model, count in (("small", calls - large), ("large", large)):
                if count:
                    yield Hour(key, start, count, model, PRICE_USD[model])


def company(
    engine: Engine,
    change: Callable[[Hour], Hour | None] = lambda hour: hour,
    extra: tuple[Hour, ...] = (),
    **given: Any,
) -> None:
    """Write the hours, each as *change* leaves it, and some more."""
    events = [hour.event() for each in usual(**given) if (hour := change(each)) is not None]
    events += [hour.event() for hour in extra]
    for first in range(0, len(events), 2000):
        write_events(engine, events[first : first + 2000])
