"""Calls as columns in, UsageEvents as the proxy would capture them out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta

import numpy as np

from usage_plugin.clock import from_epoch_s
from usage_plugin.demo.calls import FAILURE, REJECTED, STATUSES, Calls
from usage_plugin.demo.company import ORGANIZATION, Workload
from usage_plugin.demo.errors import ERRORS
from usage_plugin.demo.models import MODELS, DemoModel
from usage_plugin.demo.pricing import cost_of, price
from usage_plugin.demo.workloads import WORKLOADS
from usage_plugin.event import Attribution, Timing, TokenCounts, TokensSource, UnitCounts, UsageEvent

_ROUTES = {"aembedding": "/v1/embeddings", "arerank": "/v1/rerank", "acompletion": "/v1/chat/completions"}
_NOTHING_COUNTED = TokenCounts()
_NO_UNITS = UnitCounts()
_AGENTS = ("OpenAI/Python 2.9.0", "AsyncOpenAI/Python 2.9.0", "Anthropic/Python 0.61.0", "python-httpx/0.28.1")
_QUEUE_SHARE = 0.3


def to_events(calls: Calls, seed: int) -> Iterator[UsageEvent]:
    """Give one event for each call, in order."""
    priced = price(calls)
    for at in range(len(calls)):
        workload, model = WORKLOADS[calls.workload[at]], MODELS[calls.model[at]]
        timing = _timing(calls, at)
        identity = hashlib.blake2b(
            f"{seed}:{at}:{timing.completed_at.isoformat()}".encode(), digest_size=16
        ).hexdigest()
        fell_back = bool(calls.fell_back[at])
        yield UsageEvent(
            event_key=identity,
            timing=timing,
            call_type=model.call_type,
            status=STATUSES[calls.status[at]],
            litellm_call_id=_call_id(identity),
            trace_id=_call_id(identity[::-1]),
            route=_ROUTES[model.call_type],
            stream=bool(calls.streamed[at]),
            provider=model.provider,
            model=model.name,
            model_group=model.name.split("/")[-1],
            requested_model=workload.models[0][0].name.split("/")[-1] if fell_back else model.name.split("/")[-1],
            deployment_id=_deployment(model),
            attempts=3 if fell_back else 0 if calls.status[at] == REJECTED else 1,
            fallbacks=int(fell_back),
            cache_hit=bool(calls.cache_hit[at]),
            who=_who(calls, at, workload),
            failure=ERRORS[calls.error[at]],
            tokens=_tokens(calls, at),
            units=UnitCounts(search_units=int(calls.search_units[at])) if calls.search_units[at] else _NO_UNITS,
            cost=cost_of(calls, at, int(priced.full_nano_usd[at]), bool(priced.has_unpriced_units[at])),
        )


def _timing(calls: Calls, at: int) -> Timing:
    completed_at = from_epoch_s(float(calls.completed_at_s[at]))
    latency_ms = round(float(calls.latency_ms[at]), 3)
    received_at = completed_at - timedelta(milliseconds=latency_ms)
    queue_ms = 1.0 if latency_ms > 10 else latency_ms * _QUEUE_SHARE  # noqa: PLR2004
    return Timing(
        received_at=received_at,
        started_at=received_at + timedelta(milliseconds=queue_ms),
        completed_at=completed_at,
        latency_ms=latency_ms,
        ttft_ms=None if np.isnan(calls.ttft_ms[at]) else round(float(calls.ttft_ms[at]), 3),
        queue_ms=queue_ms,
    )


def _tokens(calls: Calls, at: int) -> TokenCounts:
    if calls.status[at] in (FAILURE, REJECTED) or calls.search_units[at]:
        return _NOTHING_COUNTED
    plain, read, written = (
        int(calls.input_uncached_tokens[at]),
        int(calls.input_cache_read_tokens[at]),
        int(calls.input_cache_write_5m_tokens[at]),
    )
    text, reasoning = int(calls.output_text_tokens[at]), int(calls.output_reasoning_tokens[at])
    prompt_tokens, completion_tokens = plain + read + written, text + reasoning
    return TokenCounts(
        source=TokensSource.ESTIMATED if calls.usage_missing[at] else TokensSource.PROVIDER,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        total_tokens=prompt_tokens + completion_tokens,
        input_uncached_tokens=plain,
        input_cache_read_tokens=read,
        input_cache_write_5m_tokens=written,
        output_text_tokens=text,
        output_reasoning_tokens=reasoning,
    )


def _who(calls: Calls, at: int, workload: Workload) -> Attribution:
    user = int(calls.user[at])
    return Attribution(
        organization_id=ORGANIZATION,
        team_id=f"team-{workload.team}",
        team_alias=workload.team.capitalize(),
        user_id=workload.users[user],
        api_key_hash=workload.key_hash,
        api_key_alias=workload.key_alias,
        end_user_id=f"customer-{calls.end_user[at]:04d}" if workload.end_users else None,
        feature=workload.feature,
        environment=workload.environment,
        user_agent=_AGENTS[calls.workload[at] % len(_AGENTS)],
        client_ip=f"10.20.{calls.workload[at]}.{10 + user}",
        tags=workload.tags,
    )


def _call_id(identity: str) -> str:
    return "-".join((identity[:8], identity[8:12], identity[12:16], identity[16:20], identity[20:]))


def _deployment(model: DemoModel) -> str:
    return hashlib.sha256(f"{model.provider}/{model.name}".encode()).hexdigest()
