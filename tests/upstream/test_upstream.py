"""The stand-in itself: as strict as the providers' documentation, and readable by their own clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import boto3  # type: ignore[import-untyped]
import httpx
import openai
import pytest

from tests.upstream.ask import Ask, marker, parse
from tests.upstream.process import Upstream, running

KEY = {"Authorization": "Bearer sk-x"}
GOOGLE = {"x-goog-api-key": "k"}
CLAUDE = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/bedrock/aws4_request"}
HELLO = [{"role": "user", "content": "Hello"}]
CHAT = "/openai/v1/chat/completions"
GENERATE = "/gemini/v1beta/models/gemini-2.5-flash:generateContent"
CONVERSE = "/bedrock/model/anthropic.claude-v2/converse"
AZURE = "/azure/openai/deployments/gpt-4o/chat/completions"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """Start the stand-in."""
    with running() as upstream:
        yield upstream


@pytest.fixture
def client(upstream: Upstream) -> Iterator[httpx.Client]:
    """Reach it in plain HTTP."""
    with httpx.Client(base_url=upstream.base_url) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        (CHAT, KEY, {"messages": HELLO}),
        (CHAT, KEY, {"model": "gpt-4o", "messages": []}),
        (CHAT, KEY, {"model": "gpt-4o", "messages": [{"role": "robot", "content": "Hello"}]}),
        (CHAT, KEY, {"model": "gpt-4o", "messages": HELLO, "temprature": 1}),
        (CHAT, KEY, {"model": "gpt-4o", "messages": HELLO, "stream_options": {"include_usage": True}}),
        ("/openai/v1/embeddings", KEY, {"model": "text-embedding-3-small"}),
        ("/openai/v1/responses", KEY, {"model": "gpt-4o"}),
        ("/openai/v1/images/generations", KEY, {"model": "dall-e-3"}),
        ("/anthropic/v1/messages", CLAUDE, {"model": "claude", "messages": HELLO}),
        ("/anthropic/v1/messages", {"x-api-key": "k"}, {"model": "claude", "max_tokens": 9, "messages": HELLO}),
        ("/anthropic/v1/messages", CLAUDE, {"model": "claude", "max_tokens": 9, "messages": HELLO, "n": 2}),
        (GENERATE, GOOGLE, {"contents": []}),
        (GENERATE, GOOGLE, {"contents": [{"parts": [{"text": "Hello"}]}], "messages": HELLO}),
        (CONVERSE, SIGNED, {"messages": [{"role": "user", "content": "Hello"}]}),
        ("/cohere/v2/embed", KEY, {"model": "embed-v4.0", "texts": ["a"]}),
        ("/cohere/v2/rerank", KEY, {"model": "rerank-v3.5", "query": "a"}),
    ],
)
def test_what_a_provider_refuses_is_refused(
    client: httpx.Client, path: str, headers: dict[str, str], body: dict[str, Any]
) -> None:
    """A missing, unknown or wrong field is a 400, so that a bad translation cannot pass for a good call."""
    answer = client.post(path, headers=headers, json=body)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("path", [CHAT, "/anthropic/v1/messages", GENERATE, CONVERSE, AZURE, "/cohere/v2/chat"])
def test_a_call_without_the_right_kind_of_key_is_refused(client: httpx.Client, path: str) -> None:
    """Each provider wants its key in a place of its own."""
    assert client.post(path, json={}).status_code == 401


def test_azure_wants_a_version(client: httpx.Client) -> None:
    """A path without ``api-version`` does not exist there."""
    body = {"messages": HELLO}
    assert client.post(AZURE, headers={"api-key": "k"}, json=body).status_code == 404
    assert client.post(AZURE, headers={"api-key": "k"}, json=body, params={"api-version": "1"}).status_code == 200


@pytest.mark.parametrize("asked", [True, False])
def test_openai_sends_usage_in_a_stream_only_when_asked(upstream: Upstream, asked: bool) -> None:
    """In a last chunk without choices."""
    sdk = openai.OpenAI(base_url=f"{upstream.base_url}/openai/v1", api_key="sk-x")
    options: Any = {"include_usage": True} if asked else openai.omit
    stream = sdk.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Hello"}], stream=True, stream_options=options
    )
    chunks = list(stream)
    counted = [chunk for chunk in chunks if chunk.usage is not None]
    assert len(counted) == asked
    assert all(not chunk.choices for chunk in counted)


def test_the_anthropic_sdk_reads_both_lifetimes_of_a_cache_write(upstream: Upstream) -> None:
    """Anthropic counts fresh input, cache reads and cache writes apart from each other."""
    sdk = anthropic.Anthropic(base_url=f"{upstream.base_url}/anthropic", api_key="k")
    text = marker(prompt=2600, cached=2000, write_5m=400, write_1h=100, completion=42)
    usage = sdk.messages.create(model="c", max_tokens=9, messages=[{"role": "user", "content": text}]).usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (100, 2000, 42)
    assert usage.cache_creation is not None
    assert usage.cache_creation.ephemeral_5m_input_tokens == 400
    assert usage.cache_creation.ephemeral_1h_input_tokens == 100


def test_the_aws_sdk_reads_the_answer_and_the_binary_stream(upstream: Upstream) -> None:
    """Lengths and checksums of the frames are right, and the last one holds the usage."""
    names = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "s", "region_name": "us-east-1"}
    sdk = boto3.client("bedrock-runtime", endpoint_url=f"{upstream.base_url}/bedrock", **names)
    messages = [{"role": "user", "content": [{"text": marker(prompt=12, cached=2, completion=3)}]}]
    usage = {"inputTokens": 10, "outputTokens": 3, "totalTokens": 15, "cacheReadInputTokens": 2}
    whole = sdk.converse(modelId="anthropic.claude-v2:1", messages=messages)["usage"]
    events = list(sdk.converse_stream(modelId="anthropic.claude-v2:1", messages=messages)["stream"])
    assert "".join(event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event)
    for found in (whole, events[-1]["metadata"]["usage"]):
        assert found == found | usage


def test_it_fails_as_often_as_asked_and_keeps_a_log(client: httpx.Client) -> None:
    """Failures are counted by mark, and may be meant for one provider only."""
    text = marker(fail=429, times=1, at="openai", mark="often")
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    paths = ("/groq/v1/chat/completions", CHAT, CHAT)
    assert [client.post(path, headers=KEY, json=body).status_code for path in paths] == [200, 429, 200]
    log = client.get("/__log", params={"mark": "often"}).json()
    assert [(call["path"], call["status"]) for call in log] == list(zip(paths, (200, 429, 200), strict=True))


def test_half_of_an_answer_is_no_answer(client: httpx.Client) -> None:
    """A whole answer may break off with its connection, or end in the middle of its JSON."""
    body = {"model": "m", "messages": [{"role": "user", "content": marker(garble=1)}]}
    garbled = client.post(CHAT, headers=KEY, json=body)
    assert (garbled.status_code, garbled.text[-1]) == (200, "d")
    with pytest.raises(httpx.RemoteProtocolError):
        client.post(CHAT, headers=KEY, json={**body, "messages": [{"role": "user", "content": marker(drop=1)}]})


@pytest.mark.parametrize("stream", [False, True])
def test_openais_sdk_reads_several_choices_and_a_tool_call(upstream: Upstream, stream: bool) -> None:
    """As many choices as asked for, and the first tool that was offered is called in each."""
    sdk = openai.OpenAI(base_url=f"{upstream.base_url}/openai/v1", api_key="sk-x")
    tools: Any = [{"type": "function", "function": {"name": "look_up", "parameters": {}}}]
    hello: Any = HELLO
    answer: Any = sdk.chat.completions.create(model="gpt-4o", messages=hello, n=2, tools=tools, stream=stream)
    choices = list(next(iter(answer)).choices if stream else answer.choices)
    said = [choice.delta if stream else choice.message for choice in choices]
    assert [each.tool_calls[0].function.name for each in said] == ["look_up", "look_up"]


def test_a_marker_with_a_slip_is_an_error() -> None:
    """A test that asks for something unknown must not pass by chance."""
    assert parse(b"no marker") == Ask()
    with pytest.raises(ValueError, match="promt"):
        marker(promt=3)
