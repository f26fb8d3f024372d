"""Every call once: where LiteLLM reports one twice, or would not report it at all."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.proxy.clients import CALL_ID, chat, say
from tests.proxy.conftest import RowOf
from tests.proxy.hand import nano_usd
from tests.proxy.process import Proxy
from tests.proxy.rows import wait_for_rows
from tests.upstream.ask import marker

pytestmark = pytest.mark.proxy

USAGE = marker(prompt=50, completion=20)


def test_twin_reports_of_an_image_are_one_row(proxy: Proxy, http: httpx.Client, row_of: RowOf) -> None:
    """After a first Gemini call LiteLLM reports images, audio and rerank through two hooks each."""
    assert chat(proxy, "gemini-flash", USAGE).status_code == 200
    answers = {
        "image": http.post("/v1/images/generations", json={"model": "image", "prompt": USAGE}),
        "rerank": http.post("/v1/rerank", json={"model": "rerank", "query": USAGE, "documents": ["a"]}),
        "speech": http.post("/v1/audio/speech", json={"model": "speech", "input": USAGE, "voice": "alloy"}),
        "moderation": http.post("/v1/moderations", json={"model": "moderation", "input": USAGE}),
    }
    for kind, answer in answers.items():
        assert row_of(answer.headers[CALL_ID]).status == "success", kind


def test_a_caller_cannot_hide_a_call(proxy: Proxy, row_of: RowOf) -> None:
    """``no-log`` silences LiteLLM's callbacks, unless the config forbids it as ours does."""
    row = row_of(chat(proxy, "chat", USAGE, **{"no-log": True}).headers[CALL_ID])
    assert row.cost_nano_usd == nano_usd((50, "0.15"), (20, "0.60"))


def test_two_calls_that_share_an_id_are_two_rows(proxy: Proxy, http: httpx.Client) -> None:
    """A client may set LiteLLM's call id, and may set it twice."""
    call_id = str(uuid.uuid4())
    body = {"model": "chat", "messages": say(USAGE)}
    for _ in range(2):
        http.post("/v1/chat/completions", json=body, headers={CALL_ID: call_id})
    rows = wait_for_rows(proxy.engine, 2, litellm_call_id=call_id)
    assert rows[0].event_key != rows[1].event_key


def test_several_models_at_once_are_a_row_each(proxy: Proxy) -> None:
    """LiteLLM reports one of two billed calls, with the model of the one and the usage of the other."""
    call_id = chat(proxy, "chat,claude", marker(prompt=1200, completion=74)).headers[CALL_ID]
    rows = {row.model: row for row in wait_for_rows(proxy.engine, 2, litellm_call_id=call_id)}
    mini, claude = rows["gpt-4o-mini"], rows["claude-sonnet-4-5-20250929"]
    assert (mini.provider, mini.cost_nano_usd) == ("openai", nano_usd((1200, "0.15"), (74, "0.60")))
    assert (claude.provider, claude.cost_nano_usd) == ("anthropic", nano_usd((1200, "3"), (74, "15")))
    assert sorted(row.is_terminal for row in rows.values()) == [False, True]
    for row in rows.values():
        assert (row.status, row.cost_confidence, row.tokens_source) == ("success", "exact", "provider")
        assert (row.team_id, row.requested_model) == ("team-search", "chat,claude")
    assert mini.deployment_id != claude.deployment_id


def test_calls_at_once_are_as_many_rows(proxy: Proxy, http: httpx.Client) -> None:
    """Sixteen callers at a time lose nothing and mix nothing up."""
    user = f"burst-{uuid.uuid4()}"

    def ask(number: int) -> int:
        text = marker(prompt=1000 + number, completion=number, chunk_delay_ms=5)
        body = {"model": "chat", "messages": say(text), "user": user, "stream": number % 2 == 0}
        return http.post("/v1/chat/completions", json=body).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(1, 97))) == {200}
    rows = wait_for_rows(proxy.engine, 96, end_user_id=user)
    assert {row.completion_tokens for row in rows} == set(range(1, 97))
    assert all(row.prompt_tokens == 1000 + (row.completion_tokens or 0) for row in rows)
