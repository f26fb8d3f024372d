"""Rerankers billed in tokens (Voyage, Jina, Together and others): ``/v1/rerank`` with a ``usage`` block.

Source: https://docs.voyageai.com/docs/reranker and https://jina.ai/reranker
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from tests.upstream.cohere import Rerank, ranking
from tests.upstream.openai_manners import OPENAI
from tests.upstream.wire import checked, receive

router = APIRouter()


@router.post("/v1/rerank")
@router.post("/{provider}/v1/rerank")
async def rerank(request: Request, provider: str = "jina_ai") -> Response:
    """Rank the documents as they came, billed in tokens; LiteLLM drops the path of a base URL for Jina."""
    call = await receive(request, provider, OPENAI)
    wanted = checked(call, OPENAI, Rerank)
    results = ranking(wanted)
    usage = {"total_tokens": call.ask.prompt, "prompt_tokens": call.ask.prompt}
    list_name = "data" if provider == "voyage" else "results"
    return JSONResponse({"object": "list", "id": "r-1", "model": wanted.model, list_name: results, "usage": usage})
