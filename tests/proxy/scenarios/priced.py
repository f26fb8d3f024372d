"""Prices that are not in the map, and answers that need none: unknown, agreed, free, cached, passed through."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from tests.proxy.hand import nano_usd
from tests.proxy.scenarios.answered import CHAT, CLAUDE_CHAT, NO_USAGE, STREAM
from tests.proxy.scenarios.broken import PLAIN_SUCCESS
from tests.proxy.scenarios.model import (
    CLAUDE_PLAIN,
    FULL,
    GEMINI,
    PLAIN,
    SONNET,
    WRITES,
    Asked,
    Expected,
    Scenario,
    chat,
    messages,
    one,
    responses,
)

UNPRICED = replace(
    CHAT, cost_nano_usd=None, cost_confidence="unpriced", unpriced_reason="no_price_for_model", model="made-in-house"
)
PASSED = replace(CHAT, call_type="pass_through_endpoint")
CLAUDE_PASSED = replace(CLAUDE_CHAT, call_type="pass_through_endpoint")
HIT = replace(CHAT, cost_nano_usd=0, cost_confidence="cached")


def _prices() -> list[Scenario]:
    agreed = replace(CHAT, model="gpt-4o", cost_nano_usd=nano_usd((176, "2"), (1024, "0.5"), (74, "7")))
    uncached = replace(CHAT, model="house-model", cost_nano_usd=nano_usd((1200, "2"), (74, "7")))
    free = replace(CHAT, model="our-own-gpu", cost_nano_usd=0, cost_confidence="free")
    wildcard = replace(UNPRICED, model="nobody-knows-it")
    streamed: dict[str, Any] = {"stream": True}
    return [
        one("unknown_priced", chat(model="unlisted"), UNPRICED),
        one("unknown_priced_stream", chat(model="unlisted", **STREAM), replace(UNPRICED, **streamed)),
        one("unknown_priced_wildcard", chat(model="openai/nobody-knows-it"), wildcard),
        one("custom_priced", chat(model="agreed"), agreed),
        one("custom_priced_stream", chat(model="agreed", **STREAM), replace(agreed, **streamed)),
        one("custom_priced_model_info", chat(model="agreed-info"), uncached),
        one("custom_priced_zero", chat(model="free"), free),
    ]


def _several() -> list[Scenario]:
    claude = Expected(model=SONNET, cost_nano_usd=CLAUDE_PLAIN)
    two = chat(PLAIN, "chat,claude")
    fastest = chat(PLAIN, "chat,claude", fastest_response=True)
    answered, other = PLAIN_SUCCESS, replace(claude, is_terminal=False)
    # Whichever LiteLLM reports first stands for the request.
    turned = (replace(answered, is_terminal=False), claude)
    return [
        Scenario(name="batch_completions_multi_model", asked=(two,), rows=(answered, other), or_rows=turned, served=2),
        Scenario(name="fastest_response", asked=(fastest,), rows=(answered, other), served=2),
    ]


def _cached() -> list[Scenario]:
    said: dict[str, Any] = {"cache": {"use-cache": True}}
    whole = chat(f"{FULL} {uuid.uuid4()}", **said)
    streamed = chat(f"{FULL} {uuid.uuid4()}", **said, **STREAM)
    stream = replace(CHAT, stream=True)
    return [
        Scenario(name="cache_chat_nonstream_hit", asked=(whole, whole), rows=(CHAT, HIT)),
        Scenario(name="cache_chat_stream_hit", asked=(streamed, streamed), rows=(stream, replace(HIT, stream=True))),
    ]


def _pass(provider_path: str, body: dict[str, Any]) -> Asked:
    return Asked(path=provider_path, body=body)


def _passed() -> list[Scenario]:
    openai = chat(model="gpt-4o-mini").body
    with_usage = openai | STREAM | {"stream_options": {"include_usage": True}}
    anthropic = messages(WRITES, SONNET).body
    built_in = Asked(path="/anthropic/v1/messages", body=anthropic, headers={"anthropic-version": "2023-06-01"})
    gemini = {"contents": [{"role": "user", "parts": [{"text": FULL}]}]}
    chats, claude, google = (
        "/pass/openai/v1/chat/completions",
        "/pass/anthropic/v1/messages",
        "/pass/gemini/v1beta/models/gemini-2.5-flash:generateContent",
    )
    streamed, claude_streamed = replace(PASSED, stream=True), replace(CLAUDE_PASSED, stream=True)
    to_responses = responses(FULL, "gpt-4o-mini").body
    silent = replace(NO_USAGE, call_type="pass_through_endpoint", stream=True)
    flash = replace(PASSED, model="gemini-2.5-flash", cost_nano_usd=GEMINI)
    command = replace(PASSED, model="command-a-03-2025", cost_nano_usd=nano_usd((1200, "2.50"), (74, "10")))
    cohere = {"model": "command-a-03-2025", "messages": chat(PLAIN).body["messages"]}
    return [
        one("passthrough_openai_chat", _pass(chats, openai), PASSED),
        one("passthrough_openai_chat_stream", _pass(chats, with_usage), streamed),
        one("passthrough_openai_chat_stream_no_usage", _pass(chats, openai | STREAM), silent),
        one(
            "passthrough_openai_responses",
            _pass("/pass/openai/v1/responses", to_responses),
            PASSED,
        ),
        one("passthrough_anthropic", _pass(claude, anthropic), CLAUDE_PASSED),
        one("passthrough_anthropic_stream", _pass(claude, anthropic | STREAM), claude_streamed),
        one("passthrough_gemini", _pass(google, gemini), flash),
        one("passthrough_cohere", _pass("/pass/cohere/v2/chat", cohere), command),
        one(
            "passthrough_generic_cost_per_request",
            _pass("/pass/flat", openai),
            replace(PASSED, cost_nano_usd=250_000_000),
        ),
        one("passthrough_noauth", replace(_pass("/pass/open/v1/chat/completions", openai), key=""), PASSED),
        one("passthrough_builtin_anthropic", built_in, CLAUDE_PASSED),
        one("passthrough_builtin_anthropic_stream", replace(built_in, body=anthropic | STREAM), claude_streamed),
    ]


def _ids() -> list[Scenario]:
    same = replace(chat(), headers={"x-litellm-call-id": str(uuid.uuid4())})
    return [Scenario(name="client_supplied_call_id", asked=(same, same), rows=(CHAT, CHAT), served=2)]


SCENARIOS: list[Scenario] = [*_prices(), *_several(), *_cached(), *_passed(), *_ids()]
