"""What is known of a call before it is made, as its row will have it."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from usage_plugin.capture.scope import Asked, Scopes
from usage_plugin.gate import Plan
from usage_plugin.settings import Settings

INJECTED = "User-Agent: python"
DIMENSIONS = ("tag", "feature", "environment", "team", "model", "status")
LIMITED = ("feature:", "feature:a", "x")
PLAN = Plan(dimensions=DIMENSIONS, members=({tag: {} for tag in LIMITED}, {}, {}, {}, {}, {}))


def scopes_of(scopes: Scopes, **metadata: Any) -> tuple[tuple[str, ...], ...]:
    asked = Asked({"model": "chat", "metadata": metadata}, None, "acompletion", {"chat": ("gpt", "openai")})
    return scopes.of(asked, PLAN)


@pytest.fixture
def scopes() -> Scopes:
    return Scopes(Settings(environment="lab"))


def test_tags_say_feature_and_environment(scopes: Scopes) -> None:
    """The first one that says something; behind it stand the metadata for spend logs, and behind those the settings."""
    tags = [INJECTED, "feature:", " feature:a ", "feature:b", "env:prod", "x"]
    assert scopes_of(scopes, tags=tags)[:3] == (LIMITED, ("a",), ("prod",))
    assert scopes_of(scopes, tags=tags)[:3] == (LIMITED, ("a",), ("prod",))
    logs = {"feature": "c", "environment": "e"}
    assert scopes_of(scopes, tags=tags[:2], spend_logs_metadata=logs)[:3] == (("feature:",), ("c",), ("e",))
    assert scopes_of(scopes, tags=tags[:2])[:3] == (("feature:",), (), ("lab",))
    assert scopes_of(scopes)[:3] == ((), (), ("lab",))


def test_anything_may_come_as_tags(scopes: Scopes) -> None:
    """What cannot be a tag is none."""
    assert scopes_of(scopes, tags=["x", {"b": 1}, ["c"], 3, None, ""])[0] == ("x",)
    assert scopes_of(scopes, tags="x")[0] == ()


@pytest.mark.parametrize("many", [False, True])
def test_what_a_client_sends_is_not_kept(scopes: Scopes, many: bool) -> None:
    """Calls with a tag of a megabyte, or with tens of thousands of tags, each of them twice, so that it is known."""
    tracemalloc.start()
    try:
        for number in range(25):
            tags = [f"{number} {each}" for each in range(20_000)] if many else [f"{number} " + "x" * 10**6, "x"]
            for _ in range(2):
                assert scopes_of(scopes, tags=tags, user_api_key_team_id=tags[0])[3] == (tags[0][:256],)
        del tags
        assert tracemalloc.get_traced_memory()[0] < 4_000_000
    finally:
        tracemalloc.stop()


def test_the_rest_is_the_keys_and_the_groups(scopes: Scopes) -> None:
    """Nothing is known of how a call will end."""
    assert scopes_of(scopes, user_api_key_team_id=" blue ")[3:] == (("blue",), ("gpt",), ())


def test_several_groups_at_once_meet_the_limits_of_each(scopes: Scopes) -> None:
    """Of chat completions alone: elsewhere a comma is a part of a name."""
    known = {"chat": ("gpt", "openai"), "small": ("mini", "openai"), "odd,name": ("odd", "azure")}
    plan = Plan(dimensions=("model", "provider"), members=({}, {}))

    def found(model: str, call_type: str = "acompletion") -> tuple[tuple[str, ...], ...]:
        asked = Asked({"model": model}, None, call_type, known)
        at_first = scopes.of(asked, plan)
        asked.send_to("small")
        assert scopes.of(asked, plan) == (("mini",), ("openai",))
        return at_first

    assert found("chat, nobody,small") == (("gpt", "mini"), ("openai",))
    assert found("odd,name", "aembedding") == (("odd",), ("azure",))
    assert found("odd,name") == ((), ())
