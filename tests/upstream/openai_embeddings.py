"""OpenAI's ``/v1/embeddings`` and its compatible neighbours (Voyage, Mistral, Together, ...).

Source: https://platform.openai.com/docs/api-reference/embeddings
"""

from __future__ import annotations

import base64
import struct
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from tests.upstream.openai_manners import OPENAI
from tests.upstream.wire import Call, Dialect, Json, Lenient, checked, receive

router = APIRouter()
VECTOR = (0.25, -0.5, 0.75)


class Wanted(Lenient):
    """The fields that decide the answer."""

    model: str = Field(min_length=1)
    input: str | list[str] | list[int] | list[list[int]]
    encoding_format: Literal["float", "base64"] | None = None


@router.post("/{provider}/v1/embeddings")
async def embeddings(provider: str, request: Request) -> Response:
    """Embed each input as the same short vector."""
    return answer(await receive(request, provider, OPENAI), OPENAI)


def answer(call: Call, dialect: Dialect) -> Response:
    """Answer with one vector an input."""
    wanted = checked(call, dialect, Wanted)
    count = len(wanted.input) if isinstance(wanted.input, list) else 1
    vector: object = list(VECTOR)
    if wanted.encoding_format == "base64":
        vector = base64.b64encode(struct.pack("<3f", *VECTOR)).decode()
    rows = [{"object": "embedding", "index": number, "embedding": vector} for number in range(count)]
    usage: Json = {"prompt_tokens": call.ask.prompt, "total_tokens": call.ask.prompt}
    return JSONResponse({"object": "list", "data": rows, "model": wanted.model, "usage": usage})
