"""OpenAI's ``/v1/moderations``: every text is harmless and nothing is billed.

Source: https://platform.openai.com/docs/api-reference/moderations
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from tests.upstream.openai_manners import OPENAI
from tests.upstream.wire import Lenient, checked, receive

router = APIRouter()
CATEGORIES = ("harassment", "hate", "self-harm", "sexual", "violence")


class Wanted(Lenient):
    """The fields that decide the answer."""

    input: str | list[str] | list[dict[str, Any]]
    model: str = "omni-moderation-latest"


@router.post("/{provider}/v1/moderations")
async def moderations(provider: str, request: Request) -> Response:
    """Flag nothing."""
    wanted = checked(await receive(request, provider, OPENAI), OPENAI, Wanted)
    flags = dict.fromkeys(CATEGORIES, False)
    result = {"flagged": False, "categories": flags, "category_scores": dict.fromkeys(CATEGORIES, 0.0)}
    return JSONResponse({"id": "modr-1", "model": wanted.model, "results": [result]})
