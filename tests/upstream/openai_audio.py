"""OpenAI's ``/v1/audio``: speech gives bytes, whisper a duration, the gpt-4o transcribers tokens.

Source: https://platform.openai.com/docs/api-reference/audio
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from tests.upstream.ask import Ask
from tests.upstream.openai_manners import OPENAI
from tests.upstream.wire import Dialect, Json, Lenient, RefusalError, checked, receive

router = APIRouter()


class Speech(Lenient):
    """The fields that decide the answer."""

    model: str = Field(min_length=1)
    input: str = Field(min_length=1, max_length=4096)
    voice: str | dict[str, str]
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3"


@router.post("/{provider}/v1/audio/speech")
async def speech(provider: str, request: Request) -> Response:
    """Speak: bytes of the right kind, no usage."""
    checked(await receive(request, provider, OPENAI), OPENAI, Speech)
    return Response(b"ID3" + bytes(64), media_type="audio/mpeg")


@router.post("/{provider}/v1/audio/transcriptions")
async def transcriptions(provider: str, request: Request) -> Response:
    """Transcribe a file of a multipart form."""
    return await transcribe(request, provider, OPENAI)


async def transcribe(request: Request, provider: str, dialect: Dialect, model: str = "") -> Response:
    """Read the form and answer in the format that it asks for."""
    await request.body()  # kept by the request, so that it can be searched for a marker after the form was read
    form = await request.form()
    model = model or str(form.get("model", ""))
    call = await receive(request, provider, dialect, model=model)
    if not model or not hasattr(form.get("file"), "filename"):
        raise RefusalError(dialect, 400, "you must provide a model and a file")
    if form.get("response_format") == "text":
        return Response("hello world\n", media_type="text/plain")
    content = _transcript(call.ask, verbose=form.get("response_format") == "verbose_json")
    return JSONResponse(content | _usage(call.ask, provider, model))


def _transcript(ask: Ask, *, verbose: bool) -> Json:
    text: Json = {"text": "hello world"}
    if not verbose:
        return text
    return text | {"task": "transcribe", "language": "english", "duration": ask.seconds, "segments": []}


def _usage(ask: Ask, provider: str, model: str) -> Json:
    """Only OpenAI and Azure report a usage; others leave it at the duration of the verbose format."""
    if provider not in {"openai", "azure"}:
        return {}
    return {"usage": _token_usage(ask) if "gpt-4o" in model else {"type": "duration", "seconds": ask.seconds}}


def _token_usage(ask: Ask) -> Json:
    return {
        "type": "tokens",
        "input_tokens": ask.prompt,
        "input_token_details": {"text_tokens": ask.prompt - ask.audio_in, "audio_tokens": ask.audio_in},
        "output_tokens": ask.completion,
        "total_tokens": ask.total,
    }
