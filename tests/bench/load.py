"""A proxy's URL in; how many requests a second it answers, and how long each takes, out."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import aiohttp

from tests.proxy.clients import say
from tests.proxy.stopping import KEY
from tests.upstream.ask import marker

AT_ONCE = 16
TEXT = marker(prompt=1200, cached=1024, completion=74, reasoning=64)
BODY = {"model": "chat", "messages": say(f"Hello {TEXT}")}


@dataclass(slots=True)
class Answered:
    """Answers of one run.

    Args:
        seconds: Length of the run.
        latencies_ms: Of each answer.
        refused: Answers that were not 200.
    """

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    refused: int = 0

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.latencies_ms) / self.seconds

    def percentile_ms(self, percent: int) -> float:
        """Give the latency that so many percent of the answers stay below."""
        return statistics.quantiles(self.latencies_ms, n=100)[percent - 1]


def drive(url: str, *, calls: int, at_once: int = AT_ONCE, streams: bool = False) -> Answered:
    """Send chat calls, so many at a time.

    Args:
        url: The proxy's.
        calls: In all.
        at_once: Callers, each with a connection of its own.
        streams: Let every second call be a stream.
    """
    return asyncio.run(_drive(url, itertools.cycle((False, streams)), calls, at_once))


async def _drive(url: str, kinds: Iterator[bool], calls: int, at_once: int) -> Answered:
    answered, numbers = Answered(), iter(range(calls))
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:
        began = time.perf_counter()
        callers = [_call(session, f"{url}/v1/chat/completions", kinds, numbers, answered) for _ in range(at_once)]
        await asyncio.gather(*callers)
        answered.seconds = time.perf_counter() - began
    return answered


async def _call(
    session: aiohttp.ClientSession, url: str, kinds: Iterator[bool], numbers: Iterator[int], answered: Answered
) -> None:
    for _ in numbers:
        began = time.perf_counter()
        async with session.post(url, json={**BODY, "stream": next(kinds)}) as answer:
            await answer.read()
            answered.refused += answer.status != 200
        answered.latencies_ms.append((time.perf_counter() - began) * 1000)
