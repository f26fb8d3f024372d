"""Bedrock's ``converse``, ``converse-stream`` (binary event stream) and ``invoke`` of its embedders.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from tests.upstream.ask import Ask
from tests.upstream.cohere import embedding
from tests.upstream.event_stream import frame
from tests.upstream.openai_embeddings import VECTOR
from tests.upstream.wire import Body, Call, Dialect, Json, Lenient, checked, receive, streamed, words

router = APIRouter(prefix="/bedrock")


def _error(status: int, message: str) -> Json:
    return {"message": message}


def _is_signed(request: Request) -> bool:
    return "Credential=AKIDEXAMPLE/" in request.headers.get("authorization", "")


BEDROCK = Dialect(has_key=_is_signed, shape_error=_error)


class Message(Body):
    """One turn."""

    role: Literal["user", "assistant"]
    content: list[dict[str, Any]] = Field(min_length=1)


class Converse(Body):
    """All that the documentation names."""

    messages: list[Message] = Field(min_length=1)
    system: list[dict[str, Any]] | None = None
    inference_config: dict[str, Any] | None = Field(default=None, alias="inferenceConfig")
    tool_config: dict[str, Any] | None = Field(default=None, alias="toolConfig")
    guardrail_config: dict[str, Any] | None = Field(default=None, alias="guardrailConfig")
    additional_fields: dict[str, Any] | None = Field(default=None, alias="additionalModelRequestFields")
    additional_paths: list[str] | None = Field(default=None, alias="additionalModelResponseFieldPaths")
    request_metadata: dict[str, str] | None = Field(default=None, alias="requestMetadata")
    performance_config: dict[str, Any] | None = Field(default=None, alias="performanceConfig")
    prompt_variables: dict[str, Any] | None = Field(default=None, alias="promptVariables")
    service_tier: dict[str, Any] | None = Field(default=None, alias="serviceTier")


class Titan(Lenient):
    """Amazon's embedder takes one text."""

    text: str = Field(alias="inputText")


@router.post("/model/{model:path}/converse")
async def converse(model: str, request: Request) -> Response:
    """Answer whole."""
    call = await receive(request, "bedrock", BEDROCK, model=model)
    checked(call, BEDROCK, Converse)
    message = {"role": "assistant", "content": [{"text": "".join(words(call.ask))}]}
    ending = {"stopReason": "end_turn", "metrics": {"latencyMs": 7}}
    return JSONResponse({"output": {"message": message}, "usage": _usage(call.ask)} | ending)


@router.post("/model/{model:path}/converse-stream")
async def converse_stream(model: str, request: Request) -> Response:
    """Answer as binary frames."""
    call = await receive(request, "bedrock", BEDROCK, model=model, stream=True)
    checked(call, BEDROCK, Converse)
    return streamed(_frames(call), call.ask, "application/vnd.amazon.eventstream")


@router.post("/model/{model:path}/invoke")
async def invoke(model: str, request: Request) -> Response:
    """Embed as Titan or Cohere do on Bedrock; Cohere's count stands in a header."""
    call = await receive(request, "bedrock", BEDROCK, model=model)
    headers = {"x-amzn-bedrock-input-token-count": str(call.ask.prompt)}
    if "cohere" in model:
        return JSONResponse(embedding(list(call.body.get("texts") or []), call), headers=headers)
    checked(call, BEDROCK, Titan)
    return JSONResponse({"embedding": VECTOR, "inputTextTokenCount": call.ask.prompt}, headers=headers)


def _usage(ask: Ask) -> Json:
    lifetimes = (("5m", ask.write_5m), ("1h", ask.write_1h))
    return {
        "inputTokens": ask.fresh,
        "outputTokens": ask.completion,
        "totalTokens": ask.total,
        "cacheReadInputTokens": ask.cached,
        "cacheWriteInputTokens": ask.write,
        "cacheDetails": [{"ttl": ttl, "inputTokens": count} for ttl, count in lifetimes if count],
    }


def _frames(call: Call) -> Iterator[bytes]:
    yield frame("messageStart", {"role": "assistant"})
    for word in words(call.ask):
        yield frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": word}})
    yield frame("contentBlockStop", {"contentBlockIndex": 0})
    yield frame("messageStop", {"stopReason": "end_turn"})
    yield frame("metadata", {"usage": _usage(call.ask), "metrics": {"latencyMs": 7}})
