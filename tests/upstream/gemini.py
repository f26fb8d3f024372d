"""Gemini's ``generateContent``, ``streamGenerateContent`` and embeddings, with thoughts and cached content.

Source: https://ai.google.dev/api/generate-content and https://ai.google.dev/api/embeddings
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from tests.upstream.ask import Ask
from tests.upstream.openai_embeddings import VECTOR
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
_STATES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}


def _error(status: int, message: str) -> Json:
    return {"error": {"code": status, "message": message, "status": _STATES.get(status, "INTERNAL")}}


def _has_key(request: Request) -> bool:
    key = request.headers.get("x-goog-api-key") or request.query_params.get("key")
    return key not in {None, "", "wrong-key"}


GEMINI = Dialect(has_key=_has_key, shape_error=_error)


class Content(Lenient):
    """One turn."""

    parts: list[dict[str, Any]] = Field(min_length=1)
    role: Literal["user", "model", "function"] | None = None


class Generate(Body):
    """All that the documentation names; protobuf reads both spellings."""

    model: str | None = None
    contents: list[Content] = Field(min_length=1)
    tools: list[dict[str, Any]] | None = None
    tool_config: dict[str, Any] | None = Field(default=None, alias="toolConfig")
    safety_settings: list[dict[str, Any]] | None = Field(default=None, alias="safetySettings")
    system_instruction: dict[str, Any] | None = None
    system_instruction_camel: dict[str, Any] | None = Field(default=None, alias="systemInstruction")
    generation_config: dict[str, Any] | None = Field(default=None, alias="generationConfig")
    cached_content: str | None = Field(default=None, alias="cachedContent")
    labels: dict[str, str] | None = None


class Embed(Lenient):
    """One text to embed."""

    content: Content


class EmbedBatch(Lenient):
    """Several texts to embed."""

    requests: list[Embed] = Field(min_length=1)


@router.post("/gemini/{version}/models/{model}:{method}")
async def call_method(version: str, model: str, method: str, request: Request) -> Response:
    """Serve a method of a model."""
    call = await receive(request, "gemini", GEMINI, stream=method.startswith("stream"), model=model)
    return serve(call, GEMINI, model, method)


def serve(call: Call, dialect: Dialect, model: str, method: str) -> Response:
    """Choose the answer by the method's name."""
    if method == "embedContent":
        checked(call, dialect, Embed)
        return JSONResponse({"embedding": {"values": VECTOR}, "usageMetadata": _input_usage(call.ask)})
    if method == "batchEmbedContents":
        wanted = checked(call, dialect, EmbedBatch)
        vectors = [{"values": VECTOR}] * len(wanted.requests)
        return JSONResponse({"embeddings": vectors, "usageMetadata": _input_usage(call.ask)})
    if method not in {"generateContent", "streamGenerateContent"}:
        raise RefusalError(dialect, 404, f"models/{model} has no method {method}")
    checked(call, dialect, Generate)
    if method == "generateContent":
        return JSONResponse(_chunk(model, "".join(words(call.ask)), "STOP", _usage(call.ask)))
    return streamed(_events(call, model), call.ask)


def _usage(ask: Ask) -> Json | None:
    if ask.silent:
        return None
    usage: Json = {
        "promptTokenCount": ask.prompt,
        "candidatesTokenCount": ask.completion - ask.reasoning,
        "totalTokenCount": ask.total,
        "promptTokensDetails": _by_modality(text=ask.prompt - ask.audio_in, audio=ask.audio_in),
    }
    if ask.reasoning:
        usage["thoughtsTokenCount"] = ask.reasoning
    if ask.cached:
        usage |= {"cachedContentTokenCount": ask.cached, "cacheTokensDetails": _by_modality(text=ask.cached, audio=0)}
    return usage


def _input_usage(ask: Ask) -> Json:
    return {"promptTokenCount": ask.prompt, "promptTokensDetails": _by_modality(text=ask.prompt, audio=0)}


def _by_modality(text: int, audio: int) -> list[Json]:
    named = (("TEXT", text), ("AUDIO", audio))
    return [{"modality": modality, "tokenCount": count} for modality, count in named if count]


def _chunk(model: str, text: str, finish_reason: str | None, usage: Json | None) -> Json:
    candidate: Json = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    if finish_reason:
        candidate["finishReason"] = finish_reason
    head: Json = {"candidates": [candidate], "modelVersion": model, "responseId": "resp-1"}
    return head | ({"usageMetadata": usage} if usage else {})


def _events(call: Call, model: str) -> Iterator[str]:
    """Gemini repeats the growing usage in each chunk; the last one counts."""
    texts = words(call.ask)
    for number, word in enumerate(texts):
        last = number == len(texts) - 1
        yield data(_chunk(model, word, "STOP" if last else None, _usage(call.ask)))
