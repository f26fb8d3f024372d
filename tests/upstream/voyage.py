"""Voyage's multimodal embeddings; its texts and rerankers are worded as everybody's.

Source: https://docs.voyageai.com/reference/multimodal-embeddings-api
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from tests.upstream.openai_embeddings import VECTOR
from tests.upstream.openai_manners import OPENAI
from tests.upstream.wire import Lenient, checked, receive

router = APIRouter()


class Part(Lenient):
    """What one vector is made of."""

    content: list[dict[str, Any]] = Field(min_length=1)


class Wanted(Lenient):
    """The fields that decide the answer."""

    model: str = Field(min_length=1)
    inputs: list[Part] = Field(min_length=1)


@router.post("/voyage/v1/multimodalembeddings")
async def multimodal(request: Request) -> Response:
    """Embed each input as the same short vector; all of them are text."""
    call = await receive(request, "voyage", OPENAI)
    wanted = checked(call, OPENAI, Wanted)
    rows = [{"object": "embedding", "index": number, "embedding": VECTOR} for number in range(len(wanted.inputs))]
    usage = {"text_tokens": call.ask.prompt, "image_pixels": 0, "total_tokens": call.ask.prompt}
    return JSONResponse({"object": "list", "data": rows, "model": wanted.model, "usage": usage})
