"""A day's calls as columns in, the UsageEvents that the proxy would capture out, the oldest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from tests.bench.scale.catalogue import Model
from tests.bench.scale.draw import ATTEMPT, FAILURE, INTERRUPTED, REJECTED, SUCCESS, Calls
from tests.bench.scale.population import AGENTS, ENVIRONMENTS, NOBODY, Ints, World
from usage_plugin.event import (
    Attribution,
    Cost,
    CostConfidence,
    Failure,
    Status,
    Timing,
    TokenCounts,
    TokensSource,
    UnitCounts,
    UsageEvent,
)

_STATUS = {
    SUCCESS: Status.SUCCESS,
    FAILURE: Status.FAILURE,
    INTERRUPTED: Status.INTERRUPTED,
    REJECTED: Status.REJECTED,
    ATTEMPT: Status.FAILURE,
}
_BY_PROVIDER = (
    Failure(error_class="InternalServerError", error_code="500"),
    Failure(error_class="Timeout", error_code="408"),
    Failure(error_class="RateLimitError", error_code="429", rate_limit_type="vendor_rate_limit"),
    Failure(error_class="BadRequestError", error_code="400"),
    Failure(error_class="ServiceUnavailableError", error_code="503"),
)
_MAYBE_BILLED = frozenset({0, 1})
_LIMITED = Failure(error_class="RateLimitError", error_code="429", rate_limit_type="litellm_rate_limit")
_UNKNOWN = Failure(error_class="ProxyException", error_code="401")
_NO_FAILURE = Failure()
_NOTHING_COUNTED, _NO_UNITS = TokenCounts(), UnitCounts()
_NOTHING_BILLED = Cost(cost_nano_usd=0, confidence=CostConfidence.FREE)
_PERHAPS_BILLED = Cost(cost_nano_usd=None, confidence=CostConfidence.UNPRICED, unpriced_reason="failed_after_dispatch")
_NO_PRICE = Cost(cost_nano_usd=None, confidence=CostConfidence.UNPRICED, unpriced_reason="no_price_for_model")
_UNITS: dict[str, Callable[[int], UnitCounts]] = {
    "arerank": lambda units: UnitCounts(search_units=units),
    "aimage_generation": lambda units: UnitCounts(output_images=units),
    "atranscription": lambda units: UnitCounts(input_audio_seconds=units * 7.5),
}
_DRAWN = (
    *("key", "model", "feature", "end_user", "tag_set", "outcome", "error"),
    *("streamed", "cache_hit", "fell_back", "units"),
)
_SESSION_OF = 8
_US = timedelta(microseconds=1)
_KEPT = 65_536


def to_events(callers: Callers, calls: Calls) -> Iterator[UsageEvent]:
    """Give one event for each call, in order."""
    columns = [getattr(calls, name).tolist() for name in _DRAWN]
    made = (_timings(calls), _tokens(calls), _costs(callers.world, calls))
    for at, row in enumerate(zip(*columns, *made, strict=True)):
        yield _event(callers, calls.ids, at, row)


def _event(callers: Callers, ids: str, at: int, row: tuple[Any, ...]) -> UsageEvent:
    key, number, feature, end_user, tag_set, outcome, error, streamed, cache_hit, fell_back, units, *made = row
    timing, tokens, cost = made
    model, place, refused = callers.world.models[number], at * 96, outcome == REJECTED
    return UsageEvent(
        event_key=ids[place : place + 32],
        timing=timing,
        call_type=model.call_type,
        status=_STATUS[outcome],
        is_terminal=outcome != ATTEMPT,
        litellm_call_id=_uuid(ids, place + 32),
        trace_id=_uuid(ids, place + 64),
        session_id=_uuid(ids, at // _SESSION_OF * _SESSION_OF * 96 + 48) if key % 3 == 0 else None,
        route=model.route,
        stream=streamed,
        provider=None if refused else model.provider,
        model=model.name,
        model_group=model.group,
        requested_model="gpt-4o" if fell_back else model.group,
        deployment_id=None if refused else model.deployments[at % len(model.deployments)],
        attempts=3 if fell_back else 0 if refused else 1,
        fallbacks=int(fell_back),
        cache_hit=cache_hit,
        who=callers.who(key, feature, tag_set, end_user, at),
        failure=_failure(outcome, key, error),
        tokens=tokens,
        units=_UNITS[model.call_type](units) if units else _NO_UNITS,
        cost=cost,
    )


class Callers:
    """Who makes calls: made once for those without an end user, since the same code calls again and again."""

    def __init__(self, world: World) -> None:
        keys = world.keys
        columns = (keys.team, keys.organization, keys.user, keys.project, keys.environment, keys.agent)
        self.world = world
        self._keys = list(zip(*(column.tolist() for column in columns), strict=True))
        self._known = lru_cache(_KEPT)(self._attribution)

    def who(self, key: int, feature: int, tag_set: int, end_user: int, at: int) -> Attribution:
        if key == NOBODY:
            return Attribution(user_agent=AGENTS[at % len(AGENTS)], client_ip=self.world.addresses[at % 9])
        if end_user == NOBODY:
            return self._known(key, feature, tag_set, end_user)
        return self._attribution(key, feature, tag_set, end_user)

    def _attribution(self, key: int, feature: int, tag_set: int, end_user: int) -> Attribution:
        world = self.world
        team, organization, user, project, environment, agent = self._keys[key]
        (team_id, team_alias), (key_hash, key_alias) = world.teams[team], world.key_names[key]
        return Attribution(
            organization_id=world.organizations[organization],
            team_id=team_id,
            team_alias=team_alias,
            user_id=None if user == NOBODY else world.users[user],
            api_key_hash=key_hash,
            api_key_alias=key_alias,
            project_id=None if project == NOBODY else world.projects[project],
            end_user_id=None if end_user == NOBODY else world.end_users[end_user],
            feature=world.features[feature],
            environment=ENVIRONMENTS[environment],
            user_agent=AGENTS[agent],
            client_ip=world.addresses[key],
            tags=world.tag_sets[tag_set],
        )


def _failure(outcome: int, key: int, error: int) -> Failure:
    if outcome == REJECTED:
        return _UNKNOWN if key == NOBODY else _LIMITED
    return _BY_PROVIDER[error] if outcome in (FAILURE, ATTEMPT) else _NO_FAILURE


def _timings(calls: Calls) -> Iterator[Timing]:
    columns = (calls.completed_us, calls.latency_us, calls.ttft_us, calls.queue_us)
    day: datetime = calls.day
    for completed, latency, ttft, queue in zip(*(column.tolist() for column in columns), strict=True):
        received_at = day + (completed - latency) * _US
        yield Timing(
            received_at=received_at,
            started_at=received_at + queue * _US,
            completed_at=day + completed * _US,
            latency_ms=latency / 1000,
            ttft_ms=None if ttft < 0 else ttft / 1000,
            queue_ms=queue / 1000,
        )


def _tokens(calls: Calls) -> Iterator[TokenCounts]:
    columns = (calls.uncached, calls.cache_read, calls.cache_write, calls.image, calls.text, calls.reasoning)
    lists = (calls.estimated.tolist(), *(column.tolist() for column in columns))
    for estimated, plain, read, written, image, text, reasoning in zip(*lists, strict=True):
        prompt, completion = plain + read + written + image, text + reasoning
        if not prompt:
            yield _NOTHING_COUNTED
            continue
        yield TokenCounts(
            source=TokensSource.ESTIMATED if estimated else TokensSource.PROVIDER,
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=prompt + completion,
            input_uncached_tokens=plain,
            input_cache_read_tokens=read,
            input_cache_write_5m_tokens=written,
            input_image_tokens=image or None,
            output_text_tokens=text,
            output_reasoning_tokens=reasoning,
        )


def _costs(world: World, calls: Calls) -> Iterator[Cost]:
    full = full_nano_usd(world, calls).tolist()
    answers = ((calls.text + calls.reasoning) > 0).tolist()
    columns = (calls.model, calls.outcome, calls.error, calls.cache_hit, calls.estimated)
    lists = (column.tolist() for column in columns)
    for nano, has_answer, number, outcome, error, cache_hit, estimated in zip(full, answers, *lists, strict=True):
        if outcome == REJECTED:
            yield _NOTHING_BILLED
        elif outcome == FAILURE:
            yield _PERHAPS_BILLED if error in _MAYBE_BILLED else _NOTHING_BILLED
        else:
            yield _billed(world.models[number], nano, cache_hit, estimated or outcome == ATTEMPT, has_answer)


def _billed(model: Model, nano_usd: int, cache_hit: bool, estimated: bool, has_answer: bool) -> Cost:
    if model.snapshot is None:
        return _NO_PRICE
    if cache_hit:
        confidence = CostConfidence.CACHED
        return Cost(cost_nano_usd=0, confidence=confidence, saved_cost_nano_usd=nano_usd, price=model.snapshot)
    if model.output_nano_usd is None and has_answer:
        confidence, reason = CostConfidence.PARTIAL, "no_price_for:Output"
    else:
        confidence, reason = CostConfidence.ESTIMATED if estimated else CostConfidence.EXACT, None
    return Cost(cost_nano_usd=nano_usd, confidence=confidence, unpriced_reason=reason, price=model.snapshot)


def full_nano_usd(world: World, calls: Calls) -> Ints:
    """Multiply units by prices; an unknown price adds nothing."""
    prices = np.array(
        [
            (each.input_nano_usd, each.cache_read_nano_usd, each.cache_write_nano_usd, each.input_nano_usd)
            + (each.output_nano_usd or 0,) * 2
            + (each.unit_nano_usd,)
            for each in world.models
        ],
        dtype=np.int64,
    )
    columns = (calls.uncached, calls.cache_read, calls.cache_write, calls.image, calls.text, calls.reasoning)
    full: Ints = (np.stack([*columns, calls.units], axis=1) * prices[calls.model]).sum(axis=1)
    return full


def _uuid(digits: str, start: int) -> str:
    parts = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    return "-".join([digits[start + first : start + last] for first, last in parts])
