"""A report in, how its request ended out: rejected, failed and billed or not, left by its client, cut short."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from usage_plugin.capture.values import mapping, text
from usage_plugin.event import Failure

Report = Mapping[str, Any]
BUDGET_SPENT, BUDGET = "BudgetSpent", "budget"
"""Class of a refusal by the gate, and the kind of limit that it is."""
CLIENT_CLOSED = "499"
# A provider that answers with an error has not billed the call; one that did not answer may have.
ANSWERED = re.compile(r"[45]\d\d")
NO_ANSWER_CODES = frozenset({"408", CLIENT_CLOSED, "504"})
NO_ANSWER_CLASSES = frozenset(
    {
        "APIConnectionError",
        "ClientPayloadError",
        "JSONDecodeError",
        "ReadError",
        "ReadTimeout",
        "RemoteProtocolError",
        "ServerDisconnectedError",
        "Timeout",
        "TimeoutError",
    }
)


def client_left(report: Report) -> bool:
    """LiteLLM reports a stream that the client cancelled as a success with a code of its own."""
    error = mapping(mapping(report.get("payload")).get("error_information"))
    return str(error.get("error_code")) == CLIENT_CLOSED or error.get("error_class") == "ClientDisconnected"


def was_cut_short(report: Report) -> bool:
    """LiteLLM calls a stream of ``/v1/messages`` a success though an error stood in it or its end was missing.

    It looks for Anthropic's last event, for a purpose of its own, and leaves what it found in the request.
    """
    payload, request = mapping(report.get("payload")), mapping(report.get("request"))
    is_stream_of_messages = payload.get("call_type") == "anthropic_messages" and payload.get("stream") is True
    return is_stream_of_messages and request.get("prompt_cache_response_complete") is False


def was_dispatched(report: Report) -> bool:
    """Say whether a provider was called at all."""
    request, metadata = mapping(report.get("request")), mapping(report.get("metadata"))
    if request.get("litellm_no_upstream_llm_call"):
        return False
    return bool(request.get("first_api_call_start_time") or metadata.get("llm_api_timing_windows"))


def cost_something(report: Report) -> bool:
    """A provider that answered with an error has billed nothing, unless words of its had come before."""
    return bool(mapping(report.get("until_then")).get("completion_tokens")) or not provider_answered(report)


def provider_answered(report: Report) -> bool:
    """Say whether the error is the provider's own answer."""
    why = why_failed(report)
    code = why.error_code or ""
    if not ANSWERED.fullmatch(code) or code in NO_ANSWER_CODES:
        return False
    causes = mapping(report.get("error")).get("causes")
    return NO_ANSWER_CLASSES.isdisjoint([why.error_class, *map(str, causes if isinstance(causes, list) else ())])


def why_failed(report: Report) -> Failure:
    """Name the error by class and code."""
    known = mapping(mapping(report.get("payload")).get("error_information"))
    seen = mapping(report.get("error"))
    is_budget = BUDGET_SPENT in {known.get("error_class"), seen.get("class")}
    return Failure(
        error_class=BUDGET_SPENT if is_budget else text(known.get("error_class")) or text(seen.get("class")),
        error_code=text(seen.get("code"), 32) or text(known.get("error_code")),
        rate_limit_type=BUDGET if is_budget else text(known.get("error_rate_limit_category")),
    )
