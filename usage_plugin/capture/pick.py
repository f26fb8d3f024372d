"""One of LiteLLM's payloads in, the values of it that a row can be made of out.

This runs on the proxy's event loop, for every call: it looks values up by name and understands nothing. Prompts,
answers and headers are never among them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from usage_plugin.capture.prices import NUMBERS, is_price_name
from usage_plugin.capture.values import mapping

Picked = dict[str, Any]

PAYLOAD = (
    "litellm_call_id",
    "trace_id",
    "session_id",
    "call_type",
    "stream",
    "cache_hit",
    "custom_llm_provider",
    "model",
    "model_group",
    "model_id",
    "startTime",
    "endTime",
    "completionStartTime",
    "response_cost",
    "saved_cache_cost",
    "prompt_tokens",
    "completion_tokens",
    "end_user",
    "request_tags",
    "requester_ip_address",
    "user_agent",
)
WHO = (
    "user_api_key_hash",
    "user_api_key_alias",
    "user_api_key_org_id",
    "user_api_key_team_id",
    "user_api_key_team_alias",
    "user_api_key_user_id",
    "user_api_key_project_id",
    "user_api_key_end_user_id",
    "user_api_key_request_route",
    "requester_ip_address",
    "user_agent",
)
ASKED_MODEL = "usage_asked_model"
"""Ours: the model group that was asked for, where a budget sent the call to another one."""
ABOUT_REQUEST = (
    ASKED_MODEL,
    "litellm_received_at",
    "queue_time_seconds",
    "llm_api_timing_windows",
    "attempted_retries",
    "attempted_fallbacks",
    "original_model_group",
    "trace_id",
    "session_id",
)
WHO_AND_TAGS = (*WHO, "tags")
USAGE = (
    "prompt_tokens_details",
    "completion_tokens_details",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "service_tier",
)
ERROR = ("error_code", "error_class", "error_rate_limit_category")
DISCOUNT = ("discount_amount", "discount_percent", "margin_total_amount")
SPEND_LOGS = ("feature", "environment")
SESSION_HEADERS = ("x-litellm-session-id",)
REQUEST = ("litellm_call_id", "call_type", "model", "litellm_no_upstream_llm_call", "prompt_cache_response_complete")
_IF_ANY = (("error_information", ERROR), ("cost_breakdown", DISCOUNT), ("model_parameters", ("stream",)))
# Price sets that one process remembers.
REMEMBERED = 4096
REMEMBERED_FOR_S = 5.0


def take(source: Mapping[str, Any], names: tuple[str, ...]) -> Picked:
    """Give the named values, ``None`` for what is not there; as one loop in C, since this is most of our time."""
    return dict(zip(names, map(source.get, names), strict=True))


def pick_metadata(metadata: Mapping[str, Any], *, with_who: bool) -> Picked:
    """Pick from the metadata that LiteLLM keeps with a request.

    Args:
        metadata: The request's own.
        with_who: The payload does not say who called.
    """
    picked = take(metadata, ABOUT_REQUEST)
    if with_who:
        picked.update(take(metadata, WHO_AND_TAGS))
        if extra := mapping(metadata.get("spend_logs_metadata")):
            picked["spend_logs_metadata"] = take(extra, SPEND_LOGS)
    return picked


class RequestPicker:
    """Picks from a hook's ``kwargs`` or ``request_data``.

    Looking for prices of its own in a deployment's config takes longer than all the rest, so that deployments without
    any are remembered for a few seconds.

    Args:
        price_names: Every name that a price may have.
    """

    def __init__(self, price_names: frozenset[str]) -> None:
        self._price_names = price_names
        self._without_own_prices: dict[str, float] = {}

    def pick(self, request: Mapping[str, Any], deployment_id: object) -> Picked:
        """Pick what a row is made of.

        Args:
            request: The hook's argument.
            deployment_id: Of the deployment that answered.
        """
        picked = take(request, REQUEST)
        if request.get("first_api_call_start_time"):
            picked["first_api_call_start_time"] = True
        now, deployment = time.monotonic(), deployment_id if isinstance(deployment_id, str) else ""
        if self._without_own_prices.get(deployment, 0.0) > now:
            return picked
        if prices := self._prices_of_deployment(mapping(request.get("litellm_params"))):
            picked["litellm_params"] = prices
        elif deployment and (deployment in self._without_own_prices or len(self._without_own_prices) < REMEMBERED):
            self._without_own_prices[deployment] = now + REMEMBERED_FOR_S
        return picked

    def _prices_of_deployment(self, params: Mapping[str, Any]) -> Picked:
        """Give the prices that a deployment's own config names, wherever LiteLLM keeps them."""
        own = params.get("model_info")
        inner = [mapping(params.get(name)).get("model_info") for name in ("metadata", "litellm_metadata")]
        found: Picked = {}
        for place in (params, own, *(info for info in inner if info is not own)):
            if isinstance(place, dict):
                prices = take(place, tuple(self._price_names & place.keys()))
                found.update((name, price) for name, price in prices.items() if price is not None)
        return found


class PayloadPicker:
    """Picks from LiteLLM's ``standard_logging_object``.

    Prices are most of it and the same for every call of a model, so that the ones seen last are kept.
    """

    def __init__(self) -> None:
        self._seen: dict[object, tuple[Picked, Picked]] = {}

    def pick(self, payload: Mapping[str, Any]) -> Picked:
        """Pick what a row is made of."""
        picked = take(payload, PAYLOAD)
        picked["metadata"] = _pick_own_metadata(mapping(payload.get("metadata")))
        for name, part in _IF_ANY:
            if found := mapping(payload.get(name)):
                picked[name] = take(found, part)
        if known := mapping(payload.get("model_map_information")):
            value = self._prices(mapping(known.get("model_map_value")))
            picked["model_map_information"] = {"model_map_key": known.get("model_map_key"), "model_map_value": value}
        return picked

    def _prices(self, known: Mapping[str, Any]) -> Picked:
        key = known.get("key")
        seen = self._seen.get(key) if isinstance(key, str) else None
        if seen is not None and seen[0] == known:
            return seen[1]
        prices: Picked = {
            name: value
            for name, value in known.items()
            if value.__class__ in NUMBERS and value > 0 and is_price_name(name)
        }
        prices["key"] = key
        if isinstance(key, str) and len(self._seen) < REMEMBERED:
            self._seen[key] = (dict(known), prices)
        return prices


def _pick_own_metadata(own: Mapping[str, Any]) -> Picked:
    picked = take(own, WHO)
    if usage := mapping(own.get("usage_object")):
        # Nothing said of a detail tells who counted, so that it is kept.
        picked["usage_object"] = {name: usage[name] for name in USAGE if name in usage}
    if extra := mapping(own.get("spend_logs_metadata")):
        picked["spend_logs_metadata"] = take(extra, SPEND_LOGS)
    if headers := mapping(own.get("requester_custom_headers")):
        picked["requester_custom_headers"] = take(headers, SESSION_HEADERS)
    return picked
