"""How long an hour of 10,000 series takes: their state read, stepped and written; run by ``make bench-detection``."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Engine

from usage_plugin.analysis.memory import SPEND_BY_HOUR, advance, begin
from usage_plugin.detect.memory import Block, Memory, laid_out, profile_names, profiles, recall
from usage_plugin.detect.series import Metric, Scope, Series
from usage_plugin.store.database import changing, connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.read import Granularity
from usage_plugin.store.series_states import keep_states

SERIES = 10_000
HOURS = 21 * 24
STEPS = 9
NOON = datetime(2026, 3, 2, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
HOUR = Granularity.HOUR


def learnt(series: int, hours: int) -> Memory:
    """Learn a few weeks of many series."""
    values = np.random.default_rng(1).gamma(2.0, 2.0, (series, hours))
    names = tuple(Series(Metric.COST, HOUR, Scope("key", f"key-{number:05d}")) for number in range(series))
    state, _ = advance(SPEND_BY_HOUR, begin(SPEND_BY_HOUR, series), values, np.arange(hours))
    blocks = {name: Block(profile, (), begin(profile, 0)) for name, profile in profiles(HOUR).items()}
    blocks[SPEND_BY_HOUR.name] = Block(SPEND_BY_HOUR, names, state)
    return Memory(NOON + timedelta(hours=hours), blocks)


def stepped(memory: Memory, values: np.ndarray[tuple[int], np.dtype[np.float64]], slot: int) -> Memory:
    """Take one hour."""
    block = memory.blocks[SPEND_BY_HOUR.name]
    state, _ = advance(SPEND_BY_HOUR, block.state, values[:, None], [slot])
    following = replace(block, state=state)
    return Memory(memory.stepped_to + timedelta(hours=1), {**memory.blocks, SPEND_BY_HOUR.name: following})


def keep(engine: Engine, memory: Memory) -> None:
    """Write what changed."""
    with changing(engine) as connection:
        pieces = list(laid_out(memory, HOUR, UTC_ZONE, NOON))
        keep_states(connection, HOUR.value, pieces, profile_names(HOUR, UTC_ZONE))


def timed(work: Callable[[], Memory | None]) -> tuple[float, Memory]:
    """Say how long something took, and what it gave."""
    began = time.perf_counter()
    found = work()
    assert found is not None
    return time.perf_counter() - began, found


def measure(engine: Engine, series: int = SERIES) -> tuple[float, float, float]:
    """Give the median seconds of reading, stepping and writing."""
    keep(engine, learnt(series, HOURS))
    took, rng = [], np.random.default_rng(2)
    for hour in range(STEPS):
        values = rng.gamma(2.0, 2.0, series)
        read_s, memory = timed(lambda: recall(engine, HOUR, UTC_ZONE))
        step_s, memory = timed(lambda known=memory, row=values, at=HOURS + hour: stepped(known, row, at))  # type: ignore[misc]
        began = time.perf_counter()
        keep(engine, memory)
        took.append((read_s, step_s, time.perf_counter() - began))
    read_s, step_s, write_s = np.median(np.array(took), axis=0).tolist()
    return read_s, step_s, write_s


def main() -> None:
    """Measure on SQLite and print."""
    with TemporaryDirectory() as folder:
        engine = connect(f"sqlite:///{Path(folder) / 'usage.db'}")
        migrate(engine)
        read_s, step_s, write_s = measure(engine)
    print(f"\nan hour of {SERIES:,} series with their state in SQLite, medians of {STEPS}:")
    print(f"read {read_s:.3f} s, step {step_s * 1e3:.1f} ms, write {write_s:.3f} s: {read_s + step_s + write_s:.3f} s")


if __name__ == "__main__":
    main()
