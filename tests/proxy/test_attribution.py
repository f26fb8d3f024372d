"""Who made a call: key, user, team, organisation, end user, tags, feature and environment, on each kind of route."""

from __future__ import annotations

import hashlib

import httpx
import openai
import pytest

from tests.proxy.clients import CALL_ID, CHAT_KEY, SEARCH_KEY, openai_client, say
from tests.proxy.conftest import RowOf
from tests.proxy.process import Proxy
from tests.proxy.rows import tags_of
from tests.upstream.ask import marker
from usage_plugin.store.tables import UsageRecord

pytestmark = pytest.mark.proxy

USAGE = marker(prompt=12, completion=3)
HEADERS = {"x-litellm-tags": "feature:autocomplete,beta", "x-litellm-end-user-id": "customer-7"}
# Route and body of each kind of call that tags and an end user must reach.
ROUTES = {
    "chat": ("/v1/chat/completions", {"model": "chat", "messages": say(USAGE)}),
    "chat stream": ("/v1/chat/completions", {"model": "chat", "messages": say(USAGE), "stream": True}),
    "responses": ("/v1/responses", {"model": "chat", "input": USAGE}),
    "messages": ("/v1/messages", {"model": "claude", "max_tokens": 9, "messages": say(USAGE)}),
    "embeddings": ("/v1/embeddings", {"model": "embed", "input": USAGE}),
    "image": ("/v1/images/generations", {"model": "image", "prompt": USAGE}),
    "rerank": ("/v1/rerank", {"model": "rerank", "query": USAGE, "documents": ["a"]}),
}


def _search_team(row: UsageRecord) -> None:
    assert (row.team_id, row.team_alias, row.organization_id) == ("team-search", "Search", "org-acme")
    assert (row.user_id, row.api_key_alias) == ("ada", "search-prod")
    assert row.api_key_hash == hashlib.sha256(SEARCH_KEY.encode()).hexdigest()


@pytest.mark.parametrize("kind", ROUTES)
def test_headers_attribute_each_kind_of_call(proxy: Proxy, http: httpx.Client, row_of: RowOf, kind: str) -> None:
    """A team that only sets headers is charged right on every route; tags of its key are added."""
    path, body = ROUTES[kind]
    answer = http.post(path, json=body, headers=HEADERS)
    assert answer.status_code == 200, answer.text
    row = row_of(answer.headers[CALL_ID])
    _search_team(row)
    assert (row.end_user_id, row.route) == ("customer-7", path)
    assert (row.feature, row.environment) == ("autocomplete", "prod")
    assert tags_of(proxy.engine, row) == {"feature:autocomplete", "beta", "env:prod", "key-tag"}


def test_the_body_attributes_too(proxy: Proxy, row_of: RowOf) -> None:
    """OpenAI's ``user`` and LiteLLM's ``metadata.tags`` do the same from inside an SDK call."""
    with openai_client(proxy, CHAT_KEY) as sdk:
        raw = sdk.chat.completions.with_raw_response.create(
            model="chat",
            messages=[{"role": "user", "content": USAGE}],
            user="customer-8",
            extra_body={"metadata": {"tags": ["feature:summary", "env:staging"]}},
        )
    row = row_of(raw.headers[CALL_ID])
    assert (row.team_id, row.user_id, row.api_key_alias) == ("team-chat", "grace", "chat-dev")
    assert (row.end_user_id, row.feature, row.environment) == ("customer-8", "summary", "staging")
    assert tags_of(proxy.engine, row) == {"feature:summary", "env:staging"}


def test_a_caller_without_tags_has_none(proxy: Proxy, row_of: RowOf) -> None:
    """LiteLLM's own tags for the user agent are left out; the user agent has a column."""
    with openai_client(proxy, CHAT_KEY) as sdk:
        raw = sdk.chat.completions.with_raw_response.create(model="chat", messages=[{"role": "user", "content": USAGE}])
    row = row_of(raw.headers[CALL_ID])
    assert (row.end_user_id, row.feature, row.environment) == (None, None, None)
    assert tags_of(proxy.engine, row) == set()
    assert row.user_agent is not None
    assert f"{openai.__version__}" in row.user_agent


def test_a_session_ties_calls_together(http: httpx.Client, row_of: RowOf) -> None:
    """An agent's calls share the session id that it sends."""
    body = {"model": "chat", "messages": say(USAGE)}
    answers = [http.post("/v1/chat/completions", json=body, headers={"x-litellm-session-id": "s-1"}) for _ in range(2)]
    rows = [row_of(answer.headers[CALL_ID]) for answer in answers]
    assert [row.session_id for row in rows] == ["s-1", "s-1"]
