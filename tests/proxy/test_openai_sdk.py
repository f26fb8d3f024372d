"""OpenAI's own SDK against the running proxy: each kind of call is one row with the right tokens and cost."""

from __future__ import annotations

import openai
import pytest

from tests.proxy.clients import CALL_ID
from tests.proxy.conftest import RowOf
from tests.proxy.hand import categories, check_sums, nano_usd
from tests.upstream.ask import marker

pytestmark = pytest.mark.proxy

CHAT = marker(prompt=1200, cached=1024, completion=74, reasoning=64)
# gpt-4o-mini: $0.15 per million input tokens, $0.075 from the cache, $0.60 output.
CHAT_COST = nano_usd((1200 - 1024, "0.15"), (1024, "0.075"), (74, "0.60"))
CHAT_CATEGORIES = {"input_uncached": 176, "input_cache_read": 1024, "output_text": 10, "output_reasoning": 64}


def test_a_chat_call_is_one_row_with_disjoint_tokens_and_exact_cost(openai_sdk: openai.OpenAI, row_of: RowOf) -> None:
    """Cached and reasoning tokens stand apart, and each is charged once, at its own price."""
    slow = marker(prompt=1200, cached=1024, completion=74, reasoning=64, delay_ms=200)
    raw = openai_sdk.chat.completions.with_raw_response.create(
        model="chat", messages=[{"role": "user", "content": f"Hello {slow}"}]
    )
    row = row_of(raw.headers[CALL_ID])
    assert (row.status, row.stream, row.call_type) == ("success", False, "acompletion")
    assert (row.provider, row.model) == ("openai", "gpt-4o-mini")
    assert (row.model_group, row.requested_model) == ("chat", "chat")
    assert (row.attempts, row.fallbacks, row.is_terminal, row.cache_hit) == (1, 0, True, False)
    assert categories(row) == CHAT_CATEGORIES
    check_sums(row)
    assert (row.cost_nano_usd, row.cost_confidence) == (CHAT_COST, "exact")
    assert row.latency_ms is not None
    assert 200 <= row.latency_ms < 60_000
    assert row.ttft_ms is None
    assert row.received_at <= row.started_at <= row.completed_at


@pytest.mark.parametrize("ask_for_usage", [True, False])
def test_a_stream_counts_the_same_whether_or_not_its_client_asks_for_usage(
    openai_sdk: openai.OpenAI, row_of: RowOf, ask_for_usage: bool
) -> None:
    """OpenAI only reports a stream's usage when asked to; accounting must not hang on what a client asks for."""
    slow = marker(prompt=1200, cached=1024, completion=74, reasoning=64, chunk_delay_ms=60)
    raw = openai_sdk.chat.completions.with_raw_response.create(
        model="chat",
        messages=[{"role": "user", "content": f"Hello {slow}"}],
        stream=True,
        stream_options={"include_usage": True} if ask_for_usage else openai.omit,
    )
    assert "word3" in "".join(chunk.choices[0].delta.content or "" for chunk in raw.parse() if chunk.choices)
    row = row_of(raw.headers[CALL_ID])
    assert (row.status, row.stream, row.tokens_source) == ("success", True, "provider")
    assert categories(row) == CHAT_CATEGORIES
    assert (row.cost_nano_usd, row.cost_confidence) == (CHAT_COST, "exact")
    assert row.ttft_ms is not None
    assert row.latency_ms is not None
    assert 60 <= row.ttft_ms < row.latency_ms
    assert row.latency_ms >= 4 * 60


def test_responses_are_counted_like_chat(openai_sdk: openai.OpenAI, row_of: RowOf) -> None:
    """``/v1/responses`` words its usage differently, and means the same."""
    raw = openai_sdk.responses.with_raw_response.create(model="chat", input=f"Hello {CHAT}")
    row = row_of(raw.headers[CALL_ID])
    assert (row.call_type, row.stream) == ("aresponses", False)
    assert (row.provider, row.model, row.model_group) == ("openai", "gpt-4o-mini", "chat")
    assert categories(row) == CHAT_CATEGORIES
    assert (row.cost_nano_usd, row.cost_confidence) == (CHAT_COST, "exact")


def test_streamed_responses_are_counted_from_their_last_event(openai_sdk: openai.OpenAI, row_of: RowOf) -> None:
    """The usage of a streamed response stands in ``response.completed``."""
    raw = openai_sdk.responses.with_raw_response.create(model="chat", input=f"Hello {CHAT}", stream=True)
    assert [event.type for event in raw.parse()][-1] == "response.completed"
    row = row_of(raw.headers[CALL_ID])
    assert (row.call_type, row.stream, row.status) == ("aresponses", True, "success")
    assert categories(row) == CHAT_CATEGORIES
    assert (row.cost_nano_usd, row.cost_confidence) == (CHAT_COST, "exact")
    assert row.ttft_ms is not None


def test_a_text_completion_is_one_row(openai_sdk: openai.OpenAI, row_of: RowOf) -> None:
    """The legacy endpoint has a provider name of its own in LiteLLM."""
    raw = openai_sdk.completions.with_raw_response.create(
        model="complete", prompt=f"Hi {marker(prompt=50, completion=4)}"
    )
    row = row_of(raw.headers[CALL_ID])
    assert (row.call_type, row.model) == ("atext_completion", "gpt-3.5-turbo-instruct")
    assert categories(row) == {"input_uncached": 50, "output_text": 4}
    assert row.cost_nano_usd == nano_usd((50, "1.50"), (4, "2.00"))


def test_embeddings_cost_their_input(openai_sdk: openai.OpenAI, row_of: RowOf) -> None:
    """text-embedding-3-small costs $0.02 per million tokens."""
    raw = openai_sdk.embeddings.with_raw_response.create(model="embed", input=[f"one {marker(prompt=150)}", "two"])
    assert len(raw.parse().data) == 2
    row = row_of(raw.headers[CALL_ID])
    assert (row.call_type, row.provider, row.model) == ("aembedding", "openai", "text-embedding-3-small")
    assert categories(row) == {"input_uncached": 150}
    assert (row.completion_tokens, row.cost_nano_usd) == (0, nano_usd((150, "0.02")))


def test_a_gpt_image_is_billed_in_tokens(openai_sdk: openai.OpenAI, row_of: RowOf) -> None:
    """gpt-image-1 costs $5 per million text tokens in, $40 per million image tokens out."""
    asked = marker(prompt=50, completion=4160)
    raw = openai_sdk.images.with_raw_response.generate(model="image", prompt=f"A cat {asked}")
    row = row_of(raw.headers[CALL_ID])
    assert (row.call_type, row.model, row.output_images) == ("aimage_generation", "gpt-image-1", 1)
    assert categories(row) == {"input_uncached": 50, "output_image": 4160}
    assert (row.cost_nano_usd, row.cost_confidence) == (nano_usd((50, "5"), (4160, "40")), "exact")


def test_speech_is_billed_by_the_character(openai_sdk: openai.OpenAI, row_of: RowOf) -> None:
    """tts-1 costs $15 per million characters; LiteLLM leaves the four blanks out, which the adjustment shows."""
    text = "Good morning, how are you?"
    raw = openai_sdk.audio.speech.with_raw_response.create(model="speech", voice="alloy", input=text)
    row = row_of(raw.headers[CALL_ID])
    assert (row.call_type, row.model, row.input_characters) == ("aspeech", "tts-1", 26)
    assert (row.tokens_source, row.prompt_tokens) == ("none", None)
    assert row.cost_nano_usd == nano_usd((22, "15"))
    assert row.adjustment_nano_usd == -nano_usd((4, "15"))
    assert (row.cost_confidence, row.unpriced_reason) == ("partial", "less_than_units_x_price")


def test_whisper_is_billed_by_the_second(openai_sdk: openai.OpenAI, row_of: RowOf) -> None:
    """whisper-1 costs $0.0001 a second, however the client wants its text."""
    raw = openai_sdk.audio.transcriptions.with_raw_response.create(
        model="whisper", file=("speech.mp3", b"ID3" + bytes(64)), prompt=marker(seconds=12.5)
    )
    row = row_of(raw.headers[CALL_ID])
    assert (row.call_type, row.model, row.input_audio_seconds) == ("atranscription", "whisper-1", 12.5)
    assert row.cost_nano_usd == 12_500 * nano_usd((1, "0.1"))


def test_a_gpt_4o_transcription_is_billed_in_tokens(openai_sdk: openai.OpenAI, row_of: RowOf) -> None:
    """gpt-4o-transcribe costs $2.50 per million tokens in, text or audio, and $10 out."""
    raw = openai_sdk.audio.transcriptions.with_raw_response.create(
        model="transcribe",
        file=("speech.mp3", b"ID3" + bytes(64)),
        prompt=marker(prompt=140, audio_in=130, completion=45),
    )
    row = row_of(raw.headers[CALL_ID])
    assert (row.call_type, row.model) == ("atranscription", "gpt-4o-transcribe")
    assert categories(row) == {"input_uncached": 10, "input_audio": 130, "output_text": 45}
    assert row.cost_nano_usd == nano_usd((140, "2.50"), (45, "10"))


def test_a_moderation_is_free_and_not_unknown(openai_sdk: openai.OpenAI, row_of: RowOf) -> None:
    """OpenAI charges nothing for moderation, and LiteLLM's price map says so."""
    raw = openai_sdk.moderations.with_raw_response.create(model="moderation", input="I like cats")
    row = row_of(raw.headers[CALL_ID])
    assert (row.call_type, row.model) == ("amoderation", "omni-moderation-latest")
    assert (row.cost_nano_usd, row.cost_confidence) == (0, "free")


def test_several_choices_are_one_row(openai_sdk: openai.OpenAI, row_of: RowOf) -> None:
    """The provider reports one usage for all choices of a call."""
    raw = openai_sdk.chat.completions.with_raw_response.create(
        model="chat", n=3, messages=[{"role": "user", "content": f"Hello {CHAT}"}]
    )
    assert categories(row_of(raw.headers[CALL_ID])) == CHAT_CATEGORIES
