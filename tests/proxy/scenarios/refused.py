"""Requests that the proxy itself refuses, and those that are no calls at all."""

from __future__ import annotations

import uuid
from dataclasses import replace

from tests.proxy.scenarios.broken import PLAIN_SUCCESS, plain
from tests.proxy.scenarios.model import Asked, Expected, Scenario, chat, one

REJECTED = Expected(
    status="rejected",
    model=None,
    prompt_tokens=None,
    completion_tokens=None,
    tokens_source="none",
    cost_nano_usd=0,
    cost_confidence="free",
)
LIMITED = replace(REJECTED, model="gpt-4o-mini")


def _refused() -> list[Scenario]:
    asked = {
        "auth_wrong_key": _known_by_agent(replace(chat(), key=f"sk-{uuid.uuid4().hex}", answers=401)),
        "auth_no_key": _known_by_agent(replace(chat(), key="", answers=401)),
        "unknown_model": replace(chat(model="no-such-model"), answers=400),
        "invalid_json": replace(
            chat(),
            key="sk-half-of-a-body",
            raw=b'{"model": "chat", "mess',
            answers=400,
            known_by=("api_key_alias", "half-of-a-body"),
        ),
        "missing_messages": Asked(path="/v1/chat/completions", body={"model": "chat"}, answers=400),
    }
    knows_model = {"auth_wrong_key", "auth_no_key", "missing_messages"}
    return [one(name, call, LIMITED if name in knows_model else REJECTED, served=0) for name, call in asked.items()]


def _known_by_agent(asked: Asked) -> Asked:
    agent = f"scenario-{uuid.uuid4()}"
    return replace(asked, headers={"User-Agent": agent}, known_by=("user_agent", agent))


def _limited(name: str, first: Asked, refusal: Expected = LIMITED, *, at_once: bool = False) -> Scenario:
    refused = replace(first, answers=429)
    rows = (PLAIN_SUCCESS, refusal, refusal)
    return Scenario(name=name, asked=(first, refused, refused), rows=rows, at_once=at_once)


SCENARIOS: list[Scenario] = [
    *_refused(),
    _limited("rpm_limited_by_litellm", chat(plain(), "one-a-minute"), REJECTED),
    _limited(
        "max_parallel_limited",
        replace(chat(plain(delay_ms=1500)), key="sk-one-in-parallel"),
        at_once=True,
    ),
    Scenario(
        name="health_and_models",
        asked=tuple(
            Asked(path=path, method="GET") for path in ("/health/liveliness", "/health/readiness", "/v1/models")
        ),
        rows=(),
        served=0,
    ),
]
