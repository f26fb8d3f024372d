"""One call, understood: the only type of ours that travels from the callback to the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

# Class of error of a request that LiteLLM has not reported; its row is replaced if it does so later.
NOT_REPORTED = "NotReported"


class Status(StrEnum):
    """How a request ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    INTERRUPTED = "interrupted"
    """The client or the proxy went away before the answer was complete."""
    REJECTED = "rejected"
    """The proxy refused it before any provider was called."""


class CostConfidence(StrEnum):
    """How a cost is known."""

    EXACT = "exact"
    """Provider's own usage x a known price."""
    ESTIMATED = "estimated"
    """Tokens or price were estimated."""
    PARTIAL = "partial"
    """A part of the usage has no price; the cost is a lower bound."""
    UNPRICED = "unpriced"
    """Nobody could say: the cost is NULL."""
    FREE = "free"
    """Nothing is billed: a model priced at zero on purpose, or a call that no provider charges."""
    CACHED = "cached"
    """Answered from LiteLLM's cache; what it would have cost stands in saved_cost_usd."""


class TokensSource(StrEnum):
    """Who counted the tokens."""

    PROVIDER = "provider"
    ESTIMATED = "estimated"
    NONE = "none"


INPUT_TOKEN_FIELDS = (
    "input_uncached_tokens",
    "input_cache_read_tokens",
    "input_cache_write_5m_tokens",
    "input_cache_write_1h_tokens",
    "input_audio_tokens",
    "input_image_tokens",
)
OUTPUT_TOKEN_FIELDS = (
    "output_text_tokens",
    "output_reasoning_tokens",
    "output_audio_tokens",
    "output_image_tokens",
)
TOKEN_FIELDS = INPUT_TOKEN_FIELDS + OUTPUT_TOKEN_FIELDS


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCounts:
    """Tokens of one call in disjoint categories, beside the provider's own inclusive totals.

    ``prompt_tokens`` is the sum of the input categories and ``completion_tokens`` that of the output ones.
    All are ``None`` where nobody counted (``source`` is ``none``).
    """

    source: TokensSource = TokensSource.NONE
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    input_uncached_tokens: int | None = None
    input_cache_read_tokens: int | None = None
    input_cache_write_5m_tokens: int | None = None
    input_cache_write_1h_tokens: int | None = None
    input_audio_tokens: int | None = None
    input_image_tokens: int | None = None
    output_text_tokens: int | None = None
    output_reasoning_tokens: int | None = None
    output_audio_tokens: int | None = None
    output_image_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCounts:
    """What is billed by something else than tokens; ``None`` where the call has no such unit."""

    input_characters: int | None = None
    input_audio_seconds: float | None = None
    output_images: int | None = None
    search_units: int | None = None


@dataclass(frozen=True, slots=True)
class PriceSnapshot:
    """A distinct set of unit prices, kept once and referenced by each call that it priced.

    ``prices_usd`` holds pairs ``(name in LiteLLM's price map, dollars per unit as an exact decimal string)``,
    sorted by name. ``source`` is ``litellm_price_map`` or ``deployment_config``.
    """

    price_key: str
    provider: str
    model: str
    source: str
    litellm_version: str
    prices_usd: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a call cost and how that is known."""

    cost_nano_usd: int | None
    confidence: CostConfidence
    unpriced_reason: str | None = None
    saved_cost_nano_usd: int | None = None
    adjustment_nano_usd: int = 0
    """Part of the cost that no unit price explains: built-in tools, margins, discounts, price tiers."""
    price: PriceSnapshot | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """Who made a call."""

    organization_id: str | None = None
    team_id: str | None = None
    team_alias: str | None = None
    user_id: str | None = None
    api_key_hash: str | None = None
    api_key_alias: str | None = None
    project_id: str | None = None
    end_user_id: str | None = None
    feature: str | None = None
    environment: str | None = None
    user_agent: str | None = None
    client_ip: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a call did not succeed; codes and classes only, since messages may quote prompts and keys."""

    error_class: str | None = None
    error_code: str | None = None
    rate_limit_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When a call happened (UTC) and how long it took (milliseconds of wall time)."""

    received_at: datetime
    started_at: datetime
    completed_at: datetime
    latency_ms: float | None
    """``None`` where a log of the past says only when a call was."""
    ttft_ms: float | None = None
    queue_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageEvent:
    """One request that reached the proxy, or one billed attempt of it that did not finish it."""

    event_key: str
    timing: Timing
    call_type: str
    status: Status
    is_terminal: bool = True
    calls: int = 1
    """More than 1 where calls were counted together; tokens, units and cost are their sums, times their means."""
    replaces: str | None = None
    """Key of a row that was written for the same request before its end was known."""
    litellm_call_id: str | None = None
    trace_id: str | None = None
    session_id: str | None = None
    route: str | None = None
    stream: bool = False
    provider: str | None = None
    model: str | None = None
    model_group: str | None = None
    requested_model: str | None = None
    deployment_id: str | None = None
    service_tier: str | None = None
    attempts: int = 1
    fallbacks: int = 0
    cache_hit: bool = False
    who: Attribution = field(default_factory=Attribution)
    failure: Failure = field(default_factory=Failure)
    tokens: TokenCounts = field(default_factory=TokenCounts)
    units: UnitCounts = field(default_factory=UnitCounts)
    cost: Cost
