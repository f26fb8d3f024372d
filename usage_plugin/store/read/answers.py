"""What the read door gives back: small frozen records. Unknown costs are ``None``, never 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Self

import numpy as np
from numpy.typing import NDArray

from usage_plugin.store.read.question import Choice
from usage_plugin.store.sheets.codec import Integers
from usage_plugin.store.tables import PriceSnapshotRow, UsageRecord

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Usage added up. Adds with ``+``; the empty sum is ``Usage()``.

    ``cost_nano_usd`` is the sum of the costs that are known: ``None`` where none is, and a lower bound
    where ``unpriced_requests`` is not 0.
    """

    requests: int = 0
    failed_requests: int = 0
    rejected_requests: int = 0
    cached_requests: int = 0
    unpriced_requests: int = 0
    estimated_requests: int = 0
    partial_requests: int = 0
    unfinished_attempts: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    input_uncached_tokens: int = 0
    input_cache_read_tokens: int = 0
    input_cache_write_5m_tokens: int = 0
    input_cache_write_1h_tokens: int = 0
    input_audio_tokens: int = 0
    input_image_tokens: int = 0
    output_text_tokens: int = 0
    output_reasoning_tokens: int = 0
    output_audio_tokens: int = 0
    output_image_tokens: int = 0
    cost_nano_usd: int | None = None
    estimated_cost_nano_usd: int = 0
    partial_cost_nano_usd: int = 0
    saved_cost_nano_usd: int = 0

    def __add__(self, other: Usage) -> Usage:
        sums = {name: getattr(self, name) + getattr(other, name) for name in _ADDITIVE}
        return Usage(**sums, cost_nano_usd=add_known(self.cost_nano_usd, other.cost_nano_usd))

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing at all."""
        return self == Usage()

    @property
    def exact_cost_nano_usd(self) -> int | None:
        """The part of the cost that is neither estimated nor a lower bound."""
        if self.cost_nano_usd is None:
            return None
        return self.cost_nano_usd - self.estimated_cost_nano_usd - self.partial_cost_nano_usd

    @property
    def error_rate(self) -> float | None:
        """Failed and interrupted requests per request that was not rejected; ``None`` where there was none."""
        let_in = self.requests - self.rejected_requests
        return self.failed_requests / let_in if let_in else None

    @property
    def cost_per_1k_tokens_nano_usd(self) -> float | None:
        """Cost per thousand tokens; ``None`` where either is unknown or no token was counted."""
        if self.cost_nano_usd is None or not self.total_tokens:
            return None
        return self.cost_nano_usd / self.total_tokens * 1000


_ADDITIVE = tuple(field.name for field in fields(Usage) if field.name != "cost_nano_usd")


def add_known(left: int | None, right: int | None) -> int | None:
    """Add two costs; an unknown one adds nothing, two unknown ones stay unknown."""
    if left is None or right is None:
        return right if left is None else left
    return left + right


@dataclass(frozen=True, slots=True)
class Series:
    """Usage per bucket, without gaps: a bucket without calls holds ``Usage()``, so its cost is ``None``."""

    buckets: tuple[datetime, ...]
    usage: tuple[Usage, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A value of a dimension with the name that people know it by."""

    value: Choice
    label: str


@dataclass(frozen=True, slots=True)
class CostSeries:
    """Dollars per bucket for detection: 0 where there was no call, NaN where no call had a price."""

    buckets: tuple[datetime, ...]
    cost_usd: FloatArray
    called: NDArray[np.bool_]
    """Whether there was a call at all."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Costs split by a dimension and by bucket: the largest members, largest first, and the rest as one.

    A cost is ``None`` where there was no call, or none with a price.
    """

    buckets: tuple[datetime, ...]
    members: tuple[Member, ...]
    cost_nano_usd: tuple[tuple[int | None, ...], ...]
    """One row per member, one column per bucket."""
    other: tuple[int | None, ...] | None
    other_count: int = 0


@dataclass(frozen=True, slots=True)
class Sums:
    """Measures by member and bucket, for arithmetic."""

    buckets: tuple[datetime, ...]
    members: tuple[Member, ...]
    measures: Mapping[str, Integers]
    """Each of shape ``(members, buckets)``; a cost counts calls without a known price as 0, so look at
    ``unpriced_requests`` beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """That a key used something, in one stretch of time."""

    key: str
    label: str | None
    """Name that people know the key by."""
    attribute: str
    """``model``, ``provider``, ``user_agent`` or ``client_ip``."""
    value: str
    calls: int
    cost_nano_usd: int | None
    first_used_at: datetime
    last_used_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Requests and their cost, as in `Usage`."""

    requests: int = 0
    unpriced_requests: int = 0
    cost_nano_usd: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What one member of a dimension cost; ``member`` is ``None`` for the rest."""

    member: Member | None
    spent: Spent


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceSplit:
    """How the calls' costs are known: calls and dollars by confidence."""

    requests: Mapping[str, int]
    cost_nano_usd: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LatencySeries:
    """95th percentile of latency per bucket, in milliseconds; ``None`` where no call was answered."""

    buckets: tuple[datetime, ...]
    p95_ms: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """How many calls were stored per minute, and how long after their end, in seconds; ``None`` where none was."""

    minutes: tuple[datetime, ...]
    calls: tuple[int, ...]
    p50_s: tuple[float | None, ...]
    p95_s: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the matching records, and how many match in all."""

    records: tuple[UsageRecord, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Newest:
    """The last word of the store: its highest row id (0 when empty) and when its latest call ended."""

    row_id: int
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Price:
    """The unit prices that a call was priced by."""

    source: str
    litellm_version: str
    first_used_at: datetime
    prices_usd: Mapping[str, Decimal]

    @classmethod
    def from_row(cls, row: PriceSnapshotRow, prices_usd: Mapping[str, Decimal]) -> Self:
        """Take the row of the table and its parsed prices."""
        return cls(row.source, row.litellm_version, row.first_used_at, prices_usd)


@dataclass(frozen=True, slots=True)
class RecordDetail:
    """Everything that is known about one call."""

    record: UsageRecord
    tags: tuple[str, ...]
    price: Price | None
