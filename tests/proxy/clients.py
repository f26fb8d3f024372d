"""A proxy and a key in; the real SDKs as its users have them, out."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import anthropic
import httpx
import openai

from tests.proxy.process import Proxy

SEARCH_KEY = "sk-search-team"
CHAT_KEY = "sk-chat-team"
TRACE_KEY = "sk-trace-team"
Answer = TypeVar("Answer")
CALL_ID = "x-litellm-call-id"
TIMEOUT_S = 60.0
# uvicorn closes a connection that was idle for 5 s, perhaps while a client that waits as long sends on it.
KEPT_ALIVE_S = 2.0


def openai_client(proxy: Proxy, key: str = SEARCH_KEY) -> openai.OpenAI:
    """Make OpenAI's own client; it shall not retry, since the proxy does."""
    return openai.OpenAI(base_url=f"{proxy.url}/v1", api_key=key, max_retries=0, timeout=TIMEOUT_S)


def anthropic_client(proxy: Proxy, key: str = SEARCH_KEY) -> anthropic.Anthropic:
    """Make Anthropic's own client."""
    return anthropic.Anthropic(base_url=proxy.url, api_key=key, max_retries=0, timeout=TIMEOUT_S)


def http_client(proxy: Proxy, key: str = SEARCH_KEY) -> httpx.Client:
    """Make a plain client."""
    return httpx.Client(base_url=proxy.url, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_S)


def in_own_loop(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run async work in a thread of its own: a browser test leaves a running loop in the main one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def say(text: str) -> list[dict[str, str]]:
    """Word a conversation of one turn."""
    return [{"role": "user", "content": text}]


def chat(proxy: Proxy, model: str, text: str, **extra: object) -> httpx.Response:
    """Make one plain chat call."""
    with http_client(proxy) as client:
        return client.post("/v1/chat/completions", json={"model": model, "messages": say(text), **extra})
