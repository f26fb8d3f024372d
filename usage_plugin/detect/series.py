"""What is watched: metrics, whose they are, and by what detector each is judged."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from usage_plugin.analysis.memory import PER_CALL_BY_DAY, SPEND_BY_DAY, SPEND_BY_HOUR, Profile, metric_every
from usage_plugin.store.read import Choice, Dimension, Granularity, Question

TOTAL: Final = "total"
KEY_BYTES: Final = 16


class Metric(StrEnum):
    """What is measured of a series."""

    COST = "cost"
    TOKENS = "tokens"
    REQUESTS = "requests"
    COST_PER_REQUEST = "cost_per_request"
    TOKENS_PER_REQUEST = "tokens_per_request"
    LATENCY_P95 = "latency_p95"
    ERROR_RATE = "error_rate"
    CACHE_HIT_RATE = "cache_hit_rate"
    USE = "use"
    """Of a novelty: what was never used before."""

    @property
    def is_sum(self) -> bool:
        """Whether points add up to a whole; of the others the mean is told."""
        return self in (Metric.COST, Metric.TOKENS, Metric.REQUESTS, Metric.USE)

    @property
    def is_money(self) -> bool:
        """Whether it is about what calls cost, or how many and how large they are: one cause moves all of these."""
        return self in _MONEY or self is Metric.USE


_MONEY: Final = (
    Metric.COST,
    Metric.COST_PER_REQUEST,
    Metric.REQUESTS,
    Metric.TOKENS,
    Metric.TOKENS_PER_REQUEST,
)


class Side(StrEnum):
    """To which side a metric is news."""

    BOTH = "both"
    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Whose calls: all, those of a member of a dimension, or of a pair of members."""

    dimension: str = TOTAL
    member: Choice = None
    second_dimension: str | None = None
    second_member: Choice = None

    @property
    def choices(self) -> dict[Dimension, Choice]:
        """The members that its calls have."""
        found = {} if self.dimension == TOTAL else {Dimension(self.dimension): self.member}
        if self.second_dimension is not None:
            found[Dimension(self.second_dimension)] = self.second_member
        return found

    def question(self, start: datetime, end: datetime) -> Question:
        """Ask about its calls."""
        return question_of(self.choices, start, end)


def question_of(choices: Mapping[Dimension, Choice], start: datetime, end: datetime) -> Question:
    """Ask about calls that have all of some members."""
    chosen = {dimension.value: (member,) for dimension, member in choices.items()}
    return Question(start=start, end=end, **chosen)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Series:
    """A metric of a scope, by the hour or by the day."""

    metric: Metric
    granularity: Granularity
    scope: Scope

    @property
    def key(self) -> str:
        """Tell it from all others: a hash, always the same for the same series."""
        scope = self.scope
        parts = (scope.dimension, scope.member, scope.second_dimension, scope.second_member)
        text = repr((self.metric.value, self.granularity.value, *parts))
        return hashlib.blake2b(text.encode(), digest_size=KEY_BYTES).hexdigest()


@dataclass(frozen=True, slots=True)
class Watch:
    """How a metric is watched."""

    metric: Metric
    granularity: Granularity
    profile: Profile
    side: Side = Side.BOTH


HOURLY_METRIC: Final = metric_every(60)
DAILY_METRIC: Final = metric_every(24 * 60)
# Dollars by hour and day, calls by day and dollars per call by day are what `make bench-detection` measures together.
WATCHES: Final = (
    Watch(Metric.COST, Granularity.HOUR, SPEND_BY_HOUR),
    Watch(Metric.REQUESTS, Granularity.HOUR, SPEND_BY_HOUR),
    Watch(Metric.TOKENS, Granularity.HOUR, SPEND_BY_HOUR),
    Watch(Metric.COST, Granularity.DAY, SPEND_BY_DAY),
    Watch(Metric.REQUESTS, Granularity.DAY, SPEND_BY_DAY),
    Watch(Metric.TOKENS, Granularity.DAY, SPEND_BY_DAY),
    Watch(Metric.COST_PER_REQUEST, Granularity.DAY, PER_CALL_BY_DAY, Side.HIGH),
    Watch(Metric.TOKENS_PER_REQUEST, Granularity.DAY, PER_CALL_BY_DAY, Side.HIGH),
    Watch(Metric.ERROR_RATE, Granularity.HOUR, HOURLY_METRIC, Side.HIGH),
    Watch(Metric.ERROR_RATE, Granularity.DAY, DAILY_METRIC, Side.HIGH),
    Watch(Metric.LATENCY_P95, Granularity.HOUR, HOURLY_METRIC, Side.HIGH),
    Watch(Metric.LATENCY_P95, Granularity.DAY, DAILY_METRIC, Side.HIGH),
    Watch(Metric.CACHE_HIT_RATE, Granularity.HOUR, HOURLY_METRIC, Side.LOW),
    Watch(Metric.CACHE_HIT_RATE, Granularity.DAY, DAILY_METRIC, Side.LOW),
)
_WATCH: Final = {(each.metric, each.granularity): each for each in WATCHES}


def watch_of(series: Series) -> Watch:
    """Give how a series is watched."""
    return _WATCH[series.metric, series.granularity]
