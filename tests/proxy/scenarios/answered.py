"""Calls that are answered, on each route and by each provider: whole and streamed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.proxy.hand import nano_usd
from tests.proxy.scenarios.model import (
    CLAUDE,
    FULL,
    GEMINI,
    MINI,
    MINI_ESTIMATE,
    PLAIN,
    SOME,
    SONNET,
    Asked,
    Expected,
    Scenario,
    chat,
    messages,
    one,
    responses,
)
from tests.upstream.ask import marker

STREAM: dict[str, Any] = {"stream": True}
CHAT = Expected()
CLAUDE_CHAT = Expected(model=SONNET, prompt_tokens=2600, completion_tokens=42, cost_nano_usd=CLAUDE)
MESSAGES = replace(CLAUDE_CHAT, call_type="anthropic_messages")
RESPONSES = Expected(call_type="aresponses")
GEMINI_CHAT = Expected(model="gemini-2.5-flash", cost_nano_usd=GEMINI)
DEEPSEEK = Expected(model="deepseek-chat", cost_nano_usd=nano_usd((176, "0.28"), (1024, "0.028"), (74, "0.42")))
MISTRAL = Expected(model="mistral-large-latest", cost_nano_usd=nano_usd((1200, "0.50"), (74, "1.50")))
NO_USAGE = Expected(
    prompt_tokens=None,
    completion_tokens=None,
    tokens_source="none",
    cost_nano_usd=None,
    cost_confidence="unpriced",
    unpriced_reason="provider_sent_no_usage",
)
ESTIMATED = Expected(
    prompt_tokens=SOME,
    completion_tokens=SOME,
    tokens_source="estimated",
    cost_nano_usd=MINI_ESTIMATE,
    cost_confidence="estimated",
)
TOOLS: dict[str, Any] = {
    "tools": [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
}
NO_LOG: dict[str, Any] = {"no-log": True}
WHO = {"x-litellm-tags": "feature:search", "x-litellm-end-user-id": "customer-7"}
WRITES_ON_CHAT = marker(prompt=2600, cached=2000, write_5m=400, write_1h=100, completion=42)


def _both(name: str, asked: Asked, row: Expected) -> list[Scenario]:
    whole, streamed = f"{name}_nonstream", f"{name}_stream"
    return [
        one(whole, asked, row),
        one(streamed, replace(asked, body=asked.body | STREAM), replace(row, stream=True)),
    ]


def _gemini(method: str) -> Asked:
    body = {"contents": [{"role": "user", "parts": [{"text": f"Hello {FULL}"}]}]}
    query = "?alt=sse" if method.startswith("stream") else ""
    return Asked(path=f"/v1beta/models/gemini-flash:{method}{query}", body=body)


def _native(row: Expected) -> list[Scenario]:
    whole = replace(row, call_type="agenerate_content")
    streamed = replace(row, call_type="agenerate_content_stream", stream=True)
    return [
        one("gemini_native_generate", _gemini("generateContent"), whole),
        one("gemini_native_stream", _gemini("streamGenerateContent"), streamed),
    ]


def _units() -> list[Scenario]:
    file = {"file": ("speech.mp3", b"ID3" + bytes(64), "audio/mpeg")}
    nothing = Expected(prompt_tokens=None, completion_tokens=None, tokens_source="none")
    form = "/v1/audio/transcriptions"
    return [
        one(
            "embeddings",
            Asked(path="/v1/embeddings", body={"model": "embed", "input": marker(prompt=14)}),
            Expected(
                call_type="aembedding",
                model="text-embedding-3-small",
                prompt_tokens=14,
                completion_tokens=0,
                cost_nano_usd=nano_usd((14, "0.02")),
            ),
        ),
        one(
            "image_generation",
            Asked(path="/v1/images/generations", body={"model": "image", "prompt": marker(prompt=50, completion=4160)}),
            Expected(
                call_type="aimage_generation",
                model="gpt-image-1",
                prompt_tokens=50,
                completion_tokens=4160,
                cost_nano_usd=nano_usd((50, "5"), (4160, "40")),
            ),
        ),
        one(
            "image_generation_dalle",
            Asked(path="/v1/images/generations", body={"model": "openai/dall-e-3", "prompt": PLAIN}),
            replace(NO_USAGE, call_type="aimage_generation", model="dall-e-3", unpriced_reason="no_price_for_model"),
        ),
        one(
            "transcription_whisper",
            Asked(path=form, body={"model": "whisper", "prompt": marker(seconds=3.5)}, files=file),
            replace(nothing, call_type="atranscription", model="whisper-1", cost_nano_usd=350_000),
        ),
        one(
            "transcription_gpt4o",
            Asked(
                path=form,
                body={"model": "transcribe", "prompt": marker(prompt=14, audio_in=10, completion=5)},
                files=file,
            ),
            Expected(
                call_type="atranscription",
                model="gpt-4o-transcribe",
                prompt_tokens=14,
                completion_tokens=5,
                cost_nano_usd=nano_usd((14, "2.50"), (5, "10")),
            ),
        ),
        one(
            "speech",
            Asked(path="/v1/audio/speech", body={"model": "speech", "input": "Read-this-aloud-slowly", "voice": "a"}),
            replace(nothing, call_type="aspeech", model="tts-1", cost_nano_usd=nano_usd((22, "15"))),
            served=None,
        ),
        one(
            "rerank",
            Asked(
                path="/v1/rerank",
                body={"model": "rerank", "query": marker(search_units=1), "documents": ["a", "b"]},
            ),
            replace(nothing, call_type="arerank", model="rerank-v3.5", cost_nano_usd=2_000_000),
        ),
        one(
            "moderation",
            Asked(path="/v1/moderations", body={"model": "moderation", "input": "I like cats"}),
            replace(
                nothing,
                call_type="amoderation",
                model="omni-moderation-latest",
                cost_nano_usd=0,
                cost_confidence="free",
            ),
            served=None,
        ),
    ]


def _completions() -> list[Scenario]:
    asked = Asked(path="/v1/completions", body={"model": "complete", "prompt": marker(prompt=5, completion=1)})
    row = Expected(
        call_type="atext_completion",
        model="gpt-3.5-turbo-instruct",
        prompt_tokens=5,
        completion_tokens=1,
        cost_nano_usd=nano_usd((5, "1.50"), (1, "2.00")),
    )
    with_usage = replace(asked, body=asked.body | STREAM | {"stream_options": {"include_usage": True}})
    silent = replace(asked, body=asked.body | STREAM)
    unknown = replace(NO_USAGE, call_type="atext_completion", model="gpt-3.5-turbo-instruct", stream=True)
    return [
        one("text_completion", asked, row),
        one("text_completion_stream_include_usage", with_usage, replace(row, stream=True)),
        one("text_completion_stream_no_usage_opt", silent, unknown),
    ]


def _chats() -> list[Scenario]:
    silent = marker(silent=1)
    with_usage = STREAM | {"stream_options": {"include_usage": True}}
    return [
        one("chat_nonstream", chat(), CHAT),
        one("chat_stream_no_usage_opt", chat(**STREAM), replace(CHAT, stream=True)),
        one("chat_stream_include_usage", chat(**with_usage), replace(CHAT, stream=True)),
        one("chat_stream_upstream_never_sends_usage", chat(silent, **STREAM), replace(ESTIMATED, stream=True)),
        one("chat_nonstream_upstream_no_usage", chat(silent), NO_USAGE),
        one("n_gt_1", chat(n=3), CHAT),
        one("n_gt_1_stream", chat(n=3, **STREAM), replace(CHAT, stream=True)),
        one("tool_calls", chat(**TOOLS), CHAT),
        one("tool_calls_stream", chat(**TOOLS, **STREAM), replace(CHAT, stream=True)),
        one("no_log_param", chat(FULL, "chat", **NO_LOG), CHAT),
        one("mock_response", chat(mock_response="made up"), CHAT),
        one("redaction_header", replace(chat(), headers={"litellm-enable-message-redaction": "true"}), CHAT),
    ]


def _attributed() -> list[Scenario]:
    body: dict[str, Any] = {"user": "customer-8", "metadata": {"tags": ["feature:search"]}}
    flat = Asked(path="/pass/openai/v1/chat/completions", body={**chat().body, "model": "gpt-4o-mini"})
    passed = replace(CHAT, call_type="pass_through_endpoint", cost_nano_usd=MINI)
    asked = [
        ("attribution_headers", chat(), CHAT),
        ("attribution_headers_stream", chat(**STREAM), replace(CHAT, stream=True)),
        ("attribution_messages_headers", messages(), MESSAGES),
        ("attribution_responses_headers", responses(), RESPONSES),
        ("attribution_passthrough_headers", flat, passed),
    ]
    return [
        *(one(name, replace(call, headers=WHO), row) for name, call, row in asked),
        one("attribution_body", chat(**body), CHAT),
        one("attribution_body_tags_only", chat(tags=["feature:search"]), CHAT),
    ]


SCENARIOS: list[Scenario] = [
    *_chats(),
    *_attributed(),
    *_both("messages_anthropic", messages(), MESSAGES),
    *_both("messages_to_openai", messages(FULL, "chat"), replace(CHAT, call_type="anthropic_messages")),
    *_both("chat_to_anthropic", chat(WRITES_ON_CHAT, "claude"), CLAUDE_CHAT),
    *_both("chat_to_gemini", chat(model="gemini-flash"), GEMINI_CHAT),
    *_both("chat_to_deepseek", chat(model="deepseek"), DEEPSEEK),
    *_both("chat_to_mistral", chat(PLAIN, "mistral"), MISTRAL),
    *_native(GEMINI_CHAT),
    *_both("responses", responses(), RESPONSES),
    *_both("responses_to_anthropic", responses(WRITES_ON_CHAT, "claude"), replace(CLAUDE_CHAT, call_type="aresponses")),
    *_completions(),
    *_units(),
]
