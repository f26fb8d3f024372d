"""Anthropic's own SDK against the running proxy, before Anthropic and before another provider."""

from __future__ import annotations

import anthropic
import pytest

from tests.proxy.clients import CALL_ID
from tests.proxy.conftest import RowOf
from tests.proxy.hand import categories, check_sums, nano_usd
from tests.upstream.ask import marker

pytestmark = pytest.mark.proxy

# Anthropic reports 100 input, 2000 read from and 500 written to its cache, apart from each other.
USAGE = marker(prompt=2600, cached=2000, write_5m=400, write_1h=100, completion=42)
CATEGORIES = {
    "input_uncached": 100,
    "input_cache_read": 2000,
    "input_cache_write_5m": 400,
    "input_cache_write_1h": 100,
    "output_text": 42,
}
# claude-sonnet-4-5: $3 in, $0.30 cache read, $3.75 and $6 cache writes for 5 minutes and 1 hour, $15 out.
COST = nano_usd((100, "3"), (2000, "0.30"), (400, "3.75"), (100, "6"), (42, "15"))


def test_a_message_is_one_row_with_both_lifetimes_of_cache_writes(
    anthropic_sdk: anthropic.Anthropic, row_of: RowOf
) -> None:
    """Cache reads and both kinds of cache writes have prices of their own."""
    raw = anthropic_sdk.messages.with_raw_response.create(
        model="claude", max_tokens=50, messages=[{"role": "user", "content": f"Hello {USAGE}"}]
    )
    row = row_of(raw.headers[CALL_ID])
    assert (row.call_type, row.stream, row.status) == ("anthropic_messages", False, "success")
    assert (row.provider, row.model) == ("anthropic", "claude-sonnet-4-5-20250929")
    assert (row.model_group, row.requested_model) == ("claude", "claude")
    assert categories(row) == CATEGORIES
    check_sums(row)
    assert (row.cost_nano_usd, row.cost_confidence) == (COST, "exact")


def test_a_streamed_message_is_counted_from_its_first_and_last_events(
    anthropic_sdk: anthropic.Anthropic, row_of: RowOf
) -> None:
    """Anthropic reports input in ``message_start`` and output in ``message_delta``."""
    slow = marker(prompt=2600, cached=2000, write_5m=400, write_1h=100, completion=42, chunk_delay_ms=20)
    raw = anthropic_sdk.messages.with_raw_response.create(
        model="claude", max_tokens=50, stream=True, messages=[{"role": "user", "content": f"Hello {slow}"}]
    )
    assert [event.type for event in raw.parse()][-1] == "message_stop"
    row = row_of(raw.headers[CALL_ID])
    assert (row.call_type, row.stream, row.status) == ("anthropic_messages", True, "success")
    assert categories(row) == CATEGORIES
    assert (row.cost_nano_usd, row.cost_confidence) == (COST, "exact")
    assert row.ttft_ms is not None
    assert row.latency_ms is not None
    assert 20 <= row.ttft_ms < row.latency_ms


@pytest.mark.parametrize("stream", [False, True])
def test_a_message_answered_by_another_provider_names_that_provider(
    anthropic_sdk: anthropic.Anthropic, row_of: RowOf, stream: bool
) -> None:
    """LiteLLM translates ``/v1/messages`` for any provider; the row says who was paid."""
    usage = marker(prompt=1200, cached=1024, completion=74, reasoning=64)
    raw = anthropic_sdk.messages.with_raw_response.create(
        model="chat", max_tokens=50, stream=stream, messages=[{"role": "user", "content": f"Hello {usage}"}]
    )
    if stream:
        list(raw.parse())
    row = row_of(raw.headers[CALL_ID])
    assert (row.provider, row.model, row.stream) == ("openai", "gpt-4o-mini", stream)
    assert (row.prompt_tokens, row.completion_tokens, row.input_cache_read_tokens) == (1200, 74, 1024)
    assert row.cost_nano_usd == nano_usd((176, "0.15"), (1024, "0.075"), (74, "0.60"))
