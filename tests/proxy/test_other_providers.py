"""Providers with wire formats of their own, called in plain HTTP through the proxy."""

from __future__ import annotations

import httpx
import pytest

from tests.proxy.clients import CALL_ID, say
from tests.proxy.conftest import RowOf
from tests.proxy.hand import categories, check_sums, nano_usd
from tests.upstream.ask import marker

pytestmark = pytest.mark.proxy

FULL = marker(prompt=1200, cached=1000, completion=74, reasoning=64)
WRITES = marker(prompt=2600, cached=2000, write_5m=500, completion=42)
PLAIN = marker(prompt=1200, completion=74)
CACHED = {"input_uncached": 200, "input_cache_read": 1000}

# name: (text, provider, model, categories, cost)
CHATS = {
    "gemini-flash": (
        FULL,
        ("gemini", "gemini-2.5-flash"),
        CACHED | {"output_text": 10, "output_reasoning": 64},
        nano_usd((200, "0.30"), (1000, "0.03"), (74, "2.50")),
    ),
    "deepseek": (
        FULL,
        ("deepseek", "deepseek-chat"),
        CACHED | {"output_text": 10, "output_reasoning": 64},
        nano_usd((200, "0.28"), (1000, "0.028"), (74, "0.42")),
    ),
    "mistral": (
        PLAIN,
        ("mistral", "mistral-large-latest"),
        {"input_uncached": 1200, "output_text": 74},
        nano_usd((1200, "0.50"), (74, "1.50")),
    ),
    "azure-chat": (
        FULL,
        ("azure", "gpt-4o-mini"),
        CACHED | {"output_text": 10, "output_reasoning": 64},
        nano_usd((200, "0.15"), (1000, "0.075"), (74, "0.60")),
    ),
    "command": (
        PLAIN,
        ("cohere_chat", "command-a-03-2025"),
        {"input_uncached": 1200, "output_text": 74},
        nano_usd((1200, "2.50"), (74, "10")),
    ),
    "bedrock-claude": (
        WRITES,
        ("bedrock", "anthropic.claude-haiku-4-5-20251001-v1:0"),
        {"input_uncached": 100, "input_cache_read": 2000, "input_cache_write_5m": 500, "output_text": 42},
        nano_usd((100, "1"), (2000, "0.10"), (500, "1.25"), (42, "5")),
    ),
}


# LiteLLM does not read the usage in Cohere's stream and counts with its own tokenizer instead.
BOTH_WAYS = [(name, stream) for name in CHATS for stream in (False, True) if (name, stream) != ("command", True)]


@pytest.mark.parametrize(("name", "stream"), BOTH_WAYS)
def test_a_chat_call_of_each_wire_format(http: httpx.Client, row_of: RowOf, name: str, stream: bool) -> None:
    """The same question in each provider's own words: same categories and exact cost, whole and streamed."""
    text, (provider, model), wanted, cost = CHATS[name]
    body = {"model": name, "messages": say(f"Hello {text}"), "stream": stream}
    answer = http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    row = row_of(answer.headers[CALL_ID])
    assert (row.provider, row.model, row.model_group) == (provider, model, name)
    assert (row.status, row.stream) == ("success", stream)
    assert categories(row) == wanted
    check_sums(row)
    assert (row.cost_nano_usd, row.cost_confidence) == (cost, "exact")


@pytest.mark.parametrize(("method", "stream"), [("generateContent", False), ("streamGenerateContent", True)])
def test_gemini_called_in_its_own_format(http: httpx.Client, row_of: RowOf, method: str, stream: bool) -> None:
    """Google's own clients reach the proxy on Gemini's own paths."""
    body = {"contents": [{"role": "user", "parts": [{"text": f"Hello {FULL}"}]}]}
    query = {"alt": "sse"} if stream else {}
    answer = http.post(f"/v1beta/models/gemini-flash:{method}", json=body, params=query)
    assert answer.status_code == 200, answer.text
    row = row_of(answer.headers[CALL_ID])
    assert (row.provider, row.model, row.model_group) == ("gemini", "gemini-2.5-flash", "gemini-flash")
    assert row.stream is stream
    assert categories(row) == CACHED | {"output_text": 10, "output_reasoning": 64}
    assert row.cost_nano_usd == nano_usd((200, "0.30"), (1000, "0.03"), (74, "2.50"))


def test_rerank_is_billed_in_search_units(http: httpx.Client, row_of: RowOf) -> None:
    """Cohere's rerank-v3.5 costs $2 per thousand searches."""
    body = {"model": "rerank", "query": f"cats {marker(search_units=3)}", "documents": ["a", "b"]}
    row = row_of(http.post("/v1/rerank", json=body).headers[CALL_ID])
    assert (row.call_type, row.provider, row.model) == ("arerank", "cohere", "rerank-v3.5")
    assert (row.search_units, row.tokens_source) == (3, "none")
    assert (row.cost_nano_usd, row.cost_confidence) == (nano_usd((3, "2000")), "exact")
