"""OpenAI's ``/v1/responses``, whole and as its named SSE events.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from tests.upstream.openai_manners import OPENAI, responses_usage
from tests.upstream.wire import Call, Dialect, Json, Lenient, checked, named, receive, streamed, words

router = APIRouter()
_ERROR = {"type": "error", "code": "server_error", "message": "The server had an error", "param": None}


class Wanted(Lenient):
    """The fields that decide the answer."""

    model: str = Field(min_length=1)
    input: str | list[dict[str, Any]]
    stream: bool = False


@router.post("/{provider}/v1/responses")
async def responses(provider: str, request: Request) -> Response:
    """Answer a responses call."""
    return answer(await receive(request, provider, OPENAI), OPENAI)


def answer(call: Call, dialect: Dialect) -> Response:
    """Answer whole or as a stream."""
    wanted = checked(call, dialect, Wanted)
    if wanted.stream:
        return streamed(_events(call, wanted.model), call.ask, error=named(_ERROR))
    return JSONResponse(_response(f"resp_{uuid.uuid4().hex}", wanted.model, "completed", call))


def _response(response_id: str, model: str, status: str, call: Call) -> Json:
    done = status == "completed"
    return {
        "id": response_id,
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": model,
        "output": [_message("completed", "".join(words(call.ask)))] if done else [],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": responses_usage(call.ask) if done else None,
    }


def _message(status: str, text: str) -> Json:
    content = [{"type": "output_text", "text": text, "annotations": []}] if text else []
    return {"type": "message", "id": "msg_1", "status": status, "role": "assistant", "content": content}


def _events(call: Call, model: str) -> Iterator[str]:
    number = itertools.count()
    response_id = f"resp_{uuid.uuid4().hex}"
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    text = "".join(words(call.ask))
    part: Json = {"type": "output_text", "text": "", "annotations": []}

    def event(kind: str, **fields: object) -> str:
        return named({"type": f"response.{kind}", "sequence_number": next(number)} | fields)

    yield event("created", response=_response(response_id, model, "in_progress", call))
    yield event("in_progress", response=_response(response_id, model, "in_progress", call))
    yield event("output_item.added", output_index=0, item=_message("in_progress", ""))
    yield event("content_part.added", **place, part=part)
    for word in words(call.ask):
        yield event("output_text.delta", **place, delta=word)
    yield event("output_text.done", **place, text=text)
    yield event("content_part.done", **place, part=part | {"text": text})
    yield event("output_item.done", output_index=0, item=_message("completed", text))
    yield event("completed", response=_response(response_id, model, "completed", call))
