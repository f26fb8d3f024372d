"""OpenAI's ``/v1/chat/completions``, whole and streamed, as documented; compatible providers are checked less strictly.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import ConfigDict, Field

from tests.upstream.openai_manners import OPENAI, chat_usage
from tests.upstream.wire import (
    Body,
    Call,
    Dialect,
    Json,
    Lenient,
    RefusalError,
    checked,
    data,
    receive,
    streamed,
    words,
)

router = APIRouter()
STRICT = {"openai", "azure"}
UNASKED_USAGE = {"mistral", "codestral", "perplexity"}


class Message(Lenient):
    """One turn."""

    role: Literal["developer", "system", "user", "assistant", "tool", "function"]
    content: str | list[dict[str, Any]] | None = None


class StreamOptions(Body):
    """What a stream shall hold besides text."""

    include_usage: bool = False
    include_obfuscation: bool = True


class CompatibleChat(Lenient):
    """What every compatible provider needs."""

    model: str = Field(min_length=1)
    messages: list[Message] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int | None = Field(default=None, ge=1, le=128)
    tools: list[dict[str, Any]] | None = None


class Chat(CompatibleChat):
    """All that OpenAI's documentation names."""

    model_config = ConfigDict(extra="forbid")

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stop: str | list[str] | None = None
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    seed: int | None = None
    user: str | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    modalities: list[Literal["text", "audio"]] | None = None
    audio: dict[str, Any] | None = None
    prediction: dict[str, Any] | None = None
    service_tier: str | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = Field(default=None, max_length=16)
    web_search_options: dict[str, Any] | None = None
    prompt_cache_key: str | None = None
    safety_identifier: str | None = None
    verbosity: str | None = None


@router.post("/{provider}/v1/chat/completions")
async def chat(provider: str, request: Request) -> Response:
    """Answer a chat call of OpenAI or of a compatible provider."""
    return answer(await receive(request, provider, OPENAI), OPENAI)


def answer(call: Call, dialect: Dialect) -> Response:
    """Check the body and answer it whole or as a stream."""
    shape = Chat if call.provider in STRICT else CompatibleChat
    chat = checked(call, dialect, shape)
    if chat.stream:
        return streamed(_events(call, chat), call.ask, error=data(dialect.shape_error(500, "The server had an error")))
    if chat.stream_options is not None and call.provider in STRICT:
        raise RefusalError(dialect, 400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
    return JSONResponse(_whole(call, chat))


def _head(kind: str, model: str) -> Json:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": model}


def _whole(call: Call, chat: CompatibleChat) -> Json:
    said = {"role": "assistant", "refusal": None, **_said(call, chat)}
    ended = {"message": said, "logprobs": None, "finish_reason": _reason(chat)}
    usage = chat_usage(call.ask, call.provider)
    choices = [{"index": number} | ended for number in range(chat.n or 1)]
    ending: Json = {"choices": choices, "service_tier": "default"} | ({"usage": usage} if usage else {})
    return _head("chat.completion", chat.model) | ending


def _said(call: Call, chat: CompatibleChat) -> Json:
    return {"content": None, "tool_calls": _tool_calls(chat)} if chat.tools else {"content": "".join(words(call.ask))}


def _tool_calls(chat: CompatibleChat) -> list[Json]:
    """Call the first of the tools that were offered."""
    name = (chat.tools or [{}])[0].get("function", {}).get("name", "tool")
    return [{"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": "{}"}}]


def _reason(chat: CompatibleChat) -> str:
    return "tool_calls" if chat.tools else "stop"


def _events(call: Call, chat: CompatibleChat) -> Iterator[str]:
    """OpenAI sends usage in a chunk of its own without choices, and only if asked; others in their last chunk."""
    head = _head("chat.completion.chunk", chat.model)
    asked = chat.stream_options is not None and chat.stream_options.include_usage
    null_usage = {"usage": None} if asked else {}
    for number, delta in enumerate(_deltas(call, chat)):
        opening = {"role": "assistant"} if number == 0 else {}
        yield data(head | {"choices": _choices(chat, opening | delta, None)} | null_usage)
    usage = chat_usage(call.ask, call.provider)
    last = head | {"choices": _choices(chat, {}, _reason(chat))}
    if call.provider in UNASKED_USAGE:
        yield data(last | {"usage": usage})
    else:
        yield data(last | null_usage)
        if asked and usage:
            yield data(head | {"choices": [], "usage": usage})
    yield "data: [DONE]\n\n"


def _deltas(call: Call, chat: CompatibleChat) -> list[Json]:
    return [{"tool_calls": _tool_calls(chat)}] if chat.tools else [{"content": word} for word in words(call.ask)]


def _choices(chat: CompatibleChat, delta: Json, finish_reason: str | None) -> list[Json]:
    ended = {"delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return [{"index": number} | ended for number in range(chat.n or 1)]
