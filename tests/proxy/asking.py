"""A chosen model in; the request for it, and the row that it must give, worked out from usage block x price, out.

What differs between providers is what they report: whether cached and reasoning tokens, and cache writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.proxy.clients import say
from tests.proxy.price_map import ZERO
from tests.proxy.selection import Chosen
from tests.upstream.ask import marker

REPORT_TOTALS_ONLY = {"mistral", "codestral", "perplexity", "cohere_chat"}
REPORT_CACHE_WRITES = {"anthropic", "bedrock_converse"}
# LiteLLM asks these for no usage in a stream, and who is not asked need not send any.
NOT_ASKED_IN_STREAMS = frozenset(
    "aihubmix cerebras crusoe databricks deepinfra gmi hyperbolic llamagate morph nscale v0".split()  # noqa: SIM905
)
# In these streams LiteLLM loses a part of what the provider said: all of Cohere's, the split of some of Azure's.
LOST_IN_STREAMS = frozenset({"cohere_chat", "azure"})
Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a row must hold."""

    cost_usd: Decimal
    counts: dict[str, int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asking:
    """One call, and what must come of it."""

    path: str
    body: dict[str, Any]
    expected: Expected
    files: dict[str, Any] | None = None


def asking(chosen: Chosen) -> Asking:
    """Word the call of a model, with a usage block of its own."""
    return _BY_MODE[chosen.entry.mode](chosen)


def _usage(chosen: Chosen) -> Counts:
    """Give each model other counts, and those special tokens that it has a price for and its provider reports."""
    number, entry = chosen.number, chosen.entry
    counts = {"prompt": 2000 + 13 * number, "completion": 100 + number}
    if entry.provider in REPORT_TOTALS_ONLY:
        return counts
    if entry.price("cache_read_input_token_cost"):
        counts["cached"] = 500 + number
    if entry.provider in REPORT_CACHE_WRITES:
        return counts | _cache_writes(chosen)
    return counts | {"reasoning": 40}


def _cache_writes(chosen: Chosen) -> Counts:
    writes = {"write_5m": "cache_creation_input_token_cost", "write_1h": "cache_creation_input_token_cost_above_1hr"}
    return {name: 100 + chosen.number for name, price in writes.items() if chosen.entry.price(price)}


def _token_cost(chosen: Chosen, used: Counts) -> Decimal:
    price, count = chosen.entry.price, used.get
    special_in = count("cached", 0) + count("write_5m", 0) + count("write_1h", 0)
    return (
        (count("prompt", 0) - special_in) * price("input_cost_per_token")
        + count("cached", 0) * price("cache_read_input_token_cost")
        + count("write_5m", 0) * price("cache_creation_input_token_cost")
        + count("write_1h", 0) * price("cache_creation_input_token_cost_above_1hr")
        + (count("completion", 0) - count("reasoning", 0)) * price("output_cost_per_token")
        + count("reasoning", 0) * price("output_cost_per_reasoning_token", "output_cost_per_token")
    )


def _token_row(chosen: Chosen, used: Counts) -> Expected:
    columns = {
        "prompt_tokens": used.get("prompt", 0),
        "completion_tokens": used.get("completion", 0),
        "input_cache_read_tokens": used.get("cached", 0),
        "input_cache_write_5m_tokens": used.get("write_5m", 0),
        "input_cache_write_1h_tokens": used.get("write_1h", 0),
        "output_reasoning_tokens": used.get("reasoning", 0),
    }
    return Expected(_token_cost(chosen, used), dict(columns))


def _chat(chosen: Chosen) -> Asking:
    used = _usage(chosen)
    body: dict[str, Any] = {"model": chosen.public, "messages": say(f"Hello {marker(**used)}")}
    if chosen.number % 2 and chosen.entry.provider not in NOT_ASKED_IN_STREAMS | LOST_IN_STREAMS:
        body["stream"] = True
    return Asking("/v1/chat/completions", body, _token_row(chosen, used))


def _completion(chosen: Chosen) -> Asking:
    used = {"prompt": 2000 + chosen.number, "completion": 100}
    body = {"model": chosen.public, "prompt": marker(**used)}
    return Asking("/v1/completions", body, _token_row(chosen, used))


def _responses(chosen: Chosen) -> Asking:
    used = _usage(chosen)
    return Asking("/v1/responses", {"model": chosen.public, "input": marker(**used)}, _token_row(chosen, used))


def _embedding(chosen: Chosen) -> Asking:
    used = {"prompt": 3000 + 17 * chosen.number}
    body = {"model": chosen.public, "input": [marker(**used)]}
    return Asking("/v1/embeddings", body, _token_row(chosen, used))


def _rerank(chosen: Chosen) -> Asking:
    per_search = chosen.entry.price("input_cost_per_query")
    used = {"search_units": 3, "prompt": 700 + chosen.number}
    cost = 3 * per_search or used["prompt"] * chosen.entry.price("input_cost_per_token")
    counts: dict[str, int | float] = {"search_units": 3} if per_search else {"prompt_tokens": used["prompt"]}
    body = {"model": chosen.public, "query": marker(**used), "documents": ["a", "b"]}
    return Asking("/v1/rerank", body, Expected(cost, counts))


def _image(chosen: Chosen) -> Asking:
    used = {"prompt": 40 + chosen.number, "completion": 4000 + chosen.number}
    per_image_token = chosen.entry.price("output_cost_per_image_token")
    body = {"model": chosen.public, "prompt": marker(**used)}
    if not per_image_token:
        cost = chosen.entry.price("output_cost_per_image", "input_cost_per_image")
        return Asking("/v1/images/generations", body, Expected(cost, {"output_images": 1}))
    cost = used["prompt"] * chosen.entry.price("input_cost_per_token") + used["completion"] * per_image_token
    counts = {"prompt_tokens": used["prompt"], "output_image_tokens": used["completion"], "output_images": 1}
    return Asking("/v1/images/generations", body, Expected(cost, dict(counts)))


def _speech(chosen: Chosen) -> Asking:
    text = f"Read-this-aloud-number-{chosen.number}."  # no blanks: LiteLLM leaves them out of the price
    cost = len(text) * chosen.entry.price("input_cost_per_character")
    body = {"model": chosen.public, "input": text, "voice": "alloy"}
    return Asking("/v1/audio/speech", body, Expected(cost, {"input_characters": len(text)}))


def _transcription(chosen: Chosen) -> Asking:
    per_audio_token = chosen.entry.price("input_cost_per_audio_token")
    used = {"prompt": 310, "audio_in": 300, "completion": 60}
    if per_audio_token:
        price = chosen.entry.price
        cost = 10 * price("input_cost_per_token") + 300 * per_audio_token + 60 * price("output_cost_per_token")
        counts: dict[str, int | float] = {"input_audio_tokens": 300, "prompt_tokens": 310, "completion_tokens": 60}
    else:
        cost, counts = Decimal("12.5") * chosen.entry.price("input_cost_per_second"), {"input_audio_seconds": 12.5}
    form = {"model": chosen.public, "prompt": marker(seconds=12.5, **used)}
    if not per_audio_token:
        form["response_format"] = "verbose_json"  # not every provider says the duration otherwise
    files = {"file": ("speech.mp3", b"ID3" + bytes(64), "audio/mpeg")}
    return Asking("/v1/audio/transcriptions", form, Expected(cost, counts), files)


def _moderation(chosen: Chosen) -> Asking:
    return Asking("/v1/moderations", {"model": chosen.public, "input": "I like cats"}, Expected(ZERO))


_BY_MODE: dict[str, Callable[[Chosen], Asking]] = {
    "chat": _chat,
    "completion": _completion,
    "responses": _responses,
    "embedding": _embedding,
    "rerank": _rerank,
    "image_generation": _image,
    "audio_speech": _speech,
    "audio_transcription": _transcription,
    "moderation": _moderation,
}
