"""Models out of LiteLLM's price map, each called once through the running proxy: one row each, right to a billionth."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import ROUND_HALF_EVEN, Decimal

import httpx
import pytest

from tests.proxy.asking import Asking, asking
from tests.proxy.clients import CALL_ID, CHAT_KEY, KEPT_ALIVE_S, TIMEOUT_S, in_own_loop
from tests.proxy.conftest import SUMMARY
from tests.proxy.process import Proxy
from tests.proxy.rows import wait_for_rows
from tests.proxy.selection import Chosen, choose
from usage_plugin.store.tables import UsageRecord

pytestmark = pytest.mark.proxy

AT_A_TIME = 8
RUN = "price-map"


async def _call_all(proxy: Proxy, calls: list[Asking]) -> list[httpx.Response]:
    """Call each model once, several at a time."""
    gate = asyncio.Semaphore(AT_A_TIME)
    headers = {"Authorization": f"Bearer {CHAT_KEY}", "x-litellm-end-user-id": RUN}
    limits = httpx.Limits(max_connections=AT_A_TIME, keepalive_expiry=KEPT_ALIVE_S)
    async with httpx.AsyncClient(base_url=proxy.url, headers=headers, timeout=TIMEOUT_S, limits=limits) as client:

        async def call(one: Asking) -> httpx.Response:
            async with gate:
                if one.files is not None:
                    return await client.post(one.path, data=one.body, files=one.files)
                return await client.post(one.path, json=one.body)

        return await asyncio.gather(*map(call, calls))


def _difference(chosen: Chosen, wanted: Asking, row: UsageRecord) -> str:
    """Say what is wrong with a model's row; nothing, if all is right."""
    cost = wanted.expected.cost_usd
    nano = int((cost * 10**9).to_integral_value(ROUND_HALF_EVEN))
    confidence = "exact" if cost else "free"
    right: dict[str, object] = {
        "status": "success",
        "provider": chosen.route.row_provider,
        "model": chosen.model,
        "model_group": chosen.public,
        "stream": wanted.body.get("stream", False),
        "cost_nano_usd": nano,
        "cost_confidence": confidence,
        **wanted.expected.counts,
    }
    wrong = {name: getattr(row, name) for name, value in right.items() if getattr(row, name) != value}
    return f"{wrong} instead of { {name: right[name] for name in wrong} }" if wrong else ""


def test_each_chosen_model_is_one_right_row(proxy: Proxy, request: pytest.FixtureRequest) -> None:
    """At least 150 models of at least 25 providers: provider, model, tokens, and the cost from usage x price."""
    chosen = choose()
    calls = [asking(model) for model in chosen]
    answers = in_own_loop(_call_all(proxy, calls))
    refused = {model.public: answer.text for model, answer in zip(chosen, answers, strict=True) if answer.is_error}
    assert not refused, "\n".join(f"{name}: {text[:300]}" for name, text in refused.items())
    rows = {row.litellm_call_id: row for row in wait_for_rows(proxy.engine, len(chosen), end_user_id=RUN)}
    differences = {
        f"{model.entry.mode} {model.public}": wrong
        for model, wanted, answer in zip(chosen, calls, answers, strict=True)
        if (wrong := _difference(model, wanted, rows[answer.headers[CALL_ID]]))
    }
    assert not differences, "\n".join(f"{name}: {wrong}" for name, wrong in differences.items())
    providers = {row.provider for row in rows.values()}
    modes = Counter(model.entry.mode for model in chosen)
    counted = ", ".join(f"{count} {mode}" for mode, count in sorted(modes.items()))
    request.config.stash[SUMMARY].append(f"price map: {len(rows)} models of {len(providers)} providers ({counted})")
    assert len({(row.provider, row.model) for row in rows.values()}) >= 150
    assert len(providers) >= 25
    assert sum((row.cost_usd or Decimal(0) for row in rows.values()), Decimal(0)) > 0
