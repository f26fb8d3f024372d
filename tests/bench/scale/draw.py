"""A day in, its calls as columns out: who called what when, how it ended, how large it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from tests.bench.scale.catalogue import MODELS
from tests.bench.scale.days import parts
from tests.bench.scale.population import (
    END_USERS,
    FEATURES,
    MODELS_OF_A_KEY,
    NOBODY,
    ORGANIZATIONS,
    SKEW_OF_END_USERS,
    SKEW_OF_MODELS,
    TAG_SETS_OF_A_KEY,
    Bools,
    Floats,
    Ints,
    World,
    zipf,
)

SUCCESS, FAILURE, INTERRUPTED, REJECTED, ATTEMPT = range(5)
"""``ATTEMPT`` failed, was billed, and did not finish its request."""

_STATUS_SHARES = (0.962, 0.021, 0.0, 0.012, 0.005)
_INTERRUPTED, _CACHED, _WITHOUT_USAGE, _FELL_BACK, _UNKNOWN_CALLER = 0.015, 0.04, 0.012, 0.01, 0.25
_ANY_MODEL, _ANY_FEATURE, _FOR_A_CUSTOMER = 0.02, 0.1, 0.7
_DAY_US, _MAX_PROMPT = 86_400_000_000, 190_000
# Share of a day's calls by its hour in UTC: Europe, America, Asia, and batches that also run by night.
_HOURS = np.arange(24)
_PEAKS = ((13.0, 3.0, 0.01), (18.5, 3.2, 0.02), (5.5, 3.2, 0.02), (2.0, 1.5, 0.25))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Columns of a day's calls, the oldest first; microseconds are counted from the day's start."""

    day: datetime
    completed_us: Ints
    latency_us: Ints
    ttft_us: Ints
    """-1 where it is no stream."""
    queue_us: Ints
    key: Ints
    """``NOBODY`` where the proxy does not know the caller."""
    model: Ints
    feature: Ints
    end_user: Ints
    tag_set: Ints
    outcome: Ints
    error: Ints
    streamed: Bools
    cache_hit: Bools
    fell_back: Bools
    estimated: Bools
    uncached: Ints
    cache_read: Ints
    cache_write: Ints
    image: Ints
    text: Ints
    reasoning: Ints
    units: Ints
    ids: str
    """32 hexadecimal digits for each call, three times."""

    def __len__(self) -> int:
        return len(self.key)


@dataclass(frozen=True)
class Source:
    """What days are drawn from."""

    world: World
    seed: int

    @cached_property
    def of_models(self) -> dict[str, Floats | Ints | Bools]:
        """Columns of the models."""
        models = self.world.models
        return {
            "ttft_ms": np.array([model.ttft_ms for model in models]),
            "ms_per_token": np.array([model.ms_per_token for model in models]),
            "reasons": np.array([model.reasons for model in models]),
            "has_tokens": np.array([model.has_tokens for model in models]),
            "writes": np.array([model.output_nano_usd != 0 for model in models]),
            "anthropic": np.array([model.provider == "anthropic" for model in models]),
        }

    def draw(self, day: datetime, number: int, count: int) -> Calls:
        """Draw a day's calls.

        Args:
            day: Its start.
            number: Its place in the calendar, which the chance depends on.
            count: How many calls.
        """
        rng = np.random.default_rng((self.seed, 2, number))
        keys = self.world.keys
        key = _choose(rng, count, keys.share * (_on_weekends(keys.rhythm) if day.weekday() > 4 else 1.0))
        completed_us = _moments(rng, keys.rhythm[key], day)
        order = np.argsort(completed_us, kind="stable")
        key, completed_us = key[order], completed_us[order]
        model = np.where(
            rng.random(count) < _ANY_MODEL,
            rng.integers(0, MODELS, count),
            keys.models[key, _choose(rng, count, zipf(MODELS_OF_A_KEY, SKEW_OF_MODELS))],
        )
        streamed = (rng.random(count) < keys.streamed[key]) & self.of_models["writes"][model].astype(bool)
        outcome = _outcomes(rng, streamed)
        cache_hit = (outcome == SUCCESS) & (rng.random(count) < _CACHED)
        sizes = self._sizes(rng, key, model, outcome)
        times = self._times(rng, model, streamed, cache_hit | (outcome == REJECTED), sizes)
        is_unknown = (outcome == REJECTED) & (rng.random(count) < _UNKNOWN_CALLER)
        any_feature = rng.random(count) < _ANY_FEATURE
        return Calls(
            day=day,
            completed_us=completed_us,
            key=np.where(is_unknown, NOBODY, key),
            model=model,
            feature=np.where(any_feature, rng.integers(0, FEATURES, count), keys.feature[key]),
            end_user=self._end_users(rng, key),
            tag_set=keys.tag_sets[key, _choose(rng, count, zipf(TAG_SETS_OF_A_KEY, 1.2))],
            outcome=outcome,
            error=rng.integers(0, 5, count),
            streamed=streamed,
            cache_hit=cache_hit,
            fell_back=(outcome == SUCCESS) & ~cache_hit & (rng.random(count) < _FELL_BACK),
            estimated=(outcome == INTERRUPTED) | (rng.random(count) < _WITHOUT_USAGE),
            ids=rng.bytes(count * 48).hex(),
            **sizes,
            **times,
        )

    def _end_users(self, rng: np.random.Generator, key: Ints) -> Ints:
        """Name a customer of the key's organization where its calls are for customers."""
        keys, each = self.world.keys, END_USERS // ORGANIZATIONS
        customer = _choose(rng, len(key), zipf(each, SKEW_OF_END_USERS))
        named = keys.has_end_users[key] & (rng.random(len(key)) < _FOR_A_CUSTOMER)
        return np.where(named, keys.organization[key] * each + customer, NOBODY)

    def _sizes(self, rng: np.random.Generator, key: Ints, model: Ints, outcome: Ints) -> dict[str, Ints]:
        """Draw disjoint categories of tokens, or other units; nothing where no provider answered."""
        keys, size = self.world.keys, len(key)
        answered = (outcome == SUCCESS) | (outcome == INTERRUPTED) | (outcome == ATTEMPT)
        by_tokens = answered & self.of_models["has_tokens"][model].astype(bool)
        prompt = np.clip(keys.prompt_tokens[key] * rng.lognormal(0, 0.7, size), 3, _MAX_PROMPT).astype(np.int64)
        answer = np.ceil(keys.completion_tokens[key] * rng.lognormal(0, 0.8, size)).astype(np.int64)
        answer *= self.of_models["writes"][model].astype(np.int64)
        answer //= np.where(outcome == INTERRUPTED, 3, 1)
        read = (prompt * keys.cache_read[key] * rng.beta(6, 2, size)).astype(np.int64)
        written = ((prompt - read) * 0.6 * (read > 0) * self.of_models["anthropic"][model]).astype(np.int64)
        image = np.where(rng.random(size) < 0.02, np.minimum(765, prompt - read - written), 0)
        reasoning = (answer * self.of_models["reasons"][model] * rng.beta(4, 3, size)).astype(np.int64)
        columns = {
            "uncached": prompt - read - written - image,
            "cache_read": read,
            "cache_write": written,
            "image": image,
            "text": answer - reasoning,
            "reasoning": reasoning,
        }
        units = rng.integers(1, 5, size) * (answered & ~by_tokens)
        return {name: column * by_tokens for name, column in columns.items()} | {"units": units}

    def _times(
        self, rng: np.random.Generator, model: Ints, streamed: Bools, at_once: Bools, sizes: dict[str, Ints]
    ) -> dict[str, Ints]:
        """Draw latencies in microseconds; the proxy itself answers *at_once*."""
        size = len(model)
        ttft_ms = self.of_models["ttft_ms"][model] * rng.lognormal(0, 0.45, size)
        tokens = sizes["text"] + sizes["reasoning"]
        writing_ms = tokens * self.of_models["ms_per_token"][model] * rng.lognormal(0, 0.25, size)
        own_ms = rng.lognormal(1.1, 0.5, size)
        latency_ms = np.where(at_once, own_ms, ttft_ms + writing_ms + own_ms)
        first_ms = np.where(at_once, own_ms, ttft_ms + own_ms)
        return {
            "latency_us": (latency_ms * 1000).astype(np.int64),
            "ttft_us": np.where(streamed, first_ms * 1000, -1).astype(np.int64),
            "queue_us": (own_ms * 300).astype(np.int64),
        }


def _choose(rng: np.random.Generator, size: int, shares: Floats) -> Ints:
    """Draw indexes; faster than ``Generator.choice``."""
    edges = np.cumsum(shares)
    chosen: Ints = np.searchsorted(edges, rng.random(size) * edges[-1], side="right")
    return chosen


def _on_weekends(rhythm: Ints) -> Floats:
    return np.array((0.2, 0.3, 0.3, 1.0))[rhythm]


def _moments(rng: np.random.Generator, rhythm: Ints, day: datetime) -> Ints:
    """Draw moments of the part of the day that is asked for, in microseconds from its start."""
    begin, end = parts(day)
    moments = np.empty(len(rhythm))
    for number, (peak, width, floor) in enumerate(_PEAKS):
        distance = np.minimum(np.abs(_HOURS - peak), 24 - np.abs(_HOURS - peak))
        edges = np.concatenate([[0.0], np.cumsum(np.exp(-((distance / width) ** 2) / 2) + floor)])
        low, high = np.interp((begin * 24, end * 24), np.arange(25), edges)
        mine = rhythm == number
        moments[mine] = np.interp(low + (high - low) * rng.random(int(mine.sum())), edges, np.arange(25)) / 24
    return np.minimum((moments * _DAY_US).astype(np.int64), int(end * _DAY_US) - 1)


def _outcomes(rng: np.random.Generator, streamed: Bools) -> Ints:
    outcome = _choose(rng, len(streamed), np.array(_STATUS_SHARES))
    interrupted = (outcome == SUCCESS) & streamed & (rng.random(len(streamed)) < _INTERRUPTED)
    return np.where(interrupted, INTERRUPTED, outcome)
