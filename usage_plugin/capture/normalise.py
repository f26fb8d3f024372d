"""What a LiteLLM hook was given in, one UsageEvent out. The only place that understands LiteLLM's payloads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from usage_plugin.capture.attribution import read_attribution
from usage_plugin.capture.cost import MAYBE_BILLED, NOTHING_BILLED, Measured, price_call
from usage_plugin.capture.identity import event_key
from usage_plugin.capture.passthrough import CALL_TYPE as PASS_THROUGH
from usage_plugin.capture.passthrough import failed, is_unread, read_answer, with_answer
from usage_plugin.capture.prices import PriceCatalog
from usage_plugin.capture.several import asked_model, payload_of
from usage_plugin.capture.streams import Noted
from usage_plugin.capture.timing import attempts_made, read_timing
from usage_plugin.capture.tokens import counted_by_litellm, read_rerank_tokens, read_tokens, read_units
from usage_plugin.capture.values import attribute, count, mapping, text
from usage_plugin.clock import Clock, utc_now
from usage_plugin.event import Cost, CostConfidence, Failure, Status, Timing, TokenCounts, UsageEvent
from usage_plugin.settings import Settings

Payload = Mapping[str, Any]
CLIENT_CLOSED = "499"
# LiteLLM lets a Bedrock model's name start with the API that it is called by.
BEDROCK_API = re.compile(r"^(converse|converse_like|invoke|async_invoke)/")
# A provider that answers with an error has not billed the call; one that did not answer may have.
ANSWERED = re.compile(r"[45]\d\d")
NO_ANSWER_CODES = frozenset({"408", CLIENT_CLOSED, "504"})
NO_ANSWER_CLASSES = frozenset(
    {
        "APIConnectionError",
        "ClientPayloadError",
        "ReadError",
        "ReadTimeout",
        "RemoteProtocolError",
        "ServerDisconnectedError",
        "Timeout",
        "TimeoutError",
    }
)
CAUSES_LOOKED_AT = 8
CUT_SHORT, DROPPED = "StreamCutShort", "StreamDropped"


@dataclass(frozen=True, slots=True)
class Normaliser:
    """Turns hook arguments into events.

    Args:
        settings: Prefixes and privacy.
        catalog: LiteLLM's price map as it was loaded.
        clock: For calls that bring no time.
    """

    settings: Settings
    catalog: PriceCatalog
    clock: Clock = utc_now

    def success(self, request: Payload, response: object, *, provider_counted: bool | None = None) -> UsageEvent:
        """Read a success event: ``kwargs`` and ``response_obj`` of LiteLLM's success hooks.

        Args:
            request: The hook's ``kwargs``.
            response: The hook's ``response_obj``.
            provider_counted: Whether a stream brought the provider's own usage, where that was seen.
        """
        payload = mapping(request.get("standard_logging_object"))
        metadata = request_metadata(mapping(request.get("litellm_params")))
        if is_unread(payload):
            answer = read_answer(request, response)
            payload, provider_counted = with_answer(payload, request, answer, self.catalog), answer.is_complete
        interrupted = _client_left(payload)
        cut_short = not interrupted and _was_cut_short(payload, request)
        estimated = interrupted or cut_short or counted_by_litellm(payload, provider_counted=provider_counted)
        used = _measure(payload, request, response, estimated=estimated)
        event = self._event(
            payload,
            metadata,
            request,
            timing=read_timing(payload, metadata, now=self.clock()),
            status=Status.INTERRUPTED if interrupted else Status.FAILURE if cut_short else Status.SUCCESS,
            used=used,
            cost=price_call(payload, request, used, self.catalog),
        )
        return replace(event, failure=Failure(error_class=CUT_SHORT)) if cut_short else event

    def failure(self, request_data: Payload, error: object, *, until_then: Payload | None = None) -> UsageEvent:
        """Read a failure.

        Args:
            request_data: What ``async_post_call_failure_hook`` was given, or ``kwargs`` of the SDK's failure hooks.
            error: What went wrong.
            until_then: Tokens that a stream is estimated to have used before, where LiteLLM says nothing of it.
        """
        payload = mapping(request_data.get("standard_logging_object"))
        if not payload and request_data.get("call_type") == PASS_THROUGH:
            payload = failed(request_data, self.catalog)
        if until_then and not payload.get("prompt_tokens") and self._cost_something(payload, until_then, error):
            payload = {**payload, **until_then}
        params = mapping(request_data.get("litellm_params"))
        metadata = request_metadata(params) or request_metadata(request_data)
        rejected = not _was_dispatched(request_data, metadata)
        used = (
            Measured(TokenCounts(), read_units({}, {}, None))
            if rejected
            else _measure(payload, request_data, None, estimated=True)
        )
        now = self.clock()
        event = self._event(
            payload,
            metadata,
            request_data,
            timing=read_timing(payload, metadata, now=now, finished=now),
            status=Status.REJECTED if rejected else Status.FAILURE,
            used=used,
            cost=NOTHING_BILLED if rejected else self._cost_of_failure(payload, request_data, used, error),
        )
        return replace(event, failure=_why(payload, error))

    def one_of_several(
        self, request_data: Payload, response: object, call_type: object, *, is_terminal: bool
    ) -> UsageEvent:
        """Read the answer of one deployment to a request that asked several.

        Args:
            request_data: What ``async_post_call_success_deployment_hook`` was given.
            response: The deployment's answer.
            call_type: LiteLLM's type of the call.
            is_terminal: Whether this row stands for the request.
        """
        now = self.clock()
        payload = payload_of(request_data, response, call_type, self.catalog, now)
        metadata = mapping(request_data.get("metadata"))
        used = _measure(payload, {}, response, estimated=False)
        # The metadata may name another deployment's prices by now.
        own = {"litellm_params": {name: value for name, value in request_data.items() if name != "metadata"}}
        event = self._event(
            payload,
            metadata,
            request_data,
            timing=read_timing(payload, metadata, now=now, finished=now),
            status=Status.SUCCESS,
            used=used,
            cost=price_call(payload, own, used, self.catalog),
        )
        key = event_key(event.litellm_call_id, event.timing.received_at, event.deployment_id, attribute(response, "id"))
        asked = text(asked_model(request_data))
        return replace(event, event_key=key, is_terminal=is_terminal, attempts=1, requested_model=asked)

    def dropped(self, answered: UsageEvent, attempt: Noted) -> UsageEvent:
        """Estimate an attempt whose stream broke before its first words, beside the one that took over.

        LiteLLM reports no tokens for it. The prompt was the same; each model counts it in its own way.

        Args:
            answered: The request's event.
            attempt: The stream that broke.
        """
        model = (attempt.model or "").removeprefix(f"{attempt.provider}/")
        tokens = {"prompt_tokens": answered.tokens.prompt_tokens, "completion_tokens": 0}
        payload: dict[str, Any] = {"model": model, "custom_llm_provider": attempt.provider, **tokens}
        known = self.catalog.find(f"{attempt.provider}/{model}", model)
        if known:
            payload["model_map_information"] = {
                "model_map_key": known[0],
                "model_map_value": {"key": known[0], **known[1]},
            }
        used = _measure(payload, {}, None, estimated=True)
        return replace(
            answered,
            event_key=event_key(answered.event_key, "dropped", attempt.deployment_id, model),
            is_terminal=False,
            status=Status.FAILURE,
            failure=Failure(error_class=DROPPED),
            provider=attempt.provider,
            model=model,
            model_group=answered.requested_model,
            deployment_id=attempt.deployment_id,
            attempts=1,
            fallbacks=0,
            tokens=used.tokens,
            cost=price_call(payload, {}, used, self.catalog),
        )

    @staticmethod
    def _cost_something(payload: Payload, until_then: Payload, error: object) -> bool:
        """A provider that answered with an error has billed nothing, unless words of its had come before."""
        return bool(until_then.get("completion_tokens")) or not _provider_answered(_why(payload, error), error)

    def _cost_of_failure(self, payload: Payload, request_data: Payload, used: Measured, error: object) -> Cost:
        if payload.get("response_cost") or used.tokens.prompt_tokens:
            return price_call(payload, request_data, used, self.catalog)
        if _provider_answered(_why(payload, error), error):
            return NOTHING_BILLED
        return Cost(cost_nano_usd=None, confidence=CostConfidence.UNPRICED, unpriced_reason=MAYBE_BILLED)

    def _event(
        self,
        payload: Payload,
        metadata: Payload,
        request: Payload,
        *,
        timing: Timing,
        status: Status,
        used: Measured,
        cost: Cost,
    ) -> UsageEvent:
        call_id = text(payload.get("litellm_call_id")) or text(request.get("litellm_call_id"))
        call_type = text(payload.get("call_type")) or text(request.get("call_type")) or "unknown"
        model_id = text(payload.get("model_id"))
        provider, model = _model(payload, status)
        return UsageEvent(
            event_key=event_key(call_id, _start(payload, timing), str(status), call_type, model_id),
            timing=timing,
            call_type=call_type,
            status=status,
            litellm_call_id=call_id,
            trace_id=text(payload.get("trace_id")) or text(metadata.get("trace_id")),
            session_id=_session_id(payload, metadata),
            route=_route(payload, metadata),
            stream=payload.get("stream") is True or mapping(payload.get("model_parameters")).get("stream") is True,
            provider=provider,
            model=model,
            model_group=text(payload.get("model_group")),
            requested_model=_requested_model(payload, metadata, request),
            deployment_id=model_id,
            service_tier=used.service_tier,
            attempts=attempts_made(metadata),
            fallbacks=min(count(metadata.get("attempted_fallbacks")), 1000),
            cache_hit=payload.get("cache_hit") is True,
            who=read_attribution(payload, metadata, self.settings),
            tokens=used.tokens,
            units=used.units,
            cost=cost,
        )


def request_metadata(params: Payload) -> Payload:
    """Find the request's metadata: chat keeps it in one place, /v1/messages and /v1/responses in another."""
    plain, other = mapping(params.get("metadata")), mapping(params.get("litellm_metadata"))
    if "litellm_received_at" in plain or not other:
        return plain
    return other


def _measure(payload: Payload, request: Payload, response: object, *, estimated: bool) -> Measured:
    usage = mapping(mapping(payload.get("metadata")).get("usage_object"))
    reranked = str(payload.get("call_type")) in ("rerank", "arerank")
    return Measured(
        read_rerank_tokens(response) if reranked else read_tokens(payload, estimated=estimated),
        read_units(payload, request, response),
        text(usage.get("service_tier")) or text(attribute(response, "service_tier")),
    )


def _client_left(payload: Payload) -> bool:
    """LiteLLM reports a stream that the client cancelled as a success with a code of its own."""
    error = mapping(payload.get("error_information"))
    return str(error.get("error_code")) == CLIENT_CLOSED or error.get("error_class") == "ClientDisconnected"


def _was_cut_short(payload: Payload, request: Payload) -> bool:
    """LiteLLM calls a stream of ``/v1/messages`` a success though an error stood in it or its end was missing.

    It looks for Anthropic's last event, for a purpose of its own, and leaves what it found in the request.
    """
    is_stream_of_messages = payload.get("call_type") == "anthropic_messages" and payload.get("stream") is True
    return is_stream_of_messages and request.get("prompt_cache_response_complete") is False


def _was_dispatched(request_data: Payload, metadata: Payload) -> bool:
    if request_data.get("litellm_no_upstream_llm_call"):
        return False
    return bool(request_data.get("first_api_call_start_time") or metadata.get("llm_api_timing_windows"))


def _model(payload: Payload, status: Status) -> tuple[str | None, str | None]:
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


def _requested_model(payload: Payload, metadata: Payload, request: Payload) -> str | None:
    return (
        text(metadata.get("original_model_group"))
        or text(payload.get("model_group"))
        or text(request.get("model"))
        or text(payload.get("model"))
    )


def _route(payload: Payload, metadata: Payload) -> str | None:
    own = mapping(payload.get("metadata"))
    return text(own.get("user_api_key_request_route")) or text(metadata.get("user_api_key_request_route"))


def _session_id(payload: Payload, metadata: Payload) -> str | None:
    headers = mapping(mapping(payload.get("metadata")).get("requester_custom_headers"))
    return (
        text(headers.get("x-litellm-session-id")) or text(payload.get("session_id")) or text(metadata.get("session_id"))
    )


def _start(payload: Payload, timing: Timing) -> str | datetime:
    start = payload.get("startTime")
    return repr(start) if start else timing.received_at


def _provider_answered(why: Failure, error: object) -> bool:
    code = why.error_code or ""
    if not ANSWERED.fullmatch(code) or code in NO_ANSWER_CODES:
        return False
    return NO_ANSWER_CLASSES.isdisjoint([why.error_class, *_causes(error)])


def _causes(error: object) -> list[str]:
    """Name the classes of an error and of what caused it: LiteLLM maps a broken connection to a plain 500."""
    names: list[str] = []
    while isinstance(error, BaseException) and len(names) < CAUSES_LOOKED_AT:
        names.append(type(error).__name__)
        error = error.__cause__ or error.__context__
    return names


def _why(payload: Payload, error: object) -> Failure:
    known = mapping(payload.get("error_information"))
    code = _status_code(error) or text(known.get("error_code"))
    return Failure(
        error_class=text(known.get("error_class")) or (type(error).__name__ if error is not None else None),
        error_code=code,
        rate_limit_type=text(known.get("error_rate_limit_category")),
    )


def _status_code(error: object) -> str | None:
    code = attribute(error, "status_code") or attribute(error, "code")
    return text(str(code), 32) if code not in (None, "") else None
