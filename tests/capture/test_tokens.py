"""Token categories never overlap and always add up to what the provider counted."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.capture.payloads import payload
from usage_plugin.capture.tokens import billed_units, read_tokens, read_units
from usage_plugin.event import INPUT_TOKEN_FIELDS, OUTPUT_TOKEN_FIELDS, TokenCounts, TokensSource

COUNTS = st.integers(0, 5000)


def counted(prompt: int, completion: int, **usage: Any) -> TokenCounts:
    values = payload(prompt_tokens=prompt, completion_tokens=completion, metadata={"usage_object": usage})
    return read_tokens(values, estimated=False)


@given(COUNTS, COUNTS, st.lists(COUNTS, min_size=8, max_size=8))
@example(100, 0, [100, 0, 0, 50, 0, 0, 0, 0])
def test_categories_add_up(prompt: int, completion: int, parts: list[int]) -> None:
    """Even where a provider's details exceed or overlap its totals."""
    cached, written, one_hour, audio, image, reasoning, audio_out, image_out = parts
    tokens = counted(
        prompt,
        completion,
        cache_creation_input_tokens=written,
        prompt_tokens_details={
            "cached_tokens": cached,
            "audio_tokens": audio,
            "image_tokens": image,
            "cache_creation_token_details": {"ephemeral_1h_input_tokens": one_hour},
        },
        completion_tokens_details={
            "reasoning_tokens": reasoning,
            "audio_tokens": audio_out,
            "image_tokens": image_out,
        },
    )
    if tokens.source is TokensSource.NONE:
        assert prompt == completion == 0
        return
    assert sum(getattr(tokens, name) for name in INPUT_TOKEN_FIELDS) == prompt
    assert sum(getattr(tokens, name) for name in OUTPUT_TOKEN_FIELDS) == completion
    assert all(getattr(tokens, name) >= 0 for name in INPUT_TOKEN_FIELDS + OUTPUT_TOKEN_FIELDS)


def test_anthropics_cache_writes_are_split_by_time_to_live() -> None:
    """100 new + 2,000 read + 400 written for 5 minutes + 100 for an hour = 2,600."""
    tokens = counted(
        2600,
        42,
        cache_read_input_tokens=2000,
        cache_creation_input_tokens=500,
        prompt_tokens_details={
            "cached_tokens": 2000,
            "cache_creation_tokens": 500,
            "cache_creation_token_details": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 100},
        },
    )
    found = [getattr(tokens, name) for name in INPUT_TOKEN_FIELDS]
    assert found == [100, 2000, 400, 100, 0, 0]


def test_no_count_is_not_a_count_of_zero() -> None:
    """A call that nobody counted has unknown tokens."""
    assert counted(0, 0) == TokenCounts()
    assert counted(0, 0).prompt_tokens is None


def test_units_other_than_tokens() -> None:
    """Spoken characters, heard seconds, drawn images and searches are found where LiteLLM keeps them."""
    assert read_units(billed_units("aspeech", {"input": "Hello"}, None)).input_characters == 5
    assert read_units(billed_units("atranscription", {}, {"duration": 3.5})).input_audio_seconds == 3.5
    assert read_units(billed_units("aimage_generation", {}, {"data": [1, 2]})).output_images == 2
    searched = {"meta": {"billed_units": {"search_units": 3}}}
    assert read_units(billed_units("arerank", {}, searched)).search_units == 3
