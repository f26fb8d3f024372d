"""What clients send, and the rows that must come of it: the words in which all scenarios are written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.proxy.clients import SEARCH_KEY, say
from tests.proxy.hand import nano_usd
from tests.upstream.ask import marker

FULL = marker(prompt=1200, cached=1024, completion=74, reasoning=64)
PLAIN = marker(prompt=1200, completion=74)
WRITES = marker(prompt=2600, cached=2000, write_5m=400, write_1h=100, completion=42)
MINI = nano_usd((176, "0.15"), (1024, "0.075"), (74, "0.60"))
MINI_PLAIN = nano_usd((1200, "0.15"), (74, "0.60"))
CLAUDE = nano_usd((100, "3"), (2000, "0.30"), (400, "3.75"), (100, "6"), (42, "15"))
CLAUDE_PLAIN = nano_usd((1200, "3"), (74, "15"))
GEMINI = nano_usd((176, "0.30"), (1024, "0.03"), (74, "2.50"))
SONNET = "claude-sonnet-4-5-20250929"
# Long enough to leave in the middle of it.
SLOW: dict[str, Any] = {"chunks": 60, "chunk_delay_ms": 50}
LEFT_AFTER_LINES = 15
SOME = range(1, 1200)


@dataclass(frozen=True, slots=True)
class PerToken:
    """A cost that is worked out from the tokens that the row itself gives: nobody knows an estimate beforehand."""

    input_usd_per_million: str
    output_usd_per_million: str

    def of(self, prompt_tokens: int | None, completion_tokens: int | None) -> int:
        """Give billionths of a dollar."""
        per_input, per_output = self.input_usd_per_million, self.output_usd_per_million
        return nano_usd((prompt_tokens or 0, per_input), (completion_tokens or 0, per_output))


MINI_ESTIMATE = PerToken("0.15", "0.60")
CLAUDE_ESTIMATE = PerToken("3", "15")
Count = int | range | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A row; the default is a plain success of gpt-4o-mini. A range stands for any of its numbers."""

    status: str = "success"
    is_terminal: bool = True
    call_type: str = "acompletion"
    model: str | None = "gpt-4o-mini"
    stream: bool = False
    prompt_tokens: Count = 1200
    completion_tokens: Count = 74
    tokens_source: str = "provider"
    cost_nano_usd: int | PerToken | None = MINI
    cost_confidence: str = "exact"
    unpriced_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, and how its client behaves.

    Args:
        path: Of the proxy.
        body: Sent as JSON, or as a form beside *files*.
        key: The caller's.
        method: Of HTTP.
        headers: More of them.
        files: Of a form.
        raw: Sent instead of *body*.
        answers: The status that the client must see; 0 where it went away, ``None`` where chance decides.
        leaves_after: Lines of a stream after which the client goes away.
        gives_up_after_s: Time after which the client goes away.
        known_by: A column, and its value in the rows of this request, where LiteLLM forgets the call's id.
    """

    path: str
    body: dict[str, Any] = field(default_factory=dict)
    key: str = SEARCH_KEY
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    files: dict[str, Any] | None = None
    raw: bytes | None = None
    answers: int | None = 200
    leaves_after: int | None = None
    gives_up_after_s: float | None = None
    known_by: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Requests of one kind, and all the rows that must come of them.

    Args:
        name: A short one.
        asked: The requests, one after the other.
        rows: In any order.
        or_rows: Instead of them, where chance decides which of two ways it goes.
        served: Calls that the provider must see; ``None`` where chance decides.
        at_once: Send the requests together.
    """

    name: str
    asked: tuple[Asked, ...]
    rows: tuple[Expected, ...]
    or_rows: tuple[Expected, ...] = ()
    served: int | None = 1
    at_once: bool = False


def chat(text: str = FULL, model: str = "chat", **extra: Any) -> Asked:
    """Word a chat call; *extra* goes into its body."""
    return Asked(path="/v1/chat/completions", body={"model": model, "messages": say(text), **extra})


def messages(text: str = WRITES, model: str = "claude", **extra: Any) -> Asked:
    """Word a call of Anthropic's route."""
    return Asked(path="/v1/messages", body={"model": model, "max_tokens": 90, "messages": say(text), **extra})


def responses(text: str = FULL, model: str = "chat", **extra: Any) -> Asked:
    """Word a call of the responses route."""
    return Asked(path="/v1/responses", body={"model": model, "input": text, **extra})


def one(name: str, asked: Asked, *rows: Expected, served: int | None = 1) -> Scenario:
    """Word a scenario of one request."""
    return Scenario(name=name, asked=(asked,), rows=rows, served=served)
