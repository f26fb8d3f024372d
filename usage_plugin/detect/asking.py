"""A question about the past in, its answer out, or that nobody can say any more: the calls of then may be pruned."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from sqlalchemy import Engine

from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.errors import NoLongerKept
from usage_plugin.store import read
from usage_plugin.store.read import Choice, Dimension, Member, Question, Sums, Usage


def totals(engine: Engine, question: Question) -> Usage | None:
    """Add everything up; ``None`` where only calls could tell that are pruned.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    try:
        return read.totals(engine, question)
    except NoLongerKept:
        return None


def members(engine: Engine, question: Question) -> list[tuple[Member, Usage]]:
    """Split by the question's dimension; no member where only calls could tell that are pruned.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    try:
        return read.members(engine, question)
    except NoLongerKept:
        return []


def sums(
    engine: Engine, question: Question, measures: Collection[str], by: Dimension | None, only: Collection[Choice] | None
) -> Sums | None:
    """Add measures up by member and bucket; ``None`` where only calls could tell that are pruned.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    try:
        return read.sums(engine, question, measures, by=by, only=only)
    except NoLongerKept:
        return None


def latency_p95_ms(engine: Engine, question: Question) -> FloatArray:
    """Give latencies by bucket; NaN where nothing was answered, and where only calls could tell that are pruned.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    try:
        found = read.latency_p95_series(engine, question).p95_ms
    except NoLongerKept:
        return np.full(len(read.bucket_starts(question)), np.nan)
    return np.array([np.nan if each is None else each for each in found], dtype=np.float64)
