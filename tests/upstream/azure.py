"""Azure OpenAI: deployments in the path, the key in ``api-key``, the version in the query; bodies as OpenAI's.

Source: https://learn.microsoft.com/azure/ai-services/openai/reference
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from tests.upstream import openai_chat, openai_embeddings, openai_images, openai_responses
from tests.upstream.openai_audio import transcribe
from tests.upstream.openai_manners import OPENAI
from tests.upstream.wire import Call, Dialect, Json, RefusalError, header_key, receive

router = APIRouter(prefix="/azure/openai")


def _error(status: int, message: str) -> Json:
    return {"error": {"code": str(status), "message": message}}


AZURE = Dialect(has_key=header_key("api-key"), shape_error=_error)


async def _enter(request: Request, deployment: str) -> Call:
    call = await receive(request, "azure", AZURE, model=deployment)
    if not request.query_params.get("api-version"):
        raise RefusalError(AZURE, 404, "Resource not found: the query parameter api-version is missing")
    call.body.setdefault("model", deployment)
    return call


@router.post("/deployments/{deployment}/chat/completions")
async def chat(deployment: str, request: Request) -> Response:
    """Answer a chat call."""
    return openai_chat.answer(await _enter(request, deployment), AZURE)


@router.post("/deployments/{deployment}/embeddings")
async def embeddings(deployment: str, request: Request) -> Response:
    """Embed."""
    return openai_embeddings.answer(await _enter(request, deployment), AZURE)


@router.post("/deployments/{deployment}/images/generations")
async def images(deployment: str, request: Request) -> Response:
    """Draw."""
    return openai_images.answer(await _enter(request, deployment), AZURE, model=deployment)


@router.post("/deployments/{deployment}/audio/transcriptions")
async def transcriptions(deployment: str, request: Request) -> Response:
    """Transcribe."""
    return await transcribe(request, "azure", AZURE, model=deployment)


@router.post("/responses")
@router.post("/v1/responses")
async def responses(request: Request) -> Response:
    """Answer a responses call; its key may come either way."""
    dialect = AZURE if "api-key" in request.headers else OPENAI
    return openai_responses.answer(await receive(request, "azure", dialect), dialect)
