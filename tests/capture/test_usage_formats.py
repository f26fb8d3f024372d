"""A usage block is known by its fields, and its parts are counted as its provider counts them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.capture.payloads import payload
from tests.capture.reading import Reading
from usage_plugin.capture.catalog import LoadedPriceMap
from usage_plugin.capture.passthrough import read_answer
from usage_plugin.capture.tokens import read_tokens
from usage_plugin.capture.usage_formats import read_usage
from usage_plugin.event import TOKEN_FIELDS

MODALITIES = [{"modality": "TEXT", "tokenCount": 1100}, {"modality": "AUDIO", "tokenCount": 100}]
# provider: (its block, prompt, completion, categories)
BLOCKS: dict[str, tuple[dict[str, Any], int, int, dict[str, int]]] = {
    "openai chat": (
        {
            "prompt_tokens": 1200,
            "completion_tokens": 74,
            "total_tokens": 1274,
            "prompt_tokens_details": {"cached_tokens": 1000},
            "completion_tokens_details": {"reasoning_tokens": 64},
        },
        1200,
        74,
        {"input_uncached": 200, "input_cache_read": 1000, "output_text": 10, "output_reasoning": 64},
    ),
    "openai embeddings": ({"prompt_tokens": 9, "total_tokens": 9}, 9, 0, {"input_uncached": 9}),
    "openai responses": (
        {"input_tokens": 1200, "input_tokens_details": {"cached_tokens": 1000}, "output_tokens": 74},
        1200,
        74,
        {"input_uncached": 200, "input_cache_read": 1000, "output_text": 74},
    ),
    "anthropic": (
        {
            "input_tokens": 100,
            "cache_read_input_tokens": 2000,
            "cache_creation_input_tokens": 500,
            "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 100},
            "output_tokens": 42,
        },
        2600,
        42,
        {
            "input_uncached": 100,
            "input_cache_read": 2000,
            "input_cache_write_5m": 400,
            "input_cache_write_1h": 100,
            "output_text": 42,
        },
    ),
    "gemini": (
        {
            "promptTokenCount": 1200,
            "cachedContentTokenCount": 1000,
            "candidatesTokenCount": 10,
            "thoughtsTokenCount": 64,
            "promptTokensDetails": MODALITIES,
        },
        1200,
        74,
        {
            "input_uncached": 100,
            "input_cache_read": 1000,
            "input_audio": 100,
            "output_text": 10,
            "output_reasoning": 64,
        },
    ),
    "cohere": (
        {"billed_units": {"input_tokens": 1200, "output_tokens": 74}, "tokens": {"input_tokens": 1266}},
        1200,
        74,
        {"input_uncached": 1200, "output_text": 74},
    ),
    "bedrock": (
        {
            "inputTokens": 100,
            "outputTokens": 42,
            "cacheReadInputTokens": 2000,
            "cacheWriteInputTokens": 500,
            "cacheDetails": [{"ttl": "5m", "inputTokens": 400}, {"ttl": "1h", "inputTokens": 100}],
        },
        2600,
        42,
        {
            "input_uncached": 100,
            "input_cache_read": 2000,
            "input_cache_write_5m": 400,
            "input_cache_write_1h": 100,
            "output_text": 42,
        },
    ),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_each_format_adds_up(name: str) -> None:
    """Anthropic and Bedrock count caches apart from the input, the others within it."""
    block, prompt, completion, wanted = BLOCKS[name]
    usage = read_usage(block)
    assert usage is not None
    values = payload(**{"prompt_tokens": 0, "completion_tokens": 0, **usage, "metadata": {"usage_object": usage}})
    tokens = read_tokens(values, estimated=False)
    assert (tokens.prompt_tokens, tokens.completion_tokens) == (prompt, completion)
    found = {field.removesuffix("_tokens"): getattr(tokens, field) for field in TOKEN_FIELDS}
    assert {field: number for field, number in found.items() if number} == wanted


def test_an_unknown_block_is_no_usage() -> None:
    """Nothing is guessed."""
    assert read_usage({"used": 7}) is None


def as_litellm_words(*lines: str) -> dict[str, str]:
    return {"response": f"cannot parse chunks to standard response object. Chunks={list(lines)}"}


def test_usage_within_an_answers_text_is_not_usage() -> None:
    """A model that talks about usage blocks writes them with escaped quotes."""
    line = r'data: {"delta": "it\'s \"usage\": {\"prompt_tokens\": 5}"}'
    assert read_answer({}, as_litellm_words(line)).usage is None


def test_a_stream_that_opens_with_one_part_and_closes_with_the_other() -> None:
    """Anthropic's two blocks are one; without the second the answer is not complete."""
    opening = '{"model": "claude", "usage": {"input_tokens": 7, "output_tokens": 1}}'
    start = f'data: {{"type": "message_start", "message": {opening}}}'
    end = 'data: {"type": "message_delta", "usage": {"output_tokens": 42}}'
    whole, cut = read_answer({}, as_litellm_words(start, end)), read_answer({}, as_litellm_words(start))
    assert whole.usage is not None
    assert (whole.usage["prompt_tokens"], whole.usage["completion_tokens"]) == (7, 42)
    assert (whole.model, whole.is_complete, cut.is_complete) == ("claude", True, False)


def test_a_bare_name_finds_the_one_model_that_it_can_mean() -> None:
    """Where two providers have a model of one name, its price is not guessed."""
    book = LoadedPriceMap({"a/one": {}, "a/two": {}, "b/two": {}, "three": {}, "c/three": {}}, "1")
    found = [entry[0] if (entry := book.find(name)) else None for name in ("one", "two", "three", "a/two", "four")]
    assert found == ["a/one", None, "three", "a/two", None]


@pytest.mark.parametrize("junk", [None, 5, "usage", ["usage"], {"usage": "x"}, {"usage": {"prompt_tokens": "x"}}])
def test_no_answer_makes_it_fail(reading: Reading, junk: Any) -> None:
    """A host behind a pass-through may say anything."""
    slo = payload(call_type="pass_through_endpoint", prompt_tokens=0, completion_tokens=0)
    request = {"standard_logging_object": slo, "passthrough_logging_payload": {"response_body": junk, "url": junk}}
    for response in (junk, {"response": junk}, {"response": str(junk)}):
        event = reading.success(request, response)
        assert event.call_type == "pass_through_endpoint"
