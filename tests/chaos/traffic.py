"""Sites in; clients that call them in every way until told to stop, and the book of what they saw, out."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from tests.chaos.sites import Site
from tests.proxy.clients import CALL_ID, say
from tests.proxy.stopping import KEY
from tests.upstream.ask import marker

CLIENTS_PER_SITE = 6
PAUSE_S = 0.25
ANSWERS_WITHIN_S = 30.0
PACED = {"chunks": 12, "chunk_delay_ms": 60}


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to call.

    Args:
        path: Of the proxy.
        body: Made from the text that is said.
        how: What the provider shall do.
        leaves_after: Lines of a stream after which the client goes away.
        gives_up_after_s: Time after which it does.
    """

    path: str
    body: Callable[[str], dict[str, Any]]
    how: dict[str, int]
    leaves_after: int | None = None
    gives_up_after_s: float = ANSWERS_WITHIN_S


def _chat(model: str = "chat", **extra: Any) -> Callable[[str], dict[str, Any]]:
    return lambda text: {"model": model, "messages": say(text), **extra}


def _responses(text: str) -> dict[str, Any]:
    return {"model": "chat", "input": text, "stream": True}


def _gemini(text: str) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
GEMINI = "/v1beta/models/gemini:streamGenerateContent?alt=sse"
CLAUDE = _chat("claude", max_tokens=90)
CLAUDE_STREAM = _chat("claude", max_tokens=90, stream=True)
KINDS: dict[str, Kind] = {
    "chat": Kind(CHAT, _chat(), {"delay_ms": 150}),
    "chat stream": Kind(CHAT, _chat(stream=True), PACED),
    "chat stream of gemini": Kind(CHAT, _chat("gemini", stream=True), PACED),
    "messages": Kind(MESSAGES, CLAUDE, {"delay_ms": 400}),
    "messages stream": Kind(MESSAGES, CLAUDE_STREAM, PACED),
    "responses stream": Kind("/v1/responses", _responses, PACED),
    "chat refused": Kind(CHAT, _chat(), {"fail": 400}),
    "chat stream broken": Kind(CHAT, _chat(stream=True), {**PACED, "drop_after": 6}),
    "chat stream left": Kind(CHAT, _chat(stream=True), PACED, leaves_after=8),
    "messages stream left": Kind(MESSAGES, CLAUDE_STREAM, PACED, leaves_after=20),
    "messages to openai left": Kind(MESSAGES, _chat(max_tokens=90, stream=True), PACED, leaves_after=20),
    "gemini stream left": Kind(GEMINI, _gemini, PACED, leaves_after=8),
    "chat abandoned": Kind(CHAT, _chat(), {"delay_ms": 800}, gives_up_after_s=0.4),
}


@dataclass(slots=True)
class Call:
    """What a client saw of its call; times of the monotonic clock."""

    call_id: str
    kind: str
    site: Site
    began_at: float
    ended_at: float = 0.0
    status: int = 0
    complete: bool = False


class Traffic:
    """Clients in a thread of their own.

    Args:
        sites: That they call.
        seed: Of their choices.
    """

    def __init__(self, sites: Sequence[Site], seed: int) -> None:
        self.calls: list[Call] = []
        self._sites, self._seed = sites, seed
        self._ending = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()), name="clients")

    def start(self) -> None:
        """Let the clients begin."""
        self._thread.start()

    def stop(self) -> None:
        """Let every client finish its call."""
        self._ending.set()
        self._thread.join()

    async def _all(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}, limits=limits) as client:
            clients = [(site, number) for site in self._sites for number in range(CLIENTS_PER_SITE)]
            await asyncio.gather(*(self._one(client, *each) for each in clients))

    async def _one(self, client: httpx.AsyncClient, site: Site, number: int) -> None:
        rng = random.Random(f"{self._seed} {site.name} {number}")
        while not self._ending.is_set():
            await asyncio.sleep(rng.uniform(0, PAUSE_S))
            if site.is_up:
                name = rng.choice(list(KINDS))
                call = Call(str(uuid.UUID(int=rng.getrandbits(128))), name, site, time.monotonic())
                self.calls.append(call)
                with contextlib.suppress(httpx.HTTPError):
                    await self._send(client, call, KINDS[name])
                call.ended_at = time.monotonic()

    @staticmethod
    async def _send(client: httpx.AsyncClient, call: Call, kind: Kind) -> None:
        body = kind.body(marker(prompt=1200, completion=74, mark=call.call_id, **kind.how))
        options: dict[str, Any] = {"json": body, "headers": {CALL_ID: call.call_id}, "timeout": kind.gives_up_after_s}
        async with client.stream("POST", f"{call.site.url}{kind.path}", **options) as answer:
            call.status = answer.status_code
            number = 0
            async for _ in answer.aiter_lines():
                number += 1
                if number == kind.leaves_after:
                    return
        call.complete = True
