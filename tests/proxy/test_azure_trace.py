"""Real traffic: requests of the Azure trace in their own rhythm, sped up, and every token and billionth kept."""

from __future__ import annotations

import asyncio
import itertools
import time

import httpx
import pytest
from sqlmodel import Session, col, select

from tests.extent import extent
from tests.proxy.clients import KEPT_ALIVE_S, TIMEOUT_S, TRACE_KEY, in_own_loop, say
from tests.proxy.conftest import SUMMARY
from tests.proxy.hand import nano_usd
from tests.proxy.process import Proxy
from tests.proxy.rows import wait_for_rows
from tests.proxy.trace import MODELS, Arrival, arrivals
from tests.upstream.ask import marker
from usage_plugin.store.tables import UsageDaily, UsageRecord

pytestmark = pytest.mark.proxy

SPEED = 12
REQUESTS = extent(480, 2000)
TEAM = "team-trace"


async def _replay(proxy: Proxy, trace: list[Arrival]) -> list[int]:
    """Send each request at its moment, however many are still under way."""
    limits = httpx.Limits(max_connections=64, keepalive_expiry=KEPT_ALIVE_S)
    headers = {"Authorization": f"Bearer {TRACE_KEY}"}
    start = time.monotonic()
    async with httpx.AsyncClient(base_url=proxy.url, headers=headers, timeout=TIMEOUT_S * 2, limits=limits) as client:

        async def send(arrival: Arrival) -> int:
            await asyncio.sleep(start + arrival.at_s / SPEED - time.monotonic())
            text = marker(prompt=arrival.prompt, completion=arrival.completion)
            body = {"model": arrival.model, "messages": say(text), "stream": arrival.stream}
            return (await client.post("/v1/chat/completions", json=body)).status_code

        return await asyncio.gather(*map(send, trace))


def _cost_by_hand(trace: list[Arrival]) -> int:
    return sum(nano_usd((one.prompt, MODELS[one.model][0]), (one.completion, MODELS[one.model][1])) for one in trace)


def test_the_trace_arrives_to_the_token_and_to_the_billionth(proxy: Proxy, request: pytest.FixtureRequest) -> None:
    """Rows, tokens and cost of six models of three providers, half of it streamed, equal the trace's own sums."""
    trace = arrivals()[:REQUESTS]
    began = time.monotonic()
    assert set(in_own_loop(_replay(proxy, trace))) == {200}
    took_s = time.monotonic() - began
    rows = wait_for_rows(proxy.engine, REQUESTS, at_most_s=60, team_id=TEAM)
    said = f"azure trace: {REQUESTS} requests in {took_s:.0f} s, {REQUESTS / took_s:.0f} a second"
    request.config.stash[SUMMARY].append(said)

    assert {row.status for row in rows} == {"success"}
    assert {row.cost_confidence for row in rows} == {"exact"}
    assert sum(row.stream for row in rows) == sum(one.stream for one in trace)
    assert sorted(_of_row(row) for row in rows) == sorted(map(_of_trace, trace))
    assert sum(row.cost_nano_usd or 0 for row in rows) == _cost_by_hand(trace)
    wanted = (REQUESTS, sum(one.prompt for one in trace), sum(one.completion for one in trace), _cost_by_hand(trace))
    assert _totals(proxy) == wanted


def _of_row(row: UsageRecord) -> tuple[object, ...]:
    return (f"{row.provider}/{row.model}", row.stream, row.prompt_tokens, row.completion_tokens, row.cost_nano_usd)


def _of_trace(one: Arrival) -> tuple[object, ...]:
    return (one.model, one.stream, one.prompt, one.completion, _cost_by_hand([one]))


def _totals(proxy: Proxy) -> tuple[int, ...]:
    with Session(proxy.engine) as session:
        kept = session.exec(select(UsageDaily).where(col(UsageDaily.team_id) == TEAM)).all()
    return (
        sum(total.requests for total in kept),
        sum(total.prompt_tokens for total in kept),
        sum(total.completion_tokens for total in kept),
        sum(total.cost_nano_usd or 0 for total in kept),
    )


def test_the_trace_is_what_its_readme_says() -> None:
    """Six models in turn, each as often streamed as not, over seven minutes of real arrivals."""
    trace = arrivals()
    assert len(trace) == 2000
    assert 420 < trace[-1].at_s < 425
    assert all(earlier.at_s <= later.at_s for earlier, later in itertools.pairwise(trace))
    assert abs(sum(one.stream for one in trace) - 1000) <= len(MODELS)
    assert {one.model.split("/")[0] for one in trace} == {"openai", "anthropic", "gemini"}
