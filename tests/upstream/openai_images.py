"""OpenAI's ``/v1/images/generations``: gpt-image models report tokens, dall-e and others only pictures.

Source: https://platform.openai.com/docs/api-reference/images
"""

from __future__ import annotations

import time

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from tests.upstream.ask import Ask
from tests.upstream.openai_manners import OPENAI
from tests.upstream.wire import Call, Dialect, Json, Lenient, checked, receive

router = APIRouter()
PIXEL = "iVBORw0KGgo="


class Wanted(Lenient):
    """The fields that decide the answer."""

    prompt: str = Field(min_length=1)
    model: str = "dall-e-2"
    n: int = Field(default=1, ge=1, le=10)


@router.post("/{provider}/v1/images/generations")
async def images(provider: str, request: Request) -> Response:
    """Draw the same pixel for everybody."""
    return answer(await receive(request, provider, OPENAI), OPENAI)


def answer(call: Call, dialect: Dialect, model: str = "") -> Response:
    """Answer with as many pictures as asked."""
    wanted = checked(call, dialect, Wanted)
    content: Json = {"created": int(time.time()), "data": [{"b64_json": PIXEL}] * wanted.n}
    if "gpt-image" in (model or wanted.model) and not call.ask.silent:
        content["usage"] = _usage(call.ask)
    return JSONResponse(content)


def _usage(ask: Ask) -> Json:
    return {
        "input_tokens": ask.prompt,
        "input_tokens_details": {"text_tokens": ask.prompt - ask.image_in, "image_tokens": ask.image_in},
        "output_tokens": ask.completion,
        "total_tokens": ask.total,
    }
