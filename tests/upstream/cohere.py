"""Cohere's ``/v2/chat``, ``/v2/embed`` and ``/v1|v2/rerank``: tokens and billed units side by side.

Source: https://docs.cohere.com/reference/chat, .../embed and .../rerank
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from tests.upstream.openai_embeddings import VECTOR
from tests.upstream.wire import Body, Call, Dialect, Json, Lenient, bearer, checked, named, receive, streamed, words

router = APIRouter(prefix="/cohere")


def _error(status: int, message: str) -> Json:
    return {"id": "req-1", "message": message}


COHERE = Dialect(has_key=bearer, shape_error=_error)


class Message(Lenient):
    """One turn."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None


class Chat(Lenient):
    """The fields that decide the answer."""

    model: str = Field(min_length=1)
    messages: list[Message] = Field(min_length=1)
    stream: bool = False


class Embed(Body):
    """All that the documentation names."""

    model: str = Field(min_length=1)
    input_type: Literal["search_document", "search_query", "classification", "clustering", "image"]
    texts: list[str] | None = None
    images: list[str] | None = None
    inputs: list[dict[str, Any]] | None = None
    embedding_types: list[str] | None = None
    output_dimension: int | None = None
    max_tokens: int | None = None
    truncate: str | None = None


class Rerank(Lenient):
    """The fields that decide the answer."""

    model: str = Field(min_length=1)
    query: str = Field(min_length=1)
    documents: list[str | dict[str, Any]] = Field(min_length=1)
    top_n: int | None = None


@router.post("/v2/chat")
async def chat(request: Request) -> Response:
    """Answer a chat call."""
    call = await receive(request, "cohere", COHERE)
    wanted = checked(call, COHERE, Chat)
    if wanted.stream:
        if "text/event-stream" in request.headers.get("accept", ""):
            return streamed(map(named, _events(call)), call.ask)
        return streamed((json.dumps(event) + "\n" for event in _events(call)), call.ask, "application/stream+json")
    message = {"role": "assistant", "content": [{"type": "text", "text": "".join(words(call.ask))}]}
    return JSONResponse({"id": "c-1", "finish_reason": "COMPLETE", "message": message, "usage": _usage(call)})


def _usage(call: Call) -> Json:
    counts = {"input_tokens": call.ask.prompt, "output_tokens": call.ask.completion}
    return {"billed_units": counts, "tokens": counts}


def _events(call: Call) -> Iterator[Json]:
    start = {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}
    yield {"type": "message-start", "id": "c-1", "delta": start}
    yield _content("start", {"type": "text", "text": ""})
    for word in words(call.ask):
        yield _content("delta", {"text": word})
    yield {"type": "content-end", "index": 0}
    yield {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": _usage(call)}}


def _content(step: str, content: Json) -> Json:
    return {"type": f"content-{step}", "index": 0, "delta": {"message": {"content": content}}}


@router.post("/v2/embed")
async def embed(request: Request) -> Response:
    """Embed each text as the same short vector."""
    call = await receive(request, "cohere", COHERE)
    wanted = checked(call, COHERE, Embed)
    return JSONResponse(embedding(wanted.texts or [], call))


def embedding(texts: list[str], call: Call) -> Json:
    """Word an answer with vectors by type."""
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": call.ask.prompt}}
    vectors = {"float": [list(VECTOR)] * len(texts)}
    return {"id": "e-1", "response_type": "embeddings_by_type", "embeddings": vectors, "texts": texts, "meta": meta}


@router.post("/v1/rerank")
@router.post("/v2/rerank")
async def rerank(request: Request) -> Response:
    """Rank the documents as they came, billed in search units."""
    call = await receive(request, "cohere", COHERE)
    wanted = checked(call, COHERE, Rerank)
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": call.ask.search_units}}
    return JSONResponse({"id": "r-1", "results": ranking(wanted), "meta": meta})


def ranking(wanted: Rerank) -> list[Json]:
    """Score the documents in the order they came."""
    count = min(wanted.top_n or len(wanted.documents), len(wanted.documents))
    return [{"index": number, "relevance_score": 1 / (number + 1)} for number in range(count)]
