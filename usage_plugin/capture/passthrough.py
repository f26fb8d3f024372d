"""A pass-through call whose usage LiteLLM did not read in; its payload with the provider's own usage and price out.

LiteLLM knows the usage of two or three hosts by their names, and leaves every other call with 0 tokens and $0. The
provider's answer is in the hook's arguments: as an object, or, of a stream, as the text of its lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from usage_plugin.capture.prices import PriceCatalog
from usage_plugin.capture.prompt import prompt_characters
from usage_plugin.capture.tokens import tokens_of_text
from usage_plugin.capture.usage_formats import read_usage
from usage_plugin.capture.values import attribute, mapping, text

CALL_TYPE = "pass_through_endpoint"
# Patterns begin with plain text, which is searched for ten times as fast as anything else.
USAGE_BLOCK = re.compile(r'"usage(?:Metadata)?":\s*(?=\{)')
MODEL_FIELD = re.compile(r'"model(?:Version)?":\s*"([^"\\]{1,200})"')
WORDS = re.compile(r'"(?:content|text)":\s*"((?:[^"\\]|\\.)*)"')
# Gemini: .../models/NAME:generateContent; Bedrock: .../model/NAME/converse
MODEL_IN_URL = re.compile(r"/models?/([^/:?]+(?::\d+)?)[:/]")
# A stream may repeat its growing usage in each chunk, or open with one part and close with the other.
FIRST_BLOCKS, LAST_BLOCKS = 1, 2
# What a format's stream has in its first event, and what in its last ones.
STREAMS = (
    ('"message_start"', '"message_delta"'),
    ('"chat.completion.chunk"', "[DONE]"),
    ('"candidates"', '"finishReason"'),
)
Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider itself said."""

    usage: Mapping[str, Any] | None
    model: str | None
    is_complete: bool


def is_unread(payload: Payload) -> bool:
    """Say whether this is a pass-through call whose tokens LiteLLM did not find."""
    return payload.get("call_type") == CALL_TYPE and not (
        payload.get("prompt_tokens") or payload.get("completion_tokens")
    )


def read_answer(request: Payload, response: object) -> Answer:
    """Find usage and model in a provider's answer.

    Args:
        request: The hook's ``kwargs``.
        response: The hook's ``response_obj``.
    """
    body = mapping(request.get("passthrough_logging_payload")).get("response_body")
    if isinstance(body, Mapping):
        block = next((found for found in _places(body) if found), None)
        return Answer(read_usage(block) if block else None, text(body.get("model")), is_complete=True)
    said = attribute(response, "response")
    if not isinstance(said, str):
        return Answer(None, None, is_complete=True)
    answer = _read_text(said)
    return answer if answer.is_complete or answer.usage else replace(answer, usage=_estimate(request, said))


def _estimate(request: Payload, said: str) -> Payload:
    """Count what was asked and said by its length: a stream that was left brings no usage."""
    asked = mapping(mapping(request.get("passthrough_logging_payload")).get("request_body"))
    return {
        "prompt_tokens": tokens_of_text(prompt_characters(asked)),
        "completion_tokens": tokens_of_text(sum(map(len, WORDS.findall(said)))),
    }


def with_answer(payload: Payload, request: Payload, answer: Answer, catalog: PriceCatalog) -> Payload:
    """Put the provider's usage and its model's prices where LiteLLM would have put them.

    A price of the configuration, ``cost_per_request``, stays as LiteLLM has it, with no price of tokens beside it.
    """
    asked = model_of(request)
    known = None if payload.get("response_cost") else catalog.find(asked, answer.model)
    usage = answer.usage or {}
    filled = {
        **payload,
        "model": asked or answer.model or payload.get("model"),
        "prompt_tokens": usage.get("prompt_tokens", 0),
        "completion_tokens": usage.get("completion_tokens", 0),
        "metadata": {**mapping(payload.get("metadata")), "usage_object": usage},
    }
    if known:
        name, entry = known
        filled["model_map_information"] = {"model_map_key": name, "model_map_value": {"key": name, **entry}}
        filled["custom_llm_provider"] = payload.get("custom_llm_provider") or _provider(entry)
    return filled


def failed(request: Payload, catalog: PriceCatalog) -> Payload:
    """Word the payload that LiteLLM does not make for a pass-through call that failed."""
    model = model_of(request)
    known = catalog.find(model)
    return {
        "call_type": CALL_TYPE,
        "model": model,
        "custom_llm_provider": _provider(known[1]) if known else None,
        "startTime": request.get("start_time"),
    }


def model_of(request: Payload) -> str | None:
    """Name the model that a pass-through call asked for, in its body or its URL."""
    call = mapping(request.get("passthrough_logging_payload"))
    return text(mapping(call.get("request_body")).get("model")) or _model_in_url(call.get("url"))


def _places(body: Payload) -> tuple[Payload, ...]:
    return (
        mapping(body.get("usage")),
        mapping(body.get("usageMetadata")),
        mapping(body.get("meta")),
    )


def _read_text(said: str) -> Answer:
    """Read a stream's lines, which LiteLLM hands over as the text of a list."""
    # Within a string of the answer the quotes are escaped.
    starts = [found.end() for found in USAGE_BLOCK.finditer(said) if said[found.start() - 1] != "\\"]
    merged: dict[str, Any] = {}
    for start in dict.fromkeys((*starts[:FIRST_BLOCKS], *starts[-LAST_BLOCKS:])):
        merged |= {name: value for name, value in _object_at(said, start).items() if value is not None}
    model = MODEL_FIELD.search(said)
    is_complete = all(ends in said for opens, ends in STREAMS if opens in said)
    return Answer(read_usage(merged) if merged else None, model[1] if model else None, is_complete)


def _object_at(said: str, start: int) -> Payload:
    try:
        found, _ = json.JSONDecoder().raw_decode(said, start)
    except ValueError:
        return {}
    return mapping(found)


def _model_in_url(url: object) -> str | None:
    found = MODEL_IN_URL.search(url) if isinstance(url, str) else None
    return found[1] if found else None


def _provider(entry: Payload) -> str | None:
    """LiteLLM's map names Bedrock by the API that a model is called by, too."""
    name = text(entry.get("litellm_provider"))
    return "bedrock" if name and name.startswith("bedrock") else name
