"""A stream as LiteLLM hands it to the client in; who counted its tokens, the provider or LiteLLM's tokenizer, out.

LiteLLM estimates the tokens of a stream whose provider sends no usage, and flags nothing. The stream's own object keeps
its chunks until the end, so nothing of ours has to run for each of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from usage_plugin.capture.tokens import tokens_of_text
from usage_plugin.capture.values import attribute, count, field_of, mapping, text

# A provider reports with its first words, its last ones, or both.
LOOKED_AT_FIRST, LOOKED_AT_LAST = 2, 4
GEMINI_TEXT = re.compile(r'"text":\s*"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Noted:
    """A running stream, and who it was asked of before another deployment could take it over."""

    stream: object
    logging: object = None
    """LiteLLM's own note of the call, which knows who answers whatever the stream is."""
    provider: str | None = None
    model: str | None = None
    deployment_id: str | None = None

    @classmethod
    def of(cls, stream: object, request: Mapping[str, Any]) -> Noted:
        """Note a stream before its first words.

        Args:
            stream: What LiteLLM gave its streaming hook.
            request: What the hook was given as ``request_data``.
        """
        source = getattr(stream, "_source", stream)  # behind LiteLLM's own wrapper, which looks names up slowly
        return cls(
            stream,
            request.get("litellm_logging_obj"),
            provider=text(field_of(source, "custom_llm_provider")),
            model=text(field_of(source, "model")),
            deployment_id=text(mapping(field_of(source, "_hidden_params")).get("model_id")),
        )

    def was_taken_over(self) -> bool:
        """Say whether it broke before its first words, and another deployment gave the answer."""
        return getattr(self.stream, "fallback_headers_adopted", False) is True and self.model is not None

    def of_whom(self) -> dict[str, str | None]:
        """Say who it was asked of, in plain values."""
        return {"provider": self.provider, "model": self.model, "deployment_id": self.deployment_id}


def provider_counted(stream: object, response: object) -> bool | None:
    """Say whether a finished stream brought the provider's own usage.

    Args:
        stream: What LiteLLM gave its streaming hook.
        response: The response that LiteLLM put together from it.

    Returns:
        ``None`` where the stream does not keep its chunks.
    """
    chunks = _chunks(stream)
    if not chunks:
        return None
    if _is_of_another_attempt(stream, chunks, response):
        return attribute(attribute(response, "usage"), "prompt_tokens_details") is not None
    reports, has_prompt, finished = 0, False, False
    # From the end, where most providers report. Anthropic opens a stream with the prompt's count and one token of
    # output, and says the rest at its end.
    for chunk in (*reversed(chunks[LOOKED_AT_FIRST:][-LOOKED_AT_LAST:]), *chunks[:LOOKED_AT_FIRST]):
        if usage := field_of(chunk, "usage"):
            reports += 1
            has_prompt = has_prompt or bool(count(field_of(usage, "prompt_tokens")))
        finished = finished or _finished(chunk)
        if has_prompt and (finished or reports > 1):
            return True
    return False


def broken_off(stream: object, request_data: Mapping[str, Any]) -> dict[str, Any]:
    """Estimate what a stream used until it broke, which LiteLLM leaves at 0 on some routes.

    LiteLLM has counted the prompt with its tokenizer by then, and keeps the words that came.

    Args:
        stream: What LiteLLM gave its streaming hook.
        request_data: What ``async_post_call_failure_hook`` was given.
    """
    counted = request_data.get("combined_usage_object")
    said = count(attribute(counted, "completion_tokens")) or tokens_of_text(_characters_said(stream))
    return {"prompt_tokens": count(attribute(counted, "prompt_tokens")), "completion_tokens": said}


def left(noted: Noted) -> dict[str, Any]:
    """Say what a stream that its client left had brought by then: who answered, and how long the text was.

    Args:
        noted: The stream, of which LiteLLM has reported nothing.
    """
    who = {
        "provider": noted.provider or text(getattr(noted.logging, "custom_llm_provider", None)),
        "model": noted.model or text(getattr(noted.logging, "model", None)),
        "deployment_id": noted.deployment_id,
    }
    return {**who, "characters": _characters_said(noted.stream)}


def _characters_said(stream: object) -> int:
    """Count what came: chat keeps its chunks, Gemini's own route its lines, /v1/messages asks /v1/responses in turn."""
    said = sum(map(_characters, _chunks(stream)))
    for path in (("_billing_source",), ("_source_iterator", "stream", "_wrapper", "responses_stream")):
        words = getattr(_follow(stream, path), "_generated_content", None)
        said = said or (len(words) if isinstance(words, str) else 0)
    lines = getattr(stream, "collected_chunks", None)
    return said or (sum(map(_characters_of_line, lines)) if isinstance(lines, list) else 0)


def _follow(thing: object, path: tuple[str, ...]) -> object:
    for name in path:
        thing = getattr(thing, name, None)
    return thing


def _characters(chunk: object) -> int:
    choices = attribute(chunk, "choices") or ()
    texts = (attribute(attribute(choice, "delta"), "content") or attribute(choice, "text") for choice in choices)
    return sum(len(said) for said in texts if isinstance(said, str))


def _characters_of_line(line: object) -> int:
    raw = line.decode("utf-8", "replace") if isinstance(line, bytes) else str(line)
    return sum(len(found) for found in GEMINI_TEXT.findall(raw))


def _chunks(stream: object) -> Sequence[Any]:
    """Find the chunks as they came: chat keeps them itself, ``/v1/responses`` in the chat stream that it translates."""
    translated = getattr(getattr(stream, "_billing_source", None), "litellm_custom_stream_wrapper", None)
    for kept in (getattr(stream, "chunks", None), getattr(translated, "chunks", None)):
        if isinstance(kept, list) and kept:
            return kept
    return ()


def _is_of_another_attempt(stream: object, chunks: Sequence[Any], response: object) -> bool:
    """A chat stream that broke before its first words keeps its own chunks, though another one took over.

    Streams of ``/v1/messages`` and ``/v1/responses`` follow the one that took over.
    """
    if any(getattr(stream, name, None) is not None for name in ("_source_iterator", "_billing_source")):
        return False
    return field_of(response, "id") not in {field_of(chunks[0], "id"), field_of(chunks[-1], "id")}


def _finished(chunk: object) -> bool:
    choices = field_of(chunk, "choices")
    return bool(choices) and bool(field_of(choices[0], "finish_reason"))
