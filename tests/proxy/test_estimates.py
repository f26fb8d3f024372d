"""Tokens that LiteLLM counted by itself are marked, and those of honest providers are not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.proxy.clients import CALL_ID, say
from tests.proxy.conftest import RowOf
from tests.proxy.hand import nano_usd
from tests.upstream.ask import marker
from usage_plugin.store.tables import UsageRecord

pytestmark = pytest.mark.proxy

PATHS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {}),
    "messages": ("/v1/messages", {"max_tokens": 90}),
    "responses": ("/v1/responses", {}),
}


def _stream(http: httpx.Client, row_of: RowOf, kind: str, model: str, **wrong: int) -> UsageRecord:
    path, body = PATHS[kind]
    text = f"Hello {marker(prompt=1200, completion=74, **wrong)}"
    said = {"input": text} if kind == "responses" else {"messages": say(text)}
    answer = http.post(path, json={"model": model, "stream": True} | body | said)
    assert answer.status_code == 200, answer.text
    return row_of(answer.headers[CALL_ID])


# LiteLLM counts the tokens of Mistral's chat streams only where it translates them.
SILENT = [
    ("chat", "chat"),
    ("messages", "chat"),
    ("messages", "mistral"),
    ("responses", "chat"),
    ("responses", "mistral"),
]


@pytest.mark.parametrize(("kind", "model"), SILENT)
def test_a_stream_without_usage_is_an_estimate(http: httpx.Client, row_of: RowOf, kind: str, model: str) -> None:
    """LiteLLM fills in what its tokenizer says: the cost is known as roughly right, not as exact."""
    row = _stream(http, row_of, kind, model, silent=1)
    assert (row.status, row.tokens_source, row.cost_confidence) == ("success", "estimated", "estimated")
    assert row.prompt_tokens is not None
    assert 0 < row.prompt_tokens < 1200
    assert row.cost_nano_usd is not None
    assert row.cost_nano_usd > 0


@pytest.mark.parametrize("kind", PATHS)
def test_plain_totals_of_an_honest_provider_are_exact(http: httpx.Client, row_of: RowOf, kind: str) -> None:
    """Mistral says three numbers without details, and they are its own."""
    row = _stream(http, row_of, kind, "mistral")
    assert (row.tokens_source, row.prompt_tokens, row.completion_tokens) == ("provider", 1200, 74)
    assert (row.cost_nano_usd, row.cost_confidence) == (nano_usd((1200, "0.50"), (74, "1.50")), "exact")


@pytest.mark.parametrize(("kind", "model"), [("chat", "chat"), ("chat", "claude"), ("responses", "claude")])
def test_a_stream_that_ends_early_is_an_estimate(http: httpx.Client, row_of: RowOf, kind: str, model: str) -> None:
    """A provider that closes the stream before its last words has not said what it bills."""
    row = _stream(http, row_of, kind, model, end_after=5 if model == "claude" else 2)
    assert (row.tokens_source, row.cost_confidence) == ("estimated", "estimated")


@pytest.mark.parametrize("wrong", ["end_after", "error_after"])
def test_a_stream_of_messages_that_is_cut_short_is_a_failure(http: httpx.Client, row_of: RowOf, wrong: str) -> None:
    """LiteLLM calls both a success: a stream with an error in it, and one without its last event."""
    row = _stream(http, row_of, "messages", "claude", **{wrong: 5})
    assert (row.status, row.error_class) == ("failure", "StreamCutShort")
    assert (row.tokens_source, row.cost_confidence, row.prompt_tokens) == ("estimated", "estimated", 1200)


@pytest.mark.parametrize("wrong", ["end_after", "error_after", "drop_after"])
def test_a_stream_of_responses_that_breaks_costs_what_came_before(
    http: httpx.Client, row_of: RowOf, wrong: str
) -> None:
    """LiteLLM says 0 tokens; two words had come, and the prompt had been read."""
    row = _stream(http, row_of, "responses", "chat", **{wrong: 6, "chunk_delay_ms": 30})
    assert (row.status, row.tokens_source, row.cost_confidence) == ("failure", "estimated", "estimated")
    assert row.prompt_tokens is not None
    assert 0 < row.prompt_tokens < 1200
    assert row.completion_tokens == 3  # "word0 word1 "
    assert row.cost_nano_usd == row.prompt_tokens * 150 + 3 * 600


def test_coheres_stream_is_an_estimate_because_litellm_does_not_read_it(http: httpx.Client, row_of: RowOf) -> None:
    """When LiteLLM begins to read Cohere's last event, its rule in capture/tokens.py is to go."""
    row = _stream(http, row_of, "chat", "command")
    assert row.prompt_tokens != 1200, "LiteLLM reads Cohere's stream now: take it out of UNREAD_IN_STREAMS"
    assert (row.tokens_source, row.cost_confidence) == ("estimated", "estimated")


def test_geminis_embeddings_are_an_estimate_because_litellm_does_not_read_them(
    http: httpx.Client, row_of: RowOf
) -> None:
    """When LiteLLM begins to read usageMetadata of embeddings, its rule in capture/tokens.py is to go."""
    body = {"model": "gemini-embed", "input": f"cats {marker(prompt=1200)}"}
    row = row_of(http.post("/v1/embeddings", json=body).headers[CALL_ID])
    assert row.prompt_tokens != 1200, "LiteLLM reads Gemini's embeddings now: take it out of UNREAD_IN_EMBEDDINGS"
    assert (row.tokens_source, row.cost_confidence) == ("estimated", "estimated")
