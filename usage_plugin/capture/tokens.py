"""LiteLLM's usage object in, disjoint token categories and other units out. The one place that says who counts how.

Every provider's ``prompt_tokens`` reaches us inclusive of cache reads and writes, and ``completion_tokens`` inclusive
of reasoning: LiteLLM has added up Anthropic's separate counts already.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from usage_plugin.capture.values import attribute, count, field_of, mapping, number, text
from usage_plugin.event import TokenCounts, TokensSource, UnitCounts

Usage = Mapping[str, Any]
# Of English text; https://help.openai.com/en/articles/4936856-what-are-tokens-and-how-to-count-them
CHARACTERS_PER_TOKEN = 4
# LiteLLM does not read the usage that these providers send with such calls, and counts with its own tokenizer:
# Cohere's in the last event of a chat stream, Gemini's in usageMetadata of embeddings.
# tests/proxy/test_estimates.py fails when it begins to.
UNREAD_IN_STREAMS = frozenset({"cohere_chat"})
UNREAD_IN_EMBEDDINGS = frozenset({"gemini"})


def counted_by_litellm(payload: Mapping[str, Any], *, provider_counted: bool | None) -> bool:
    """Say whether a complete call's tokens are LiteLLM's own estimate, which it does not flag.

    Args:
        payload: LiteLLM's ``standard_logging_object``.
        provider_counted: Whether the stream brought a usage block; ``None`` where nobody saw.
    """
    provider = payload.get("custom_llm_provider")
    if str(payload.get("call_type")) in ("embedding", "aembedding"):
        return provider in UNREAD_IN_EMBEDDINGS
    if payload.get("stream") is not True or payload.get("cache_hit") is True:
        return False
    if provider_counted is not None:
        return not provider_counted
    return provider in UNREAD_IN_STREAMS or _is_bare_responses_usage(payload)


def _is_bare_responses_usage(payload: Mapping[str, Any]) -> bool:
    """A provider of ``/v1/responses`` always sends both details; LiteLLM's estimate of such a stream has neither."""
    usage = mapping(mapping(payload.get("metadata")).get("usage_object"))
    details = ("prompt_tokens_details", "completion_tokens_details")
    return all(name in usage and usage[name] is None for name in details)


def read_tokens(payload: Mapping[str, Any], *, estimated: bool) -> TokenCounts:
    """Split a call's tokens into categories that add up to the provider's totals.

    Args:
        payload: LiteLLM's ``standard_logging_object``.
        estimated: The call ended before the provider could report; LiteLLM counted with its own tokenizer.

    Returns:
        Counts; with source ``none`` where neither provider nor LiteLLM counted anything.
    """
    usage = mapping(mapping(payload.get("metadata")).get("usage_object"))
    prompt = count(payload.get("prompt_tokens"))
    completion = count(payload.get("completion_tokens"))
    if prompt == 0 and completion == 0:
        return TokenCounts()
    return TokenCounts(
        source=TokensSource.ESTIMATED if estimated else TokensSource.PROVIDER,
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        **_input_categories(prompt, usage),
        **_output_categories(completion, usage, makes_images="image" in str(payload.get("call_type"))),
    )


def tokens_of_rerank(total: int) -> TokenCounts:
    """Word the tokens of a reranker that bills them; LiteLLM keeps them out of its usage object."""
    if not total:
        return TokenCounts()
    return TokenCounts(
        source=TokensSource.PROVIDER,
        prompt_tokens=total,
        completion_tokens=0,
        total_tokens=total,
        **_input_categories(total, {}),
        **_output_categories(0, {}, makes_images=False),
    )


def tokens_of_text(characters: object) -> int:
    """Estimate a text's tokens by its length, rounded up."""
    return math.ceil(count(characters) / CHARACTERS_PER_TOKEN)


def _input_categories(prompt: int, usage: Usage) -> dict[str, int]:
    details = mapping(usage.get("prompt_tokens_details"))
    written_5m, written_1h = _cache_writes(usage, details)
    return _share(
        prompt,
        rest="input_uncached_tokens",
        input_cache_read_tokens=count(details.get("cached_tokens")) or count(usage.get("cache_read_input_tokens")),
        input_cache_write_1h_tokens=written_1h,
        input_cache_write_5m_tokens=written_5m,
        input_audio_tokens=count(details.get("audio_tokens")),
        input_image_tokens=count(details.get("image_tokens")),
    )


def _cache_writes(usage: Usage, details: Usage) -> tuple[int, int]:
    """Give tokens written to the provider's cache for 5 minutes and for 1 hour: three spellings of one number."""
    written = (
        count(usage.get("cache_creation_input_tokens"))
        or count(details.get("cache_creation_tokens"))
        or count(details.get("cache_write_tokens"))
    )
    split = mapping(details.get("cache_creation_token_details"))
    one_hour = min(count(split.get("ephemeral_1h_input_tokens")), written)
    return written - one_hour, one_hour


def _output_categories(completion: int, usage: Usage, *, makes_images: bool) -> dict[str, int]:
    details = mapping(usage.get("completion_tokens_details"))
    return _share(
        completion,
        rest="output_text_tokens",
        output_reasoning_tokens=count(details.get("reasoning_tokens")),
        output_audio_tokens=count(details.get("audio_tokens")),
        output_image_tokens=count(details.get("image_tokens")) or (completion if makes_images else 0),
    )


def _share(total: int, rest: str, **parts: int) -> dict[str, int]:
    """Give each part in turn what is left of the total, and the remainder to *rest*: categories cannot overlap.

    A provider may report an audio token that came from the cache in both places; it is counted in the first.
    """
    left = total
    shares = {}
    for name, wanted in parts.items():
        shares[name] = min(wanted, left)
        left -= shares[name]
    shares[rest] = left
    return shares


def billed_units(call_type: object, request: Mapping[str, Any], response: object) -> dict[str, Any]:
    """Find what only the answer tells of what is billed; plain values, by our own names.

    Args:
        call_type: LiteLLM's type of the call.
        request: The hook's ``kwargs``; a text-to-speech input is only counted, never kept.
        response: The provider's response as LiteLLM gives it.
    """
    kind = (text(call_type) or "").removeprefix("a")
    if kind == "speech":
        spoken = request.get("input")
        return {"input_characters": len(spoken) if isinstance(spoken, str) else None}
    if kind == "transcription":
        return {"input_audio_seconds": attribute(response, "duration")}
    if kind in ("image_generation", "image_edit"):
        images = attribute(response, "data")
        return {"output_images": len(images) if isinstance(images, list) else None}
    if kind == "rerank":
        billed = attribute(attribute(response, "meta"), "billed_units")
        return {name: attribute(billed, name) for name in ("search_units", "total_tokens")}
    return {"service_tier": field_of(response, "service_tier")}


def read_units(billed: Mapping[str, Any]) -> UnitCounts:
    """Check the units that ``billed_units`` found."""
    return UnitCounts(
        input_characters=_count_or_none(billed.get("input_characters")),
        input_audio_seconds=number(billed.get("input_audio_seconds")),
        output_images=_count_or_none(billed.get("output_images")),
        search_units=count(billed.get("search_units")) or None,
    )


def _count_or_none(value: object) -> int | None:
    return None if value is None else count(value)
