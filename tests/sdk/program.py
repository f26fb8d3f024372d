"""A user's own program: calls LiteLLM without a proxy in the way its first argument names, and ends at once."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any

import litellm

import usage_plugin

BASE_URL = sys.argv[2]
MESSAGES = [{"role": "user", "content": "Hello [[usage prompt=120 cached=20 completion=30 reasoning=10]]"}]
CALL: dict[str, Any] = {
    "model": "openai/gpt-4o-mini",
    "messages": MESSAGES,
    "api_base": f"{BASE_URL}/openai/v1",
    "api_key": "sk-test",
}
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}


def of(feature: str) -> dict[str, Any]:
    """Mark a call, so that its row can be told from others."""
    return {"metadata": {"tags": [f"feature:{feature}"]}}


def sync_calls() -> None:
    litellm.completion(**CALL, **of("sync"))
    for _ in litellm.completion(**CALL, **WITH_USAGE, **of("sync")):
        pass


async def async_calls() -> None:
    await litellm.acompletion(**CALL, **of("async"))
    async for _ in await litellm.acompletion(**CALL, **WITH_USAGE, **of("async")):
        pass


def failing_calls() -> None:
    refused = {**CALL, "messages": [{"role": "user", "content": "[[usage fail=400]]"}], **of("failing")}
    with contextlib.suppress(litellm.BadRequestError):
        litellm.completion(**refused)

    async def fail() -> None:
        with contextlib.suppress(litellm.BadRequestError):
            await litellm.acompletion(**refused)

    asyncio.run(fail())


async def abandoned_streams() -> None:
    """Take the first words of a stream and go, once in each way."""
    next(iter(litellm.completion(**CALL, stream=True)))
    async for _ in await litellm.acompletion(**CALL, stream=True):
        break


def silent_stream() -> None:
    for _ in litellm.completion(**CALL, stream=True, **of("silent")):
        pass


litellm.callbacks = [usage_plugin.sdk_handler()]
match sys.argv[1]:
    case "sync":
        failing_calls()
        silent_stream()
        sync_calls()
    case "async":
        asyncio.run(async_calls())
    case "abandoned":
        asyncio.run(abandoned_streams())
    case "at once":
        asyncio.run(litellm.acompletion(**CALL))
