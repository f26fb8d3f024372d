"""All wire formats in; one FastAPI application, with ``GET /__log`` telling what it served, out."""

from __future__ import annotations

from fastapi import FastAPI

from tests.upstream import (
    anthropic,
    azure,
    bedrock,
    cohere,
    gemini,
    openai_audio,
    openai_chat,
    openai_completions,
    openai_embeddings,
    openai_images,
    openai_moderations,
    openai_responses,
    rerank,
    voyage,
)
from tests.upstream.served import BOOK
from tests.upstream.wire import NoAnswerError, RefusalError, break_off, refuse

# Providers with paths of their own come before the compatible ones, whose path starts with any provider.
FORMATS = (
    azure,
    anthropic,
    bedrock,
    cohere,
    gemini,
    rerank,
    voyage,
    openai_audio,
    openai_chat,
    openai_completions,
    openai_embeddings,
    openai_images,
    openai_moderations,
    openai_responses,
)

app = FastAPI(title="stand-in providers")
app.add_exception_handler(RefusalError, refuse)
app.add_exception_handler(NoAnswerError, break_off)
for wire_format in FORMATS:
    app.include_router(wire_format.router)


@app.post("/__sink/{rest:path}")
async def swallow(rest: str) -> dict[str, str]:
    """Take in what somebody exports."""
    return {"swallowed": rest}


@app.get("/__log")
async def served(mark: str = "") -> list[dict[str, object]]:
    """List the calls served, or those whose marker has this name."""
    return BOOK.as_json(mark)
