"""How many points a second the detector scores, in batch and hour by hour, beside the least that could be done."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.analysis.memory import SPEND_BY_HOUR, begin, run, step

SERIES = 10_000
HOURS = 90 * 24
STEPS = 60


def print_speed() -> None:
    """Measure on one core and print."""
    values = np.random.default_rng(1).gamma(2.0, 2.0, (SERIES, HOURS))
    batch_s, cumsum_s = _seconds(lambda: run(SPEND_BY_HOUR, values)), _seconds(lambda: np.cumsum(values, axis=1))
    points = values.size
    print(f"\nspeed: {SERIES:,} series x {HOURS:,} hours, processor time of one core")
    print(f"{'batch':<38}{points / batch_s / 1e6:>6.1f} M points/s")
    print(f"{'a plain cumsum':<38}{points / cumsum_s / 1e6:>6.1f} M points/s: {batch_s / cumsum_s:.0f} times less work")
    print(f"{'one hour of all series, the median':<38}{_step_s(values) * 1e3:>6.2f} ms")


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _step_s(values: FloatArray) -> float:
    columns = np.ascontiguousarray(values[:, : SPEND_BY_HOUR.learning + 2 * STEPS].T)
    state, took = begin(SPEND_BY_HOUR, SERIES), []
    for slot, column in enumerate(columns):
        began = time.process_time()
        state, _ = step(SPEND_BY_HOUR, state, column, slot)
        took.append(time.process_time() - began)
    return float(np.median(took[-STEPS:]))
