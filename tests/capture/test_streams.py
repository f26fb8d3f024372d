"""A stream's own chunks say who counted its tokens."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.capture.payloads import success
from tests.capture.reading import Reading
from usage_plugin.capture.streams import Noted, provider_counted

USAGE = SimpleNamespace(prompt_tokens=1200, completion_tokens=74)
OPENING = SimpleNamespace(prompt_tokens=1200, completion_tokens=1)


def stream(*chunks: tuple[object, str | None]) -> SimpleNamespace:
    made = [SimpleNamespace(id="r", usage=usage, choices=[{"finish_reason": reason}]) for usage, reason in chunks]
    return SimpleNamespace(chunks=made)


WORDS = [(None, None)] * 9


@pytest.mark.parametrize(
    ("chunks", "counted"),
    [
        ([*WORDS, (None, "stop"), (USAGE, None)], True),
        ([*WORDS, (USAGE, "stop")], True),
        ([(OPENING, None), *WORDS, (USAGE, "stop")], True),
        ([(OPENING, None), *WORDS], False),
        ([*WORDS, (None, "stop")], False),
        ([(None, None)], False),
    ],
    ids=["OpenAI", "Mistral", "Anthropic", "Anthropic cut short", "silent", "one chunk"],
)
def test_usage_in_the_chunks_is_the_providers(chunks: list[tuple[object, str | None]], counted: bool) -> None:
    """What LiteLLM adds at the end of a stream stands in no chunk."""
    assert provider_counted(stream(*chunks), SimpleNamespace(id="r")) is counted


@pytest.mark.parametrize("details", [None, {"cached_tokens": 0}])
def test_a_stream_that_another_took_over_says_nothing(details: object) -> None:
    """Its chunks are those of the attempt that broke; then only a provider's details speak for its usage."""
    answer = SimpleNamespace(id="other", usage={"prompt_tokens_details": details})
    assert provider_counted(stream((None, None)), answer) is (details is not None)


def test_a_stream_without_chunks_says_nothing() -> None:
    """Raw bytes, and another callback's generator, keep none."""
    assert provider_counted(object(), None) is None


@pytest.mark.parametrize(
    ("chunks", "source"),
    [([*WORDS, (USAGE, "stop")], "provider"), ([*WORDS, (None, "stop")], "estimated"), ([], "provider")],
    ids=["counted", "not counted", "nobody saw"],
)
def test_an_uncounted_stream_is_an_estimate(
    reading: Reading, chunks: list[tuple[object, str | None]], source: str
) -> None:
    """Tokens and cost both say so."""
    event = reading.success(success(stream=True), SimpleNamespace(id="r"), Noted(stream(*chunks)))
    assert event.tokens.source == source
    assert event.cost.confidence == ("estimated" if source == "estimated" else "exact")


@pytest.mark.parametrize(
    "slo",
    [
        {"custom_llm_provider": "cohere_chat", "stream": True},
        {"custom_llm_provider": "gemini", "call_type": "aembedding"},
        {
            "metadata": {"usage_object": {"prompt_tokens_details": None, "completion_tokens_details": None}},
            "stream": True,
        },
    ],
    ids=["Cohere's streams", "Gemini's embeddings", "/v1/responses"],
)
def test_what_litellm_counts_by_itself_is_an_estimate(reading: Reading, slo: dict[str, Any]) -> None:
    """Also in a program without a proxy, where nobody sees the stream."""
    assert reading.success(success(**slo), None).tokens.source == "estimated"
