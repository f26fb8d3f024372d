"""A provider's own usage block in, the same counts in LiteLLM's shape out: recognised by its fields, whoever sent it.

Sources: https://platform.openai.com/docs/api-reference/chat/object and .../responses/object,
https://docs.anthropic.com/en/api/messages, https://ai.google.dev/api/generate-content#UsageMetadata,
https://docs.cohere.com/reference/chat, https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from usage_plugin.capture.values import count, mapping

Block = Mapping[str, Any]


def read_usage(block: Block) -> dict[str, Any] | None:
    """Translate a usage block, or give ``None`` for one of no known format.

    Returns:
        Inclusive totals with their parts, as OpenAI and LiteLLM name them.
    """
    for is_of_format, translate in _FORMATS:
        if is_of_format(block):
            return translate(block)
    return None


def _openai_chat(block: Block) -> dict[str, Any]:
    return {**block, "prompt_tokens": count(block.get("prompt_tokens"))}


def _openai_responses(block: Block) -> dict[str, Any]:
    return {
        "prompt_tokens": count(block.get("input_tokens")),
        "completion_tokens": count(block.get("output_tokens")),
        "prompt_tokens_details": block.get("input_tokens_details"),
        "completion_tokens_details": block.get("output_tokens_details"),
    }


def _anthropic(block: Block) -> dict[str, Any]:
    read, written = count(block.get("cache_read_input_tokens")), count(block.get("cache_creation_input_tokens"))
    return _with_cache(
        count(block.get("input_tokens")) + read + written,
        count(block.get("output_tokens")),
        read,
        written,
        count(mapping(block.get("cache_creation")).get("ephemeral_1h_input_tokens")),
    ) | {"service_tier": block.get("service_tier")}


def _bedrock(block: Block) -> dict[str, Any]:
    read, written = count(block.get("cacheReadInputTokens")), count(block.get("cacheWriteInputTokens"))
    details = block.get("cacheDetails")
    lifetimes = [mapping(part) for part in details] if isinstance(details, list) else []
    return _with_cache(
        count(block.get("inputTokens")) + read + written,
        count(block.get("outputTokens")),
        read,
        written,
        sum(count(part.get("inputTokens")) for part in lifetimes if part.get("ttl") == "1h"),
    )


def _with_cache(prompt: int, completion: int, read: int, written: int, written_1h: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "prompt_tokens_details": {
            "cached_tokens": read,
            "cache_creation_tokens": written,
            "cache_creation_token_details": {"ephemeral_1h_input_tokens": written_1h},
        },
    }


def _gemini(block: Block) -> dict[str, Any]:
    thoughts = count(block.get("thoughtsTokenCount"))
    heard, spoken = _by_modality(block.get("promptTokensDetails")), _by_modality(block.get("candidatesTokensDetails"))
    return {
        "prompt_tokens": count(block.get("promptTokenCount")) + count(block.get("toolUsePromptTokenCount")),
        "completion_tokens": count(block.get("candidatesTokenCount")) + thoughts,
        "prompt_tokens_details": {"cached_tokens": count(block.get("cachedContentTokenCount")), **heard},
        "completion_tokens_details": {"reasoning_tokens": thoughts, **spoken},
    }


def _by_modality(details: object) -> dict[str, int]:
    parts = [mapping(part) for part in details] if isinstance(details, list) else []
    named = {"AUDIO": "audio_tokens", "IMAGE": "image_tokens"}
    return {
        named[str(part.get("modality"))]: count(part.get("tokenCount"))
        for part in parts
        if part.get("modality") in named
    }


def _cohere(block: Block) -> dict[str, Any]:
    """Take what Cohere bills, which leaves out the tokens that it adds by itself."""
    billed = mapping(block.get("billed_units")) or mapping(block.get("tokens"))
    return {
        "prompt_tokens": count(billed.get("input_tokens")),
        "completion_tokens": count(billed.get("output_tokens")),
    }


def _has(*names: str) -> Callable[[Block], bool]:
    return lambda block: any(name in block for name in names)


def _is_of_responses(block: Block) -> bool:
    return "input_tokens" in block and _has("input_tokens_details", "output_tokens_details", "total_tokens")(block)


# The first that fits; OpenAI's responses name their totals as Anthropic does, which counts caches apart.
_FORMATS: tuple[tuple[Callable[[Block], bool], Callable[[Block], dict[str, Any]]], ...] = (
    (_has("prompt_tokens"), _openai_chat),
    (_has("promptTokenCount"), _gemini),
    (_has("inputTokens"), _bedrock),
    (_has("billed_units", "tokens"), _cohere),
    (_is_of_responses, _openai_responses),
    (_has("input_tokens"), _anthropic),
)
