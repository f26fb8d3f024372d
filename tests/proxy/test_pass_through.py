"""Calls that LiteLLM hands on as they are, to any host: counted from the provider's own answer."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.proxy.clients import CALL_ID, say
from tests.proxy.conftest import RowOf
from tests.proxy.hand import categories, check_sums, nano_usd
from tests.upstream.ask import marker

pytestmark = pytest.mark.proxy

FULL = marker(prompt=1200, cached=1000, completion=74, reasoning=64)
WRITES = marker(prompt=2600, cached=2000, write_5m=400, write_1h=100, completion=42)
SPLIT = {"input_uncached": 200, "input_cache_read": 1000, "output_text": 10, "output_reasoning": 64}
WRITTEN = {
    "input_uncached": 100,
    "input_cache_read": 2000,
    "input_cache_write_5m": 400,
    "input_cache_write_1h": 100,
    "output_text": 42,
}
OPENAI = nano_usd((200, "0.15"), (1000, "0.075"), (74, "0.60"))
GPT: dict[str, Any] = {"model": "gpt-4o-mini"}
CLAUDE: dict[str, Any] = {"model": "claude-sonnet-4-5-20250929", "max_tokens": 90}

# name: (path, body, (provider, model), categories, cost)
CALLS: dict[str, tuple[str, dict[str, Any], tuple[str, str], dict[str, int], int]] = {
    "chat": (
        "/pass/openai/v1/chat/completions",
        GPT | {"messages": say(FULL)},
        ("openai", "gpt-4o-mini"),
        SPLIT,
        OPENAI,
    ),
    "responses": ("/pass/openai/v1/responses", GPT | {"input": FULL}, ("openai", "gpt-4o-mini"), SPLIT, OPENAI),
    "anthropic": (
        "/pass/anthropic/v1/messages",
        CLAUDE | {"messages": say(WRITES)},
        ("anthropic", "claude-sonnet-4-5-20250929"),
        WRITTEN,
        nano_usd((100, "3"), (2000, "0.30"), (400, "3.75"), (100, "6"), (42, "15")),
    ),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", CALLS)
def test_usage_is_read_by_format(http: httpx.Client, row_of: RowOf, name: str, stream: bool) -> None:
    """The host is one that LiteLLM has never heard of; tokens and cost are exact all the same."""
    path, body, who, wanted, cost = CALLS[name]
    options = {"stream": True} | ({"stream_options": {"include_usage": True}} if name == "chat" else {})
    answer = http.post(path, json=body | (options if stream else {}))
    assert answer.status_code == 200, answer.text
    row = row_of(answer.headers[CALL_ID])
    assert (row.status, row.call_type, row.stream) == ("success", "pass_through_endpoint", stream)
    assert (row.provider, row.model, row.team_id) == (*who, "team-search")
    assert (categories(row), row.tokens_source) == (wanted, "provider")
    check_sums(row)
    assert (row.cost_nano_usd, row.cost_confidence, row.adjustment_nano_usd) == (cost, "exact", 0)


def test_embeddings_have_tokens_too(http: httpx.Client, row_of: RowOf) -> None:
    """text-embedding-3-small costs $0.02 per million tokens."""
    body = {"model": "text-embedding-3-small", "input": marker(prompt=3000)}
    row = row_of(http.post("/pass/openai/v1/embeddings", json=body).headers[CALL_ID])
    assert (row.prompt_tokens, row.cost_nano_usd, row.cost_confidence) == (3000, nano_usd((3000, "0.02")), "exact")


def test_coheres_stream_is_read(http: httpx.Client, row_of: RowOf) -> None:
    """Its usage stands in the last event."""
    body = {"model": "command-a-03-2025", "messages": say(marker(prompt=1200, completion=74)), "stream": True}
    row = row_of(http.post("/pass/cohere/v2/chat", json=body).headers[CALL_ID])
    assert (row.model, row.tokens_source) == ("command-a-03-2025", "provider")
    assert (row.prompt_tokens, row.completion_tokens) == (1200, 74)
    assert (row.cost_nano_usd, row.cost_confidence) == (nano_usd((1200, "2.50"), (74, "10")), "exact")


@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent"])
def test_gemini_names_its_model_in_the_url(http: httpx.Client, row_of: RowOf, method: str) -> None:
    """200 x $0.30 + 1,000 x $0.03 + 74 x $2.50, per million."""
    body = {"contents": [{"role": "user", "parts": [{"text": FULL}]}]}
    answer = http.post(f"/pass/gemini/v1beta/models/gemini-2.5-flash:{method}", json=body)
    row = row_of(answer.headers[CALL_ID])
    assert (row.model, categories(row)) == ("gemini-2.5-flash", SPLIT)
    assert row.cost_nano_usd == nano_usd((200, "0.30"), (1000, "0.03"), (74, "2.50"))


def test_a_price_per_request_stays_litellms(http: httpx.Client, row_of: RowOf) -> None:
    """25 cents each, whatever the tokens would cost; they are counted all the same."""
    row = row_of(http.post("/pass/flat", json=GPT | {"messages": say(FULL)}).headers[CALL_ID])
    assert (row.cost_nano_usd, row.cost_confidence) == (250_000_000, "exact")
    assert (row.adjustment_nano_usd, categories(row)) == (250_000_000, SPLIT)


def test_a_stream_without_usage_is_unpriced(http: httpx.Client, row_of: RowOf) -> None:
    """OpenAI sends none unless asked, and a pass-through is not ours to ask in."""
    answer = http.post("/pass/openai/v1/chat/completions", json=GPT | {"messages": say(FULL), "stream": True})
    row = row_of(answer.headers[CALL_ID])
    assert (row.tokens_source, row.cost_nano_usd) == ("none", None)
    assert row.unpriced_reason == "provider_sent_no_usage"


def test_a_stream_that_ends_early_is_an_estimate(http: httpx.Client, row_of: RowOf) -> None:
    """Anthropic's opening says the input and one token of output: a lower bound."""
    text = marker(prompt=1200, completion=74, end_after=5)
    answer = http.post("/pass/anthropic/v1/messages", json=CLAUDE | {"messages": say(text), "stream": True})
    row = row_of(answer.headers[CALL_ID])
    assert (row.prompt_tokens, row.tokens_source, row.cost_confidence) == (1200, "estimated", "estimated")


def test_an_upstream_error_is_one_failure(http: httpx.Client, row_of: RowOf) -> None:
    """LiteLLM reports it by one hook, without a payload."""
    answer = http.post("/pass/openai/v1/chat/completions", json=GPT | {"messages": say(marker(fail=500))})
    assert answer.status_code == 500
    row = row_of(answer.headers[CALL_ID])
    assert (row.status, row.call_type, row.error_code) == ("failure", "pass_through_endpoint", "500")
    assert (row.provider, row.model, row.requested_model) == ("openai", "gpt-4o-mini", "gpt-4o-mini")
    assert (row.team_id, row.cost_nano_usd, row.cost_confidence) == ("team-search", 0, "free")
