"""Anthropic's ``/v1/messages``, whole and streamed, with cache reads and both lifetimes of cache writes.

Source: https://docs.anthropic.com/en/api/messages and .../messages-streaming
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from tests.upstream.ask import Ask
from tests.upstream.wire import (
    Body,
    Call,
    Dialect,
    Json,
    Lenient,
    RefusalError,
    bearer,
    checked,
    header_key,
    named,
    receive,
    streamed,
    words,
)

router = APIRouter()
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def _error(status: int, message: str) -> Json:
    kind = _KINDS.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def _has_key(request: Request) -> bool:
    """Older clients send a header of Anthropic's own, newer ones a bearer token."""
    return header_key("x-api-key")(request) or bearer(request)


ANTHROPIC = Dialect(has_key=_has_key, shape_error=_error)


class Message(Lenient):
    """One turn; the system prompt is not one of them."""

    role: Literal["user", "assistant"]
    content: str | list[dict[str, Any]]


class Messages(Body):
    """All that the documentation names."""

    model: str = Field(min_length=1)
    max_tokens: int = Field(ge=1)
    messages: list[Message] = Field(min_length=1)
    system: str | list[dict[str, Any]] | None = None
    stream: bool = False
    metadata: dict[str, str | None] | None = None
    temperature: float | None = Field(default=None, ge=0, le=1)
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: dict[str, Any] | None = None
    thinking: dict[str, Any] | None = None
    service_tier: str | None = None
    container: str | None = None
    mcp_servers: list[dict[str, Any]] | None = None


@router.post("/anthropic/v1/messages")
async def messages(request: Request) -> Response:
    """Answer a messages call."""
    call = await receive(request, "anthropic", ANTHROPIC)
    if not request.headers.get("anthropic-version"):
        raise RefusalError(ANTHROPIC, 400, "anthropic-version: header is required")
    wanted = checked(call, ANTHROPIC, Messages)
    if wanted.stream:
        return streamed(events(call, wanted.model), call.ask, error=named(_error(529, "Overloaded")))
    return JSONResponse(whole(call, wanted.model))


def _input_usage(ask: Ask) -> Json:
    return {
        "input_tokens": ask.fresh,
        "cache_read_input_tokens": ask.cached,
        "cache_creation_input_tokens": ask.write,
        "cache_creation": {"ephemeral_5m_input_tokens": ask.write_5m, "ephemeral_1h_input_tokens": ask.write_1h},
        "service_tier": "standard",
    }


def whole(call: Call, model: str) -> Json:
    """Word the complete message."""
    text = [{"type": "text", "text": "".join(words(call.ask))}]
    usage = _input_usage(call.ask) | {"output_tokens": call.ask.completion}
    return _message(model) | {"content": text, "stop_reason": "end_turn", "usage": usage}


def _message(model: str) -> Json:
    head = {"id": f"msg_{uuid.uuid4().hex}", "type": "message", "role": "assistant", "model": model}
    return head | {"content": [], "stop_reason": None, "stop_sequence": None}


def events(call: Call, model: str) -> Iterator[str]:
    """Word the stream: input usage stands in its first event, output usage in the last but one."""
    usage = _input_usage(call.ask) | {"output_tokens": 1}
    yield named({"type": "message_start", "message": _message(model) | {"usage": usage}})
    yield named({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    yield named({"type": "ping"})
    for word in words(call.ask):
        yield named({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}})
    yield named({"type": "content_block_stop", "index": 0})
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    yield named({"type": "message_delta", "delta": ending, "usage": {"output_tokens": call.ask.completion}})
    yield named({"type": "message_stop"})
