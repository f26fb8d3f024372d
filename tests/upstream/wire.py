"""A provider's manners (its key, its errors) and a raw request in; a checked request, or its error, out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, ValidationError

from tests.upstream.ask import Ask, parse
from tests.upstream.served import BOOK, Served

Json = dict[str, Any]
Chunks = Iterable[bytes | str]
M = TypeVar("M", bound=BaseModel)


class Body(BaseModel):
    """A documented request body; what the documentation does not name is refused."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Lenient(BaseModel):
    """A nested part that providers extend often; only what is named here is checked."""

    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True, slots=True)
class Dialect:
    """A provider's manners: where its key stands, and how it words an error."""

    has_key: Callable[[Request], bool]
    shape_error: Callable[[int, str], Json]


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in."""

    request: Request
    provider: str
    ask: Ask
    body: Json


class RefusalError(Exception):
    """The provider's own error answer."""

    def __init__(self, dialect: Dialect, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.content = dialect.shape_error(status, message)


class NoAnswerError(Exception):
    """An answer that is none: it breaks off, or cannot be read."""

    def __init__(self, ask: Ask) -> None:
        super().__init__("asked to break off" if ask.drop else "asked to garble")
        self.breaks_off = bool(ask.drop)


def break_off(_: Request, fault: Exception) -> Response:
    """Send half of an answer; a drop raises after it, so that the connection closes."""
    assert isinstance(fault, NoAnswerError)

    async def half() -> AsyncIterator[bytes]:
        yield b'{"id": "half-an-answer", "choices": [{"ind'
        if fault.breaks_off:
            raise ConnectionAbortedError(str(fault))

    return StreamingResponse(half(), media_type="application/json")


def refuse(_: Request, refusal: Exception) -> Response:
    """Turn a refusal into its answer; a rate limit says when to come back."""
    assert isinstance(refusal, RefusalError)
    headers = {"retry-after": "0"} if refusal.status == 429 else {}
    return JSONResponse(refusal.content, status_code=refusal.status, headers=headers)


def bearer(request: Request) -> bool:
    """``Authorization: Bearer <key>``, as most providers want it."""
    return request.headers.get("authorization", "").removeprefix("Bearer ").strip() not in {"", "wrong-key"}


def header_key(name: str) -> Callable[[Request], bool]:
    """Make the check for a key in a header of its own."""
    return lambda request: request.headers.get(name, "") not in {"", "wrong-key"}


async def receive(request: Request, provider: str, dialect: Dialect, *, stream: bool = False, model: str = "") -> Call:
    """Write the call down, check key and JSON, and misbehave if asked to.

    Raises:
        RefusalError: No key, no JSON, or a failure that the test asked for.
        NoAnswerError: The test asked for half of an answer.
    """
    raw = await request.body()
    ask = parse(raw).for_provider(provider)
    body = _as_json(raw, dialect) if "json" in request.headers.get("content-type", "") else {}
    failing = BOOK.shall_fail(ask)
    streams = stream or bool(body.get("stream"))
    status = ask.fail if failing else 200
    BOOK.note(Served(request.method, request.url.path, status, model or str(body.get("model", "")), streams, ask))
    await asyncio.sleep(ask.delay_ms / 1000)
    if not streams:
        BOOK.note_answer(ask)
    if not dialect.has_key(request):
        raise RefusalError(dialect, 401, "Incorrect API key provided")
    if failing:
        raise RefusalError(dialect, ask.fail, f"asked to fail with {ask.fail}")
    if ask.drop or ask.garble:
        raise NoAnswerError(ask)
    return Call(request, provider, ask, body)


def checked(call: Call, dialect: Dialect, shape: type[M]) -> M:
    """Read the body as the provider documents it.

    Raises:
        RefusalError: A field is missing, unknown or has a wrong value.
    """
    try:
        return shape.model_validate(call.body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RefusalError(dialect, 400, f"{where}: {first['msg']}") from None


def _as_json(raw: bytes, dialect: Dialect) -> Json:
    try:
        body = json.loads(raw)
    except json.JSONDecodeError:
        raise RefusalError(dialect, 400, "We could not parse the JSON body of your request") from None
    return body if isinstance(body, dict) else {}


def data(event: Mapping[str, Any]) -> str:
    """Word an SSE event without a name."""
    return f"data: {json.dumps(event)}\n\n"


def named(event: Mapping[str, Any]) -> str:
    """Word an SSE event named after its own ``type``, as Anthropic and OpenAI's responses do."""
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"


def streamed(
    chunks: Chunks, ask: Ask, media_type: str = "text/event-stream", error: bytes | str = b""
) -> StreamingResponse:
    """Send chunks at the asked pace; a drop raises, so that the connection closes without its end.

    Args:
        chunks: The whole stream.
        ask: What to do wrong in it, and when.
        media_type: Of the stream.
        error: How the provider words an error within a stream.
    """

    async def paced() -> AsyncIterator[bytes | str]:
        for number, chunk in enumerate(chunks):
            if number == ask.drop_after:
                msg = "asked to drop the connection"
                raise ConnectionAbortedError(msg)
            if number == ask.error_after:
                yield error
            if number in {ask.error_after, ask.end_after}:
                return
            await asyncio.sleep(ask.chunk_delay_ms / 1000)
            yield chunk
        BOOK.note_answer(ask)

    return StreamingResponse(paced(), media_type=media_type)


def words(ask: Ask) -> list[str]:
    """The answer's text, one piece a chunk."""
    return [f"word{number} " for number in range(ask.chunks)]
