"""Answers that break off, clients that go away, providers that fail, attempts that are repeated elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.proxy.scenarios.answered import ESTIMATED, STREAM
from tests.proxy.scenarios.model import (
    CLAUDE_ESTIMATE,
    CLAUDE_PLAIN,
    LEFT_AFTER_LINES,
    MINI_ESTIMATE,
    MINI_PLAIN,
    SLOW,
    SOME,
    SONNET,
    Asked,
    Expected,
    PerToken,
    Scenario,
    chat,
    messages,
    one,
    responses,
)
from tests.upstream.ask import marker

MAYBE_BILLED = "failed_after_dispatch"
FREE = Expected(
    status="failure",
    prompt_tokens=None,
    completion_tokens=None,
    tokens_source="none",
    cost_nano_usd=0,
    cost_confidence="free",
)
UNKNOWN = replace(FREE, cost_nano_usd=None, cost_confidence="unpriced", unpriced_reason=MAYBE_BILLED)
CLAUDE_SUCCESS = Expected(model=SONNET, cost_nano_usd=CLAUDE_PLAIN)
PLAIN_SUCCESS = Expected(cost_nano_usd=MINI_PLAIN)
LEFT = replace(ESTIMATED, status="interrupted", stream=True, completion_tokens=range(1, 74))
BROKEN = replace(ESTIMATED, status="failure", stream=True, completion_tokens=range(1, 74))


def plain(**wrong: Any) -> str:
    """Word a usage of 1200/74 tokens and what goes wrong."""
    return marker(prompt=1200, completion=74, **wrong)


def _leaves(asked: Asked) -> Asked:
    return replace(asked, leaves_after=LEFT_AFTER_LINES, body=asked.body | STREAM)


def _gemini_left() -> Asked:
    text = plain(**SLOW)
    body = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    path = "/v1beta/models/gemini-flash:streamGenerateContent?alt=sse"
    return Asked(path=path, body=body, leaves_after=LEFT_AFTER_LINES)


def _left() -> list[Scenario]:
    slow = plain(**SLOW)
    completion = Asked(path="/v1/completions", body={"model": "complete", "prompt": slow})
    passed = Asked(path="/pass/openai/v1/chat/completions", body=chat(slow, "gpt-4o-mini").body)
    of_claude: dict[str, Any] = {"model": SONNET, "cost_nano_usd": CLAUDE_ESTIMATE}
    messages_left = replace(LEFT, call_type="anthropic_messages")
    return [
        one("chat_stream_client_disconnect", _leaves(chat(slow)), LEFT),
        one(
            "chat_nonstream_client_disconnect",
            replace(chat(plain(delay_ms=1200)), gives_up_after_s=0.4, answers=0),
            PLAIN_SUCCESS,
        ),
        one(
            "messages_anthropic_stream_client_disconnect",
            _leaves(messages(slow)),
            replace(messages_left, **of_claude, prompt_tokens=1200),
        ),
        one("responses_stream_client_disconnect", _leaves(responses(slow)), replace(LEFT, call_type="aresponses")),
        one("messages_to_openai_stream_client_disconnect", _leaves(messages(slow, "chat")), messages_left),
        one(
            "gemini_native_stream_client_disconnect",
            _gemini_left(),
            replace(
                LEFT,
                call_type="agenerate_content_stream",
                model="gemini-2.5-flash",
                completion_tokens=range(1200),
                cost_nano_usd=PerToken("0.30", "2.50"),
            ),
        ),
        one(
            "text_completion_stream_client_disconnect",
            _leaves(completion),
            replace(
                LEFT,
                call_type="atext_completion",
                model="gpt-3.5-turbo-instruct",
                completion_tokens=range(1200),
                cost_nano_usd=PerToken("1.50", "2.00"),
            ),
        ),
        one(
            "passthrough_stream_client_disconnect",
            _leaves(passed),
            replace(
                LEFT,
                call_type="pass_through_endpoint",
            ),
        ),
    ]


def _dropped() -> list[Scenario]:
    paced: dict[str, Any] = {"chunks": 20, "chunk_delay_ms": 30}
    early = chat(plain(drop_after=1), **STREAM)
    first = replace(chat(plain(drop_after=0), **STREAM), answers=500)
    before_words = replace(
        BROKEN,
        prompt_tokens=SOME,
        completion_tokens=range(74),
        cost_nano_usd=MINI_ESTIMATE,
        cost_confidence="estimated",
    )
    taken_over = replace(before_words, is_terminal=False, prompt_tokens=1200, completion_tokens=0)
    claude: dict[str, Any] = {"model": SONNET, "cost_nano_usd": CLAUDE_ESTIMATE}
    of_messages = replace(BROKEN, call_type="anthropic_messages", **claude, prompt_tokens=1200)
    return [
        one("chat_stream_upstream_drop", chat(plain(drop_after=10, **paced), **STREAM), BROKEN),
        one("chat_stream_upstream_dropearly", replace(early, answers=None), before_words),
        one("chat_stream_upstream_dropfirst", first, before_words),
        one(
            "chat_stream_upstream_drop_with_fallback",
            chat(plain(drop_after=0, at="openai"), "primary", **STREAM),
            taken_over,
            replace(CLAUDE_SUCCESS, stream=True),
            served=2,
        ),
        one("chat_nonstream_upstream_drop", replace(chat(plain(drop=1)), answers=500), UNKNOWN, served=2),
        one("chat_malformed_body", replace(chat(plain(garble=1)), answers=500), UNKNOWN, served=2),
        one("messages_anthropic_stream_drop", messages(plain(drop_after=6, **paced), **STREAM), of_messages),
        one("messages_anthropic_stream_inline_error", messages(plain(error_after=6, **paced), **STREAM), of_messages),
        one(
            "chat_to_anthropic_stream_inline_error",
            chat(plain(error_after=6, **paced), "claude", **STREAM),
            replace(BROKEN, **claude, prompt_tokens=1200),
        ),
        one(
            "responses_stream_drop",
            responses(plain(drop_after=8, **paced), **STREAM),
            replace(BROKEN, call_type="aresponses"),
        ),
    ]


def _failing(name: str, status: int, *, served: int = 1, **wrong: Any) -> Scenario:
    return one(name, replace(chat(plain(fail=status, **wrong)), answers=status), FREE, served=served)


def _failed() -> list[Scenario]:
    failed_messages = replace(FREE, call_type="anthropic_messages", model=SONNET)
    hasty = replace(chat(plain(delay_ms=3000), "hasty"), answers=408)
    no_retry = replace(chat(plain(fail=429), num_retries=0), answers=429)
    return [
        _failing("all_retries_fail_429", 429, served=2),
        _failing("all_retries_fail_500", 500, served=2),
        _failing("upstream_400", 400),
        _failing("upstream_401", 401, served=2),
        one("upstream_timeout", hasty, replace(UNKNOWN), served=None),
        one("chat_disable_retries", no_retry, FREE),
        one("messages_anthropic_429", replace(messages(plain(fail=429)), answers=429), failed_messages, served=2),
        one(
            "passthrough_error_500",
            Asked(path="/pass/openai/v1/chat/completions", body=chat(plain(fail=500), "gpt-4o-mini").body, answers=500),
            replace(FREE, call_type="pass_through_endpoint"),
        ),
    ]


def _repeated() -> list[Scenario]:
    once, dead = plain(fail=429, times=1), plain(fail=500, at="openai")
    streamed = replace(CLAUDE_SUCCESS, stream=True)
    all_dead = replace(chat(plain(fail=500), "primary"), answers=500)
    pool = chat(plain(fail=500, times=1, at="azure"), "pool")
    return [
        one("retry_429_then_success", chat(once), PLAIN_SUCCESS, served=2),
        one("retry_429_then_success_stream", chat(once, **STREAM), replace(PLAIN_SUCCESS, stream=True), served=2),
        one("fallback_other_group", chat(dead, "primary"), CLAUDE_SUCCESS, served=3),
        one("fallback_other_group_stream", chat(dead, "primary", **STREAM), streamed, served=3),
        one("fallback_all_dead", all_dead, FREE, served=4),
        one("client_side_fallbacks", chat(dead, fallbacks=["claude"]), CLAUDE_SUCCESS, served=3),
        Scenario(name="pool_mixed", asked=(pool,) * 4, rows=(PLAIN_SUCCESS,) * 4, served=None),
    ]


SCENARIOS: list[Scenario] = [*_left(), *_dropped(), *_failed(), *_repeated()]
