"""Calls that fail, are refused, are tried again or go elsewhere: one row each, with what became of it."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import anthropic
import httpx
import openai
import pytest

from tests.proxy.clients import CALL_ID, chat, http_client, openai_client, say
from tests.proxy.conftest import RowOf
from tests.proxy.hand import categories, nano_usd
from tests.proxy.process import Proxy
from tests.proxy.rows import wait_for_rows
from tests.upstream.ask import marker

pytestmark = pytest.mark.proxy

COST = nano_usd((1200, "0.15"), (74, "0.60"))


def _failing(**how: object) -> tuple[str, str]:
    mark = uuid.uuid4().hex
    return mark, marker(prompt=1200, completion=74, mark=mark, **how)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_retry_that_succeeds_is_one_row_with_two_attempts(proxy: Proxy, row_of: RowOf, stream: bool) -> None:
    """The refused attempt is no request of its own, and its time is part of the latency."""
    mark, text = _failing(fail=429, times=1)
    answer = chat(proxy, "chat", text, stream=stream)
    assert answer.status_code == 200, answer.text
    row = row_of(answer.headers[CALL_ID])
    assert [call["status"] for call in proxy.upstream.calls(mark)] == [429, 200]
    assert (row.status, row.attempts, row.fallbacks, row.stream) == ("success", 2, 0, stream)
    assert (row.cost_nano_usd, row.cost_confidence) == (COST, "exact")


@pytest.mark.parametrize(
    ("status", "error_class", "limit"),
    [(429, "RateLimitError", "vendor_rate_limit"), (500, "InternalServerError", None)],
)
def test_retries_that_run_out_are_one_failure(
    proxy: Proxy, row_of: RowOf, status: int, error_class: str, limit: str | None
) -> None:
    """A provider that refuses every attempt bills nothing."""
    mark, text = _failing(fail=status)
    answer = chat(proxy, "chat", text)
    assert answer.status_code == status
    row = row_of(answer.headers[CALL_ID])
    assert len(proxy.upstream.calls(mark)) == 2
    assert (row.status, row.attempts, row.is_terminal) == ("failure", 2, True)
    assert (row.error_class, row.error_code, row.rate_limit_type) == (error_class, str(status), limit)
    assert (row.provider, row.model, row.model_group) == ("openai", "gpt-4o-mini", "chat")
    assert (row.team_id, row.user_id, row.api_key_alias) == ("team-search", "ada", "search-prod")
    assert (row.cost_nano_usd, row.cost_confidence) == (0, "free")


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_call_that_the_provider_refuses_costs_nothing(proxy: Proxy, row_of: RowOf, status: int) -> None:
    """Refusals are known to be free, whatever code the provider gives them in the body."""
    _, text = _failing(fail=status)
    answer = chat(proxy, "chat", text)
    assert answer.status_code == status
    row = row_of(answer.headers[CALL_ID])
    assert row.status == "failure"
    assert (row.cost_nano_usd, row.cost_confidence, row.tokens_source) == (0, "free", "none")


def test_a_timeout_has_an_unknown_cost(proxy: Proxy, row_of: RowOf) -> None:
    """The provider may have done the work and billed it: nobody can say."""
    _, text = _failing(delay_ms=3000)
    answer = chat(proxy, "hasty", text)
    assert answer.status_code == 408
    row = row_of(answer.headers[CALL_ID])
    assert (row.status, row.error_class) == ("failure", "Timeout")
    assert (row.cost_nano_usd, row.cost_confidence) == (None, "unpriced")
    assert row.unpriced_reason
    assert row.latency_ms is not None
    assert row.latency_ms >= 500


def test_a_fallback_is_one_row_of_the_model_that_answered(proxy: Proxy, row_of: RowOf) -> None:
    """Who asked for one model and was served by another is charged for the other."""
    mark, text = _failing(fail=500, at="openai")
    answer = chat(proxy, "primary", text)
    assert answer.status_code == 200, answer.text
    row = row_of(answer.headers[CALL_ID])
    assert [call["status"] for call in proxy.upstream.calls(mark)] == [500, 500, 200]
    assert (row.status, row.attempts, row.fallbacks) == ("success", 3, 1)
    assert (row.requested_model, row.model_group) == ("primary", "claude")
    assert (row.provider, row.model) == ("anthropic", "claude-sonnet-4-5-20250929")
    assert row.cost_nano_usd == nano_usd((1200, "3"), (74, "15"))


def test_a_stream_that_broke_before_another_took_over_is_a_second_row(proxy: Proxy) -> None:
    """Its provider had read the prompt; the row is an estimate and no request of its own."""
    _, text = _failing(drop_after=0, at="openai")
    answer = chat(proxy, "primary", text, stream=True)
    assert answer.status_code == 200, answer.text
    rows = wait_for_rows(proxy.engine, 2, litellm_call_id=answer.headers[CALL_ID])
    (dropped,) = (row for row in rows if not row.is_terminal)
    (answered,) = (row for row in rows if row.is_terminal)
    assert (answered.status, answered.provider, answered.cost_confidence) == ("success", "anthropic", "exact")
    assert answered.cost_nano_usd == nano_usd((1200, "3"), (74, "15"))
    assert (dropped.status, dropped.error_class) == ("failure", "StreamDropped")
    assert (dropped.provider, dropped.model, dropped.model_group) == ("openai", "gpt-4o-mini", "primary")
    assert (dropped.prompt_tokens, dropped.completion_tokens, dropped.tokens_source) == (1200, 0, "estimated")
    assert (dropped.cost_nano_usd, dropped.cost_confidence) == (nano_usd((1200, "0.15")), "estimated")
    assert dropped.deployment_id not in {None, answered.deployment_id}


def test_a_wrong_key_is_a_rejected_row(proxy: Proxy) -> None:
    """Nobody was called and nothing is owed, but the attempt shows."""
    key = f"sk-{uuid.uuid4().hex}"
    with openai_client(proxy, key) as sdk, pytest.raises(openai.AuthenticationError):
        sdk.chat.completions.create(model="chat", messages=[{"role": "user", "content": "Hello"}])
    (row,) = wait_for_rows(proxy.engine, 1, api_key_hash=hashlib.sha256(key.encode()).hexdigest())
    assert (row.status, row.error_code) == ("rejected", "401")
    assert (row.team_id, row.tokens_source) == (None, "none")
    assert (row.cost_nano_usd, row.cost_confidence) == (0, "free")


def test_an_unknown_model_is_a_rejected_row(proxy: Proxy, http: httpx.Client) -> None:
    """Anybody can send any name: it stands in ``requested_model`` and is no model of ours."""
    name = f"no-such-model-{uuid.uuid4().hex}"
    assert http.post("/v1/messages", json={"model": name, "max_tokens": 9, "messages": []}).status_code == 400
    assert chat(proxy, name, "Hello").status_code == 400
    rows = wait_for_rows(proxy.engine, 2, requested_model=name)
    for row in rows:
        assert (row.status, row.provider, row.model) == ("rejected", None, None)
        assert (row.cost_nano_usd, row.cost_confidence, row.team_id) == (0, "free", "team-search")


def test_a_limit_of_the_proxy_is_a_rejected_row(proxy: Proxy) -> None:
    """A key's own limit is told apart from the provider's."""
    text = marker(prompt=12, completion=3)
    with http_client(proxy, "sk-one-at-a-time") as client:
        body = {"model": "chat", "messages": say(text)}
        answers = [client.post("/v1/chat/completions", json=body).status_code for _ in range(2)]
    assert answers == [200, 429]
    (row,) = wait_for_rows(proxy.engine, 1, api_key_alias="limited", status="rejected")
    assert (row.error_code, row.rate_limit_type) == ("429", "litellm_rate_limit")
    assert (row.cost_nano_usd, row.cost_confidence) == (0, "free")


def test_a_stream_that_breaks_off_is_one_failure_with_an_estimate(proxy: Proxy, row_of: RowOf) -> None:
    """What came before the break was billed; LiteLLM counts it with its own tokenizer."""
    _, text = _failing(chunks=20, drop_after=10, chunk_delay_ms=30)
    answer = chat(proxy, "chat", text, stream=True)
    row = row_of(answer.headers[CALL_ID])
    assert (row.status, row.stream, row.tokens_source) == ("failure", True, "estimated")
    assert row.completion_tokens is not None
    assert row.completion_tokens > 0
    assert row.cost_confidence == "estimated"
    assert row.cost_nano_usd is not None
    assert row.cost_nano_usd > 0


def test_a_provider_error_reaches_the_anthropic_sdk_and_one_row(
    anthropic_sdk: anthropic.Anthropic, row_of: RowOf
) -> None:
    """``/v1/messages`` words errors its own way; the row is the same."""
    _, text = _failing(fail=400)
    with pytest.raises(anthropic.BadRequestError) as refused:
        anthropic_sdk.messages.create(model="claude", max_tokens=9, messages=[{"role": "user", "content": text}])
    row = row_of(refused.value.response.headers[CALL_ID])
    assert (row.status, row.provider) == ("failure", "anthropic")
    assert (row.cost_nano_usd, row.cost_confidence) == (0, "free")


LEFT: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"model": "chat"}),
    "messages": ("/v1/messages", {"model": "claude", "max_tokens": 90}),
    "responses": ("/v1/responses", {"model": "chat"}),
}


@pytest.mark.parametrize("kind", LEFT)
def test_a_client_that_leaves_a_stream_is_one_interrupted_row(http: httpx.Client, row_of: RowOf, kind: str) -> None:
    """The provider bills what it made until then: an estimate, marked as one."""
    path, body = LEFT[kind]
    text = marker(prompt=1200, completion=74, chunks=60, chunk_delay_ms=50)
    said = {"input": text} if kind == "responses" else {"messages": say(text)}
    with http.stream("POST", path, json=body | said | {"stream": True}) as answer:
        lines = answer.iter_lines()
        for _ in range(15):
            next(lines)
    row = row_of(answer.headers[CALL_ID])
    assert (row.status, row.stream, row.is_terminal) == ("interrupted", True, True)
    assert (row.tokens_source, row.cost_confidence) == ("estimated", "estimated")
    assert set(categories(row)) == {"input_uncached", "output_text"}
    assert row.completion_tokens is not None
    assert 0 < row.completion_tokens < 74
    assert row.cost_nano_usd is not None
    assert row.cost_nano_usd > 0
