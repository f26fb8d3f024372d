"""A workload and a random generator in, its calls of 90 days as columns out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from usage_plugin.demo.anomalies import Anomaly
from usage_plugin.demo.calls import FAILURE, INTERRUPTED, REJECTED, SUCCESS, Bools, Calls, Floats, Ints
from usage_plugin.demo.company import Workload
from usage_plugin.demo.errors import draw_errors
from usage_plugin.demo.models import MODELS
from usage_plugin.demo.rhythm import HOURS_PER_DAY, calls_by_hour

_HOUR_S = 3600.0
_MAX_PROMPT = 190_000
_FAILING, _REJECTED, _INTERRUPTED, _FALLING_BACK, _WITHOUT_USAGE = 0.008, 0.004, 0.012, 0.01, 0.015
_END_USERS = 400


@dataclass(frozen=True, slots=True)
class Calendar:
    """The hours that are filled, the last one only up to *now*."""

    hours: Sequence[datetime]
    now: datetime

    @property
    def hours_ago(self) -> Ints:
        """How many hours before the last one each hour is."""
        return np.arange(len(self.hours) - 1, -1, -1, dtype=np.int64)

    @property
    def of_day(self) -> Ints:
        """Hour of the day, UTC."""
        return np.array([hour.hour for hour in self.hours], dtype=np.int64)

    @property
    def lengths_s(self) -> Floats:
        """Seconds of each hour that are over."""
        lengths = np.full(len(self.hours), _HOUR_S)
        lengths[-1] = (self.now - self.hours[-1]).total_seconds()
        return lengths


@dataclass(frozen=True, slots=True)
class Changes:
    """What the anomalies do to a workload, hour by hour."""

    calls: Floats
    extra: Floats
    prompts: Floats
    failing: Floats
    model: Ints
    """Index into ``MODELS``, -1 where nothing changes."""
    culprit: int
    """Index of the user who makes the extra calls."""


def changes(workload: Workload, anomalies: Sequence[Anomaly], calendar: Calendar) -> Changes:
    """Add up the anomalies of a workload."""
    size = len(calendar.hours)
    result = Changes(
        np.ones(size), np.zeros(size), np.ones(size), np.zeros(size), np.full(size, -1), _culprit(workload, anomalies)
    )
    for anomaly in (each for each in anomalies if each.feature == workload.feature):
        on = anomaly.active(calendar.hours_ago, calendar.of_day)
        days = (anomaly.first_hour_ago - calendar.hours_ago) / HOURS_PER_DAY
        result.calls[on] *= anomaly.calls
        result.extra[on] += anomaly.extra_calls
        result.prompts[on] *= anomaly.prompt_growth_a_day ** days[on]
        result.failing[on] += anomaly.failing
        if anomaly.model is not None:
            result.model[on] = MODELS.index(anomaly.model)
    return result


def draw(index: int, workload: Workload, change: Changes, calendar: Calendar, rng: np.random.Generator) -> Calls:
    """Draw the calls of a workload.

    Args:
        index: Its place among the workloads.
        workload: What is called.
        change: What goes wrong.
        calendar: When.
        rng: Source of all chance.
    """
    usual = calls_by_hour(list(calendar.hours), workload.rhythm, workload.calls_per_day, workload.growth) * change.calls
    hour = np.repeat(np.arange(len(calendar.hours)), rng.poisson((usual + change.extra) * calendar.lengths_s / _HOUR_S))
    size = len(hour)
    model = _models(workload, change.model[hour], rng)
    streamed = rng.random(size) < workload.streamed
    status = _statuses(streamed, change.failing[hour], rng)
    cache_hit = (status == SUCCESS) & (rng.random(size) < workload.cached)
    tokens = _tokens(workload, model, change.prompts[hour], status, rng)
    written = tokens["output_text_tokens"] + tokens["output_reasoning_tokens"]
    ttft_ms, latency_ms = _latencies(model, cache_hit | (status == REJECTED), streamed, written, rng)
    by_culprit = rng.random(size) < (change.extra / np.maximum(usual + change.extra, 1e-9))[hour]
    starts = np.array([moment.timestamp() for moment in calendar.hours])
    return Calls(
        workload=np.full(size, index),
        model=model,
        user=np.where(by_culprit, change.culprit, _users(workload, size, rng)),
        status=status,
        error=draw_errors(status, rng),
        completed_at_s=starts[hour] + rng.random(size) * calendar.lengths_s[hour],
        latency_ms=latency_ms,
        ttft_ms=ttft_ms,
        streamed=streamed,
        cache_hit=cache_hit,
        fell_back=(status == SUCCESS) & ~cache_hit & (rng.random(size) < _FALLING_BACK),
        usage_missing=(status == INTERRUPTED) | (streamed & ~cache_hit & (rng.random(size) < _WITHOUT_USAGE)),
        end_user=rng.integers(0, _END_USERS, size),
        **tokens,
    )


def _culprit(workload: Workload, anomalies: Sequence[Anomaly]) -> int:
    names = [each.by for each in anomalies if each.feature == workload.feature and each.by]
    return next((at for at, user in enumerate(workload.users) if names and user.startswith(names[0])), 0)


def _models(workload: Workload, instead: Ints, rng: np.random.Generator) -> Ints:
    known = np.array([MODELS.index(model) for model, _ in workload.models])
    drawn = rng.choice(known, size=len(instead), p=[share for _, share in workload.models])
    return np.where(instead >= 0, instead, drawn)


def _users(workload: Workload, size: int, rng: np.random.Generator) -> Ints:
    weights = 1 / np.arange(1, len(workload.users) + 1)
    return rng.choice(len(workload.users), size=size, p=weights / weights.sum())


def _statuses(streamed: Bools, failing: Floats, rng: np.random.Generator) -> Ints:
    chance = rng.random(len(streamed))
    interrupted = streamed & (rng.random(len(streamed)) < _INTERRUPTED)
    status = np.where(interrupted, INTERRUPTED, SUCCESS)
    status = np.where(chance < _FAILING + failing, FAILURE, status)
    return np.where(chance > 1 - _REJECTED, REJECTED, status)


def _tokens(workload: Workload, model: Ints, growth: Floats, status: Ints, rng: np.random.Generator) -> dict[str, Ints]:
    """Draw disjoint token categories; nothing where no provider answered."""
    size, answered = len(model), (status == SUCCESS) | (status == INTERRUPTED)
    prompt = np.minimum(workload.prompt_tokens * growth * rng.lognormal(0, 0.6, size), _MAX_PROMPT).astype(np.int64) + 3
    answer = np.ceil(workload.completion_tokens * rng.lognormal(0, 0.7, size)).astype(np.int64)
    answer = np.where(status == INTERRUPTED, answer // 3, answer)
    searches = _of_models("input_cost_per_query", model)
    read = (prompt * workload.cache_read * rng.beta(6, 2, size)).astype(np.int64)
    read *= _of_models("cache_read_input_token_cost", model)
    written = ((prompt - read) * 0.6 * _of_models("cache_creation_input_token_cost", model)).astype(np.int64)
    written *= read > 0
    reasoning = (answer * workload.reasoning * rng.beta(4, 3, size)).astype(np.int64)
    columns = {
        "input_uncached_tokens": prompt - read - written,
        "input_cache_read_tokens": read,
        "input_cache_write_5m_tokens": written,
        "output_text_tokens": answer - reasoning,
        "output_reasoning_tokens": reasoning,
    }
    return {name: column * answered * ~searches for name, column in columns.items()} | {
        "search_units": (searches & answered).astype(np.int64)
    }


def _of_models(price_name: str, model: Ints) -> Bools:
    """Say for each call whether its model has a price of that name."""
    return np.array([price_name in each.usd_per_million for each in MODELS])[model]


def _latencies(
    model: Ints, at_once: Bools, streamed: Bools, written: Ints, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Draw the time to the first token (NaN where there is no stream) and the whole time."""
    size = len(model)
    first = np.array([each.ttft_ms for each in MODELS])[model] * rng.lognormal(0, 0.35, size)
    first = np.where(at_once, rng.uniform(2, 9, size), first)
    writing = np.array([each.ms_per_token for each in MODELS])[model] * written * rng.lognormal(0, 0.2, size)
    return np.where(streamed & (written > 0), first, np.nan), first + np.where(at_once, 0, writing)
