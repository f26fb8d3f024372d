"""Calls as columns: one array for each property, all of the same length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from usage_plugin.event import Status

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

STATUSES = tuple(Status)
SUCCESS, FAILURE, INTERRUPTED, REJECTED = (STATUSES.index(status) for status in STATUSES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What is drawn of each call."""

    workload: Ints
    model: Ints
    """Index into ``MODELS``."""
    user: Ints
    status: Ints
    """Index into ``STATUSES``."""
    error: Ints
    completed_at_s: Floats
    latency_ms: Floats
    ttft_ms: Floats
    """NaN where the call is no stream."""
    streamed: Bools
    cache_hit: Bools
    fell_back: Bools
    usage_missing: Bools
    """The provider sent no usage, so the tokens are LiteLLM's own count."""
    input_uncached_tokens: Ints
    input_cache_read_tokens: Ints
    input_cache_write_5m_tokens: Ints
    output_text_tokens: Ints
    output_reasoning_tokens: Ints
    search_units: Ints
    end_user: Ints

    def __len__(self) -> int:
        return len(self.workload)


def in_time_order(parts: Sequence[Calls]) -> Calls:
    """Put the calls of all workloads together, the oldest first."""
    joined = {field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Calls)}
    order = np.argsort(joined["completed_at_s"], kind="stable")
    return Calls(**{name: column[order] for name, column in joined.items()})
