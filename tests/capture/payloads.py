"""Builds LiteLLM hook arguments as small as a test's subject allows; shapes as captured from litellm 1.106."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

RECEIVED = datetime(2026, 11, 21, 1, 35, 33, 700303, tzinfo=UTC)
START_S = RECEIVED.timestamp() + 0.003
GPT_4O_MINI = {
    "key": "gpt-4o-mini",
    "input_cost_per_token": 1.5e-07,
    "output_cost_per_token": 6e-07,
    "cache_read_input_token_cost": 7.5e-08,
}


def payload(**overrides: Any) -> dict[str, Any]:
    """Make a ``standard_logging_object`` of a successful chat call: 1,000 + 100 tokens, $0.00021."""
    return {
        "id": "chatcmpl-1",
        "litellm_call_id": "call-1",
        "trace_id": "trace-1",
        "call_type": "acompletion",
        "status": "success",
        "custom_llm_provider": "openai",
        "model": "openai/gpt-4o-mini",
        "model_group": "gpt-ok",
        "model_id": "deployment-1",
        "startTime": START_S,
        "endTime": START_S + 0.5,
        "completionStartTime": START_S + 0.5,
        "response_cost": 0.00021,
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "total_tokens": 1100,
        "metadata": {"usage_object": {"prompt_tokens": 1000, "completion_tokens": 100}},
        "model_map_information": {"model_map_key": "openai/gpt-4o-mini", "model_map_value": GPT_4O_MINI},
        "request_tags": [],
        **overrides,
    }


def success(request: dict[str, Any] | None = None, info: dict[str, Any] | None = None, /, **slo: Any) -> dict[str, Any]:
    """Make the ``kwargs`` of a success hook around a payload.

    Args:
        request: More of the request's own metadata.
        info: More of the deployment's ``model_info``.
        **slo: What differs in the payload.
    """
    known = {"litellm_received_at": RECEIVED, **(request or {})}
    return {
        "litellm_params": {"metadata": known, "model_info": {"id": "deployment-1", **(info or {})}},
        "standard_logging_object": payload(**slo),
    }


def failure(*, dispatched: bool = True, **slo: Any) -> dict[str, Any]:
    """Make the ``request_data`` of a failure hook."""
    zero = {"status": "failure", "response_cost": 0.0, "prompt_tokens": 0, "completion_tokens": 0}
    data: dict[str, Any] = {
        "litellm_call_id": "call-1",
        "model": "gpt-ok",
        "metadata": {"litellm_received_at": RECEIVED},
        "standard_logging_object": payload(**{**zero, "metadata": {}, **slo}),
    }
    if dispatched:
        data["first_api_call_start_time"] = START_S
    return data
