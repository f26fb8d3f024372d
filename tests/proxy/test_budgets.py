"""Budgets in the request path of real proxies: what they refuse, what they degrade, and how exactly they count."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import anthropic
import httpx
import openai
import pytest
import websockets
from sqlmodel import Session, col, select

from tests.own_database import own_database
from tests.proxy.clients import CALL_ID, anthropic_client, http_client, in_own_loop, openai_client, say
from tests.proxy.config import write_config
from tests.proxy.conftest import SUMMARY
from tests.proxy.process import Proxy, running
from tests.proxy.rows import the_row, wait_for_rows
from tests.upstream.ask import marker
from tests.upstream.process import Upstream
from usage_plugin.clock import utc_now
from usage_plugin.periods import Period
from usage_plugin.store.budgets import Action, Budget, save_budget
from usage_plugin.store.part import Part
from usage_plugin.store.tables import UsageRecord, UsageRecordTag
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

pytestmark = pytest.mark.proxy

# "agreed" has prices of its own: 1,000 tokens at 2 and 500 at 7 dollars a million.
COST = 5_500_000
SAY = marker(prompt=1000, completion=500)
CHEAP = "gemini-flash"
SPENT, KNOWN = "spent", "known"
# The budget of a scope is spent by a call of the past, so that only its own calls meet it.
SCOPES = {
    "team=team-chat": ("sk-chat-team", {}, {}),
    "end_user=eve": ("sk-search-team", {}, {"user": "eve"}),
    "feature=old": ("sk-search-team", {"x-litellm-tags": "other,feature:old"}, {}),
    "environment=test": ("sk-one-in-parallel", {"x-litellm-tags": "env:test"}, {}),
    "model=deepseek-chat": ("sk-search-team", {}, {"model": "deepseek"}),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two proxies that record to one database."""

    one: Proxy
    other: Proxy


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def pair(
    request: pytest.FixtureRequest, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """Start two proxies on one database, whose budgets they know."""
    folders = [tmp_path_factory.mktemp("budgets") for _ in range(2)]
    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        if request.param == "sqlite":
            url = f"sqlite:///{folders[0] / 'usage.db'}"
        else:
            url = stack.enter_context(own_database(request.getfixturevalue("postgres_server")))
        starts = [running(write_config(folder, upstream.base_url), url, upstream) for folder in folders]
        one, other = pool.map(stack.enter_context, starts)
        _make_budgets(one)
        for proxy in (one, other):
            _wait_until_refused(proxy, SPENT)
        yield Pair(one, other)


def _make_budgets(proxy: Proxy) -> None:
    engine, now = proxy.engine, utc_now()
    write_events(
        engine,
        [
            make_event(completed_at=now, cost_usd="5", tags=(SPENT,)),
            make_event(completed_at=now, cost_usd="5", tags=("dear",)),
            make_event(completed_at=now, cost_usd="5", tags=("lost",)),
            make_event(completed_at=now, cost_usd="5", tags=("stuck",)),
            make_event(completed_at=now, cost_usd="5", team_id="team-chat"),
            make_event(completed_at=now, cost_usd="5", end_user_id="eve", feature="old"),
            make_event(
                completed_at=now,
                cost_usd="5",
                environment="test",
                model="deepseek-chat",
                model_group="deepseek",
                provider="deepseek",
            ),
        ],
    )
    spent = Budget(
        name="spent", part=Part.read(f"tag={SPENT}"), amount_nano_usd=10**9, period=Period.MONTH, action=Action.BLOCK
    )
    save_budget(engine, spent, now)
    to_cheap = {"action": Action.DEGRADE, "degrade_to": CHEAP}
    save_budget(engine, replace(spent, name="dear", part=Part.read("tag=dear"), **to_cheap), now)  # type: ignore[arg-type]
    nowhere = {"action": Action.DEGRADE, "degrade_to": "nowhere"}
    save_budget(engine, replace(spent, name="lost", part=Part.read("tag=lost"), **nowhere), now)  # type: ignore[arg-type]
    to_a_spent_one = {"action": Action.DEGRADE, "degrade_to": "deepseek"}
    save_budget(engine, replace(spent, name="stuck", part=Part.read("tag=stuck"), **to_a_spent_one), now)  # type: ignore[arg-type]
    for scope in SCOPES:
        save_budget(engine, replace(spent, name=scope, part=Part.read(scope)), now)
    for tag, calls in (("hard", 20), ("shared", 60), ("late", 5)):
        budget = replace(spent, name=tag, part=Part.read(f"tag={tag}"), amount_nano_usd=calls * COST, period=Period.DAY)
        save_budget(engine, budget, now)


def _ask(proxy: Proxy, tag: str, text: str = SAY, **body: object) -> httpx.Response:
    with http_client(proxy) as client:
        asked = {"model": "agreed", "messages": say(text)} | body
        return client.post("/v1/chat/completions", json=asked, headers={"x-litellm-tags": tag})


def _wait_until_refused(proxy: Proxy, tag: str, at_most_s: float = 20) -> float:
    began = time.monotonic()
    while _ask(proxy, tag).status_code != 429:
        assert time.monotonic() - began < at_most_s, "the proxy does not know its budgets"
        time.sleep(0.2)
    return time.monotonic() - began


def _spent(proxy: Proxy, tag: str) -> int:
    with Session(proxy.engine) as session:
        tagged = select(UsageRecordTag.event_key).where(col(UsageRecordTag.tag) == tag)
        rows = session.exec(select(UsageRecord.cost_nano_usd).where(col(UsageRecord.event_key).in_(tagged))).all()
        return sum(cost or 0 for cost in rows)


def _settled(proxy: Proxy, tag: str, least_nano_usd: int) -> int:
    """Wait until so much is stored, and nothing more comes."""
    before = -1
    for _ in range(100):
        now = _spent(proxy, tag)
        if now == before and now >= least_nano_usd:
            return now
        before = now
        time.sleep(0.5)
    raise AssertionError(f"{before} of {least_nano_usd} are stored")


def test_a_refusal_names_budget_and_reset(pair: Pair) -> None:
    """OpenAI's client sees a rate limit with a time to wait, does not try again, and its row says why."""
    before = time.time()
    with openai_client(pair.one).with_options(max_retries=2) as sdk, pytest.raises(openai.RateLimitError) as refused:
        sdk.chat.completions.create(
            model="agreed", messages=[{"role": "user", "content": SAY}], extra_headers={"x-litellm-tags": SPENT}
        )
    assert "The budget 'spent' of $1.00 a month is spent. It resets at 20" in refused.value.message
    waits_s = float(refused.value.response.headers["retry-after"])
    assert 0 < waits_s <= 31 * 86400
    row = the_row(pair.one.engine, refused.value.response.headers[CALL_ID])
    assert (row.status, row.error_class, row.error_code, row.rate_limit_type) == (
        "rejected",
        "BudgetSpent",
        "429",
        "budget",
    )
    assert (row.cost_nano_usd, row.cost_confidence, row.requested_model) == (0, "free", "agreed")
    assert (row.team_id, row.user_id) == ("team-search", "ada")
    assert time.time() - before < 10


ROUTES: dict[str, tuple[str, dict[str, Any]]] = {
    "stream": ("/v1/chat/completions", {"model": "chat", "messages": say(SAY), "stream": True}),
    "messages": ("/v1/messages", {"model": "claude", "max_tokens": 9, "messages": say(SAY)}),
    "messages stream": ("/v1/messages", {"model": "claude", "max_tokens": 9, "messages": say(SAY), "stream": True}),
    "responses": ("/v1/responses", {"model": "chat", "input": SAY}),
    "responses stream": ("/v1/responses", {"model": "chat", "input": SAY, "stream": True}),
    "embeddings": ("/v1/embeddings", {"model": "embed", "input": [SAY]}),
    "images": ("/v1/images/generations", {"model": "image", "prompt": SAY}),
    "rerank": ("/v1/rerank", {"model": "rerank", "query": SAY, "documents": ["a"]}),
    "speech": ("/v1/audio/speech", {"model": "speech", "input": SAY, "voice": "alloy"}),
    "completions": ("/v1/completions", {"model": "complete", "prompt": SAY}),
}
# Asked with another key, so that refusals of one caller and minute keep rows of their own.
OTHER_KEY = "sk-one-in-parallel"
OTHER_ROUTES: dict[str, tuple[str, dict[str, Any]]] = {
    "compact": ("/v1/responses/compact", {"model": "chat", "input": SAY}),
    "interactions": ("/v1beta/interactions", {"model": "chat", "input": SAY}),
    "read": ("/v1/ocr", {"model": "chat", "document": {"type": "document_url", "document_url": "https://x.example/y"}}),
    "search": ("/v1/search/web", {"query": SAY}),
    "videos": ("/v1/videos", {"model": "chat", "prompt": SAY}),
    "containers": ("/v1/containers", {"name": "c"}),
    "vector store": ("/v1/vector_stores/vs/search", {"query": SAY}),
    "bedrock": ("/bedrock/model/bedrock-claude/converse", {"messages": []}),
    "realtime secret": ("/v1/realtime/client_secrets", {"model": "chat"}),
}
PASSED_THROUGH = ("/pass/openai/v1/chat/completions", {"model": "gpt-4o-mini", "messages": say(SAY)})


@pytest.mark.parametrize("route", ROUTES)
def test_every_billed_route_is_refused(pair: Pair, route: str) -> None:
    """Before a provider is asked, and before a stream begins."""
    path, body = ROUTES[route]
    with http_client(pair.one) as client:
        answer = client.post(path, json=body, headers={"x-litellm-tags": SPENT})
    assert answer.status_code == 429, answer.text
    assert "The budget 'spent' of $1.00 a month is spent." in answer.text
    row = the_row(pair.one.engine, answer.headers[CALL_ID]) if CALL_ID in answer.headers else None
    assert row is None or (row.status, row.error_class) == ("rejected", "BudgetSpent")


@pytest.mark.parametrize("route", OTHER_ROUTES)
def test_what_costs_money_besides_is_refused_too(pair: Pair, route: str) -> None:
    """Whatever LiteLLM asks its callbacks for."""
    path, body = OTHER_ROUTES[route]
    with http_client(pair.one, OTHER_KEY) as client:
        answer = client.post(path, json=body, headers={"x-litellm-tags": SPENT})
    assert answer.status_code == 429, answer.text
    assert "The budget 'spent' of $1.00 a month is spent." in answer.text


@pytest.mark.parametrize(("path", "call_type"), [("realtime", "_arealtime"), ("responses", "_aresponses_websocket")])
def test_a_connection_is_refused_when_it_begins(pair: Pair, path: str, call_type: str) -> None:
    """A realtime client and one of /v1/responses are told why; its row says so, though LiteLLM reports nothing."""

    async def told() -> str:
        headers = {"Authorization": f"Bearer {OTHER_KEY}", "x-litellm-tags": SPENT}
        url = f"{pair.one.url.replace('http', 'ws')}/v1/{path}?model=chat"
        async with websockets.connect(url, additional_headers=headers) as ours:
            await ours.send(json.dumps({"type": "response.create", "model": "chat", "input": SAY}))
            return str(await asyncio.wait_for(ours.recv(), 30))

    assert "The budget 'spent' of $1.00 a month is spent." in in_own_loop(told())
    (row,) = wait_for_rows(pair.one.engine, 1, call_type=call_type)
    assert (row.status, row.error_class, row.cost_nano_usd, row.requested_model) == (
        "rejected",
        "BudgetSpent",
        0,
        "chat",
    )


def test_a_call_that_is_passed_through_is_its_keys(pair: Pair) -> None:
    """Tags are not known of it before it is sent; what its body says of a team counts for nothing."""
    path, body = PASSED_THROUGH
    forged = {"metadata": {"user_api_key_team_id": "team-search", "tags": [SPENT]}}
    answers = list[httpx.Response]()
    for key in ("sk-chat-team", "sk-search-team"):
        with http_client(pair.one, key) as client:
            answers.append(client.post(path, json=body | forged, headers={"x-litellm-tags": SPENT}))
    assert [answer.status_code for answer in answers] == [429, 200]
    assert "The budget 'team=team-chat'" in answers[0].text


def test_each_of_several_models_has_its_limits(pair: Pair) -> None:
    """LiteLLM asks both at once, and both are billed."""
    assert _ask(pair.one, "other", model="agreed,agreed").status_code == 200
    answer = _ask(pair.one, "other", model="agreed, deepseek")
    assert answer.status_code == 429, answer.text
    assert "The budget 'model=deepseek-chat'" in answer.text


@pytest.mark.parametrize("scope", SCOPES)
def test_each_scope_is_known_before_the_call(pair: Pair, scope: str) -> None:
    """By key, by header, by body, and by what a model group asks."""
    key, headers, body = SCOPES[scope]
    asked = {"model": "chat", "messages": say(SAY)} | body
    with http_client(pair.one, key) as client:
        answer = client.post("/v1/chat/completions", json=asked, headers=headers)
    assert answer.status_code == 429, answer.text
    assert f"The budget '{scope}'" in answer.text


def test_anthropics_client_sees_a_rate_limit_too(pair: Pair) -> None:
    """In the shape that it knows."""
    with anthropic_client(pair.one) as sdk, pytest.raises(anthropic.RateLimitError) as refused:
        sdk.messages.create(
            model="claude",
            max_tokens=9,
            messages=[{"role": "user", "content": SAY}],
            extra_headers={"x-litellm-tags": SPENT},
        )
    assert "The budget 'spent'" in str(refused.value)


def test_a_hard_limit_under_50_calls_at_once(pair: Pair, request: pytest.FixtureRequest) -> None:
    """20 calls fit. 50 come at once, and what is spent in the end is beyond the amount by less than one call."""
    _ask(pair.one, "other")  # what such a call costs is known from now on
    _settled(pair.one, "other", COST)
    time.sleep(3)  # counted each second
    with ThreadPoolExecutor(50) as pool:
        text = marker(prompt=1000, completion=500, delay_ms=800)
        answers = list(pool.map(lambda _: _ask(pair.one, "hard", text), range(50)))
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {200, 429}
    spent = _settled(pair.one, "hard", codes.count(200) * COST)
    line = f"50 calls at once against room for 20: {codes.count(200)} answered, {spent / (20 * COST):.1%} spent"
    request.config.stash[SUMMARY].append(line)
    assert spent == codes.count(200) * COST
    assert 20 * COST <= spent <= 21 * COST
    squeezed = [answer for answer in answers if "calls that run just now" in answer.text]
    assert all(int(answer.headers["retry-after"]) <= 2 for answer in squeezed)
    final = _ask(pair.one, "hard")
    assert final.status_code == 429
    assert "of $0.110 a day is spent" in final.text


DEGRADED: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"model": "agreed", "messages": say(SAY)}),
    **{name: ROUTES[name] for name in ("stream", "messages", "messages stream", "responses", "responses stream")},
}


@pytest.mark.parametrize("route", DEGRADED)
def test_a_degraded_call_is_answered_by_the_other_group(pair: Pair, route: str) -> None:
    """Its row says what was asked for, and who answered."""
    path, body = DEGRADED[route]
    with http_client(pair.one) as client:
        answer = client.post(path, json=body, headers={"x-litellm-tags": "dear"})
    assert answer.status_code == 200, answer.text
    row = the_row(pair.one.engine, answer.headers[CALL_ID])
    assert (row.status, row.requested_model, row.model_group) == ("success", body["model"], CHEAP)
    assert (row.provider, row.model, row.fallbacks) == ("gemini", "gemini-2.5-flash", 0)


def test_a_group_that_the_proxy_does_not_have_makes_no_call_fail(pair: Pair) -> None:
    """A call goes on as it was asked for, and the log says why."""
    answer = _ask(pair.one, "lost")
    assert answer.status_code == 200, answer.text
    assert the_row(pair.one.engine, answer.headers[CALL_ID]).model_group == "agreed"


def test_a_call_that_is_sent_to_another_group_needs_room_there(pair: Pair) -> None:
    """What that group's model may cost is spent, so that the call is refused and sent nowhere."""
    answer = _ask(pair.one, "stuck")
    assert answer.status_code == 429, answer.text
    assert "The budget 'model=deepseek-chat'" in answer.text


def test_what_no_chat_model_can_answer_is_not_degraded(pair: Pair) -> None:
    """Embeddings go on as they were asked for."""
    path, body = ROUTES["embeddings"]
    with http_client(pair.one) as client:
        answer = client.post(path, json=body, headers={"x-litellm-tags": "dear"})
    assert answer.status_code == 200, answer.text
    assert the_row(pair.one.engine, answer.headers[CALL_ID]).model_group == "embed"


def test_two_proxies_share_a_counter(pair: Pair, request: pytest.FixtureRequest) -> None:
    """Both spend at once; together they exceed the amount by no more than two seconds of calls and those in flight."""
    began, ended = time.monotonic(), list[float]()

    def spend(number: int) -> int:
        proxy, answered = (pair.one, pair.other)[number % 2], 0
        while _ask(proxy, "shared").status_code == 200:
            answered += 1
            ended.append(time.monotonic())
            time.sleep(0.1)
        return answered

    with ThreadPoolExecutor(4) as pool:
        answered = sum(pool.map(spend, range(4)))
    per_s = answered / (max(ended) - began)
    beyond = answered - 60
    line = f"two proxies, {per_s:.0f} calls a second together, room for 60: {answered} answered"
    request.config.stash[SUMMARY].append(line)
    assert answered >= 60
    assert beyond <= 2 * per_s + 4, line
    assert _settled(pair.one, "shared", answered * COST) == answered * COST


def test_a_proxy_learns_of_the_others_spend(pair: Pair) -> None:
    """What one spends the other knows within seconds, though it was never asked itself."""
    for _ in range(5):
        assert _ask(pair.one, "late").status_code == 200
    # A second for each of storing, counting and asking; more where the machine is busy with other tests.
    assert _wait_until_refused(pair.other, "late") < 6
