"""Costs that are not in the price map, or not to be paid: unknown, free, negotiated, cached. Never a silent zero."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest
from sqlmodel import Session, select

from tests.proxy.clients import CALL_ID, chat, http_client, say
from tests.proxy.conftest import RowOf
from tests.proxy.hand import categories, nano_usd
from tests.proxy.process import Proxy
from tests.upstream.ask import marker
from usage_plugin.store.tables import PriceSnapshotRow, UsageRecord

pytestmark = pytest.mark.proxy

FULL = marker(prompt=1200, cached=1000, completion=74, reasoning=64)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", ["openai/nobody-knows-it", "unlisted"], ids=["wildcard", "explicit"])
def test_an_unknown_price_is_null_with_a_reason(proxy: Proxy, row_of: RowOf, model: str, stream: bool) -> None:
    """LiteLLM reports 0.0 in both cases, in one of them without any sign that it does not know."""
    row = row_of(chat(proxy, model, FULL, stream=stream).headers[CALL_ID])
    assert (row.status, row.prompt_tokens, row.completion_tokens) == ("success", 1200, 74)
    assert (row.cost_nano_usd, row.cost_usd, row.cost_confidence) == (None, None, "unpriced")
    assert row.unpriced_reason == "no_price_for_model"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_price_of_zero_on_purpose_is_free(proxy: Proxy, row_of: RowOf, stream: bool) -> None:
    """A model on one's own machine costs 0 because its config says so, and that is known."""
    row = row_of(chat(proxy, "free", FULL, stream=stream).headers[CALL_ID])
    assert (row.prompt_tokens, row.cost_nano_usd, row.cost_confidence) == (1200, 0, "free")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_negotiated_price_counts_and_is_kept(proxy: Proxy, row_of: RowOf, stream: bool) -> None:
    """gpt-4o at $2 and $7 per million, and $1.25 for cached tokens as the price map says."""
    row = row_of(chat(proxy, "negotiated", FULL, stream=stream).headers[CALL_ID])
    assert (row.provider, row.model) == ("openai", "gpt-4o")
    assert row.cost_nano_usd == nano_usd((200, "2"), (1000, "1.25"), (74, "7"))
    with Session(proxy.engine) as session:
        price = session.exec(select(PriceSnapshotRow).where(PriceSnapshotRow.price_key == row.price_key)).one()
    assert price.source == "deployment_config"
    assert '"input_cost_per_token"' in price.prices_usd


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_spoken_tokens_have_a_price_of_their_own(proxy: Proxy, row_of: RowOf, stream: bool) -> None:
    """gpt-audio costs $2.50 and $10 for text, $32 and $64 for speech, per million tokens."""
    usage = marker(prompt=1200, audio_in=900, completion=74, audio_out=50)
    row = row_of(chat(proxy, "openai/gpt-audio", usage, stream=stream).headers[CALL_ID])
    assert categories(row) == {"input_uncached": 300, "input_audio": 900, "output_text": 24, "output_audio": 50}
    assert row.cost_nano_usd == nano_usd((300, "2.50"), (900, "32"), (24, "10"), (50, "64"))
    assert row.cost_confidence == "exact"


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (marker(prompt=200_000, completion=74), nano_usd((200_000, "1.25"), (74, "10"))),
        (
            marker(prompt=200_001, cached=1000, completion=74),
            nano_usd((199_001, "2.50"), (1000, "0.25"), (74, "15")),
        ),
    ],
    ids=["at the threshold", "above it"],
)
def test_a_long_prompt_has_dearer_prices(proxy: Proxy, row_of: RowOf, usage: str, cost: int) -> None:
    """gemini-2.5-pro charges all tokens of a call more once its prompt is longer than 200,000."""
    row = row_of(chat(proxy, "gemini/gemini-2.5-pro", usage).headers[CALL_ID])
    assert (row.cost_nano_usd, row.cost_confidence, row.adjustment_nano_usd) == (cost, "exact", 0)


def test_an_answer_without_usage_has_no_tokens_and_no_cost(proxy: Proxy, row_of: RowOf) -> None:
    """LiteLLM reports 0 tokens and $0; the provider said nothing of the kind."""
    row = row_of(chat(proxy, "chat", marker(silent=1)).headers[CALL_ID])
    assert (row.status, row.tokens_source, row.prompt_tokens) == ("success", "none", None)
    assert (row.cost_nano_usd, row.cost_confidence) == (None, "unpriced")
    assert row.unpriced_reason == "provider_sent_no_usage"


def test_a_stream_without_usage_has_no_tokens_and_no_cost(proxy: Proxy, row_of: RowOf) -> None:
    """LiteLLM asks some providers for no usage, and a provider that is not asked need not send any."""
    row = row_of(chat(proxy, "cerebras/llama-3.3-70b", FULL, stream=True).headers[CALL_ID])
    assert (row.status, row.stream, row.tokens_source) == ("success", True, "none")
    assert (row.cost_nano_usd, row.unpriced_reason) == (None, "provider_sent_no_usage")


def _cacheable(client: httpx.Client, text: str, **extra: Any) -> httpx.Response:
    body = {"model": "chat", "messages": say(text), "cache": {"use-cache": True}, **extra}
    return client.post("/v1/chat/completions", json=body)


def _hit(proxy: Proxy, row_of: RowOf, **extra: Any) -> tuple[UsageRecord, UsageRecord]:
    """Ask the same thing twice, the second time when the first is sure to be in LiteLLM's cache."""
    text = f"{FULL} {uuid.uuid4()}"
    with http_client(proxy) as client:
        first = row_of(_cacheable(client, text, **extra).headers[CALL_ID])
        return first, row_of(_cacheable(client, text, **extra).headers[CALL_ID])


def test_an_answer_from_the_cache_costs_nothing_and_says_what_it_saved(proxy: Proxy, row_of: RowOf) -> None:
    """The second of two equal calls is its own row: no cost, and the first one's cost as saving."""
    cost = nano_usd((200, "0.15"), (1000, "0.075"), (74, "0.60"))
    first, second = _hit(proxy, row_of)
    assert (first.cache_hit, first.cost_nano_usd, first.cost_confidence) == (False, cost, "exact")
    assert (second.cache_hit, second.cost_nano_usd, second.cost_confidence) == (True, 0, "cached")
    assert second.saved_cost_nano_usd == cost
    assert categories(second) == categories(first)


def test_a_stream_from_the_cache_costs_nothing_either(proxy: Proxy, row_of: RowOf) -> None:
    """LiteLLM loses the split of a cached stream's tokens, so its saving is no more than roughly right."""
    first, second = _hit(proxy, row_of, stream=True)
    assert (first.cost_confidence, second.cost_confidence) == ("exact", "cached")
    assert (second.cache_hit, second.stream, second.cost_nano_usd) == (True, True, 0)
    assert second.saved_cost_nano_usd
    assert (second.prompt_tokens, second.completion_tokens) == (1200, 74)
