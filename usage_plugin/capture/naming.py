"""A report in, what was asked and who answered out: provider, model, route, session."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from usage_plugin.capture.pick import ASKED_MODEL
from usage_plugin.capture.values import mapping, text
from usage_plugin.event import Status

Report = Mapping[str, Any]
# LiteLLM lets a Bedrock model's name start with the API that it is called by.
BEDROCK_API = re.compile(r"^(converse|converse_like|invoke|async_invoke)/")


def provider_and_model(payload: Report, status: Status) -> tuple[str | None, str | None]:
    """Give provider and the model's name without the provider; a rejected call's model only where it exists.

    Anybody can send any model name, so an unknown one is kept in ``requested_model`` alone.
    """
    provider, model = text(payload.get("custom_llm_provider")), text(payload.get("model"))
    if status is Status.REJECTED and not (provider and payload.get("model_group")):
        return provider, None
    if model and provider:
        model = model.removeprefix(f"{provider}/")
        if provider == "bedrock":
            model = BEDROCK_API.sub("", model)
    elif model and "/" in model:
        provider, _, model = model.partition("/")
    return provider, model


def requested_model(payload: Report, metadata: Report, request: Report) -> str | None:
    """Give the model's name as the client asked for it."""
    return (
        text(metadata.get(ASKED_MODEL))
        or text(metadata.get("original_model_group"))
        or text(payload.get("model_group"))
        or text(request.get("model"))
        or text(payload.get("model"))
    )


def route(payload: Report, metadata: Report) -> str | None:
    """Give the path that was called."""
    own = mapping(payload.get("metadata"))
    return text(own.get("user_api_key_request_route")) or text(metadata.get("user_api_key_request_route"))


def session_id(payload: Report, metadata: Report) -> str | None:
    """Give the conversation that a client says its call belongs to."""
    headers = mapping(mapping(payload.get("metadata")).get("requester_custom_headers"))
    return (
        text(headers.get("x-litellm-session-id")) or text(payload.get("session_id")) or text(metadata.get("session_id"))
    )
