"""A Question in, quantiles of latency and of time to first token out, within one percent of the exact ones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from sqlalchemy import Engine

from usage_plugin.store.read.answer import durations
from usage_plugin.store.read.answers import LatencySeries
from usage_plugin.store.read.question import Question, bucket_starts
from usage_plugin.store.sheets.bins import quantile_ms

P95 = 0.95


def latency_p95_ms(
    engine: Engine, question: Question, *, column: str = "latency_ms", share: float = P95
) -> float | None:
    """Give the duration that a share of the answered requests stayed within; ``None`` without such requests.

    Args:
        engine: Of a migrated database.
        question: Which calls.
        column: ``latency_ms``, or ``ttft_ms`` of streams.
        share: Between 0 and 1.
    """
    _, _, bins, counts = durations(engine, question, column, in_buckets=False)
    return quantile_ms(bins, counts, share)


def latency_p95_series(
    engine: Engine, question: Question, *, column: str = "latency_ms", share: float = P95
) -> LatencySeries:
    """Give the same per bucket."""
    _, places, bins, counts = durations(engine, question, column, in_buckets=True)
    starts = bucket_starts(question)
    order = np.argsort(places, kind="stable")
    edges = np.searchsorted(places[order], np.arange(len(starts) + 1))
    parts = (order[begin:end] for begin, end in pairwise(edges.tolist()))
    return LatencySeries(starts, tuple(quantile_ms(bins[part], counts[part], share) for part in parts))
