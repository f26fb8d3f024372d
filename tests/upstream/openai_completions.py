"""OpenAI's legacy ``/v1/completions``, whole and streamed.

Source: https://platform.openai.com/docs/api-reference/completions
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from tests.upstream.openai_chat import StreamOptions
from tests.upstream.openai_manners import OPENAI, chat_usage
from tests.upstream.wire import Call, Json, Lenient, checked, data, receive, streamed, words

router = APIRouter()


class Completion(Lenient):
    """The fields that decide the answer."""

    model: str = Field(min_length=1)
    prompt: str | list[str] | list[int]
    stream: bool = False
    stream_options: StreamOptions | None = None


@router.post("/{provider}/v1/completions")
async def completions(provider: str, request: Request) -> Response:
    """Answer a text completion."""
    call = await receive(request, provider, OPENAI)
    wanted = checked(call, OPENAI, Completion)
    if wanted.stream:
        return streamed(_events(call, wanted), call.ask)
    usage = chat_usage(call.ask, call.provider)
    return JSONResponse(_part(wanted.model, "".join(words(call.ask)), "stop") | ({"usage": usage} if usage else {}))


def _part(model: str, text: str, finish_reason: str | None) -> Json:
    head = {"id": f"cmpl-{uuid.uuid4().hex}", "object": "text_completion", "created": int(time.time()), "model": model}
    return head | {"choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": finish_reason}]}


def _events(call: Call, wanted: Completion) -> Iterator[str]:
    for word in words(call.ask):
        yield data(_part(wanted.model, word, None))
    yield data(_part(wanted.model, "", "stop"))
    if wanted.stream_options is not None and wanted.stream_options.include_usage:
        yield data(_part(wanted.model, "", None) | {"choices": [], "usage": chat_usage(call.ask, call.provider)})
    yield "data: [DONE]\n\n"
