"""A hook's arguments in, a report out: what is known of a call, as plain values that the spool can keep.

Reports are made on the proxy's event loop, so everything that can wait is left to ``normalise``.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from usage_plugin.capture.passthrough import CALL_TYPE as PASS_THROUGH
from usage_plugin.capture.passthrough import failed, is_unread, read_answer, with_answer
from usage_plugin.capture.pick import PayloadPicker, Picked, RequestPicker, pick_metadata, take
from usage_plugin.capture.prices import PriceCatalog
from usage_plugin.capture.prompt import prompt_characters
from usage_plugin.capture.several import asked_model, payload_of, priced
from usage_plugin.capture.streams import Noted, broken_off, provider_counted
from usage_plugin.capture.tokens import billed_units
from usage_plugin.capture.values import MAX_TEXT, attribute, mapping, text
from usage_plugin.clock import Clock, utc_now

Payload = Mapping[str, Any]
CAUSES_LOOKED_AT = 8


def _no_stream(_key: str) -> None:
    return None


class Outcome(StrEnum):
    """What a report tells."""

    STARTED = "started"
    SUCCESS = "success"
    FAILURE = "failure"
    ANSWER = "answer"
    """One deployment's, to a request that asked several models."""
    BROKEN = "broken"
    """LiteLLM's values broke the reporter."""
    UNREPORTED = "unreported"
    """The request is over, or its process was killed, and LiteLLM has said nothing of it."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a hook was given, with what is needed of it at once."""

    request: Payload
    """The hook's ``kwargs`` or ``request_data``."""
    metadata: Payload
    key: str
    stream: Noted | None = None
    """What was noted of its stream."""

    @classmethod
    def of(cls, request: Payload, find_stream: Callable[[str], Noted | None] = _no_stream) -> Call:
        """Look for the request's metadata in both of the places that hooks have them in."""
        metadata = request_metadata(mapping(request.get("litellm_params"))) or request_metadata(request)
        call_id = call_id_of(request)
        if call_id is not request.get("litellm_call_id"):
            request = {**request, "litellm_call_id": call_id}
        key = request_key(call_id, metadata)
        return cls(request, metadata, key, find_stream(key))


class Reporter:
    """Makes reports.

    Args:
        catalog: LiteLLM's price map as it was loaded.
        clock: For reports that bring no time.
    """

    def __init__(self, catalog: PriceCatalog, clock: Clock = utc_now) -> None:
        self._catalog, self._clock = catalog, clock
        self._picker, self._request_picker = PayloadPicker(), RequestPicker(catalog.price_names)

    def success(self, call: Call, response: object) -> Picked:
        """Report a request that succeeded.

        Args:
            call: Of LiteLLM's success hooks.
            response: The hook's ``response_obj``.
        """
        request, stream = call.request, call.stream
        payload = mapping(request.get("standard_logging_object"))
        counted = None if stream is None else provider_counted(stream.stream, response)
        is_whole = True
        if is_unread(payload):
            answer = read_answer(request, response)
            payload, is_whole = with_answer(payload, request, answer, self._catalog), answer.is_complete
            counted = is_whole
        picked = self._picker.pick(payload)
        report = {
            "key": call.key,
            "outcome": Outcome.SUCCESS,
            "payload": picked,
            "metadata": pick_metadata(call.metadata, with_who=picked["metadata"]["user_api_key_hash"] is None),
            "request": self._request_picker.pick(request, payload.get("model_id")),
            "billed": billed_units(payload.get("call_type"), request, response),
            "provider_counted": counted,
            "is_whole": is_whole,
        }
        if stream is not None and stream.was_taken_over():
            report["taken_over"] = stream.of_whom()
        return report

    def failure(self, call: Call, error: object) -> Picked:
        """Report a failure.

        Args:
            call: Of ``async_post_call_failure_hook``, or of LiteLLM's failure events.
            error: What went wrong.
        """
        request, stream = call.request, call.stream
        payload = mapping(request.get("standard_logging_object"))
        if not payload:
            is_passed_through = request.get("call_type") == PASS_THROUGH
            payload = failed(request, self._catalog) if is_passed_through else self._unworded(call)
        report = {
            "key": call.key,
            "outcome": Outcome.FAILURE,
            "payload": self._picker.pick(payload),
            "metadata": pick_metadata(call.metadata, with_who=True),
            "request": self._request_picker.pick(request, payload.get("model_id")),
            "error": _describe(error),
            "ended_at": self._clock(),
        }
        if stream is not None and any((used := broken_off(stream.stream, request)).values()):
            report["until_then"] = used
        return report

    def _unworded(self, call: Call) -> Payload:
        """Word the payload that LiteLLM does not make for some failures, though it knows who was asked."""
        request, metadata = call.request, call.metadata
        deployment = text(metadata.get("deployment"))
        if deployment is None:
            return {}
        known = self._catalog.find(deployment, deployment.partition("/")[2])
        return {
            "model": deployment,
            "custom_llm_provider": text(request.get("custom_llm_provider")) or deployment.partition("/")[0],
            "model_group": metadata.get("model_group"),
            "model_id": mapping(metadata.get("model_info")).get("id"),
            "stream": request.get("stream"),
            "response_cost": request.get("response_cost"),
            "model_map_information": priced(known),
        }

    def answer(self, call: Call, response: object, call_type: object, *, is_terminal: bool) -> Picked:
        """Report the answer of one deployment to a request that asked several.

        Args:
            call: Of ``async_post_call_success_deployment_hook``.
            response: The deployment's answer.
            call_type: LiteLLM's type of the call.
            is_terminal: Whether this row stands for the request.
        """
        request = call.request
        payload = payload_of(request, response, call_type, self._catalog, self._clock())
        # The metadata may name another deployment's prices by now.
        own = {"litellm_params": {name: value for name, value in request.items() if name != "metadata"}}
        return {
            "key": call.key,
            "outcome": Outcome.ANSWER,
            "payload": self._picker.pick(payload),
            "metadata": pick_metadata(call.metadata, with_who=True),
            "request": self._request_picker.pick({**request, **own}, payload.get("model_id")),
            "billed": billed_units(payload.get("call_type"), {}, response),
            "response_id": text(attribute(response, "id")),
            "asked_model": text(asked_model(request)),
            "is_terminal": is_terminal,
            "ended_at": self._clock(),
        }

    def started(self, request: Payload, call_type: str) -> Picked:
        """Note a request that begins, for the case that nothing is heard of it again.

        Args:
            request: What ``async_pre_call_hook`` was given as ``data``.
            call_type: LiteLLM's type of the call.
        """
        call_id = call_id_of(request)
        metadata = request_metadata(request)
        return {
            "key": request_key(call_id, metadata),
            "outcome": Outcome.STARTED,
            "metadata": pick_metadata(metadata, with_who=True),
            "request": {
                "litellm_call_id": call_id,
                "call_type": call_type,
                "model": request.get("model"),
                "stream": request.get("stream") is True,
            },
            "prompt_characters": prompt_characters(request),
            "started_at": self._clock(),
        }

    def started_by_program(self, model: object, messages: object, request: Payload) -> Picked:
        """Note a call that a program makes without a proxy; it knows already whom it asks.

        Args:
            model: Of the provider.
            messages: The prompt.
            request: LiteLLM's details of the call.
        """
        asked = {**take(request, ("litellm_call_id", "stream")), "model": model, "messages": messages}
        asked["metadata"] = request_metadata(mapping(request.get("litellm_params")))
        report = self.started(asked, text(request.get("call_type")) or "unknown")
        report["stream_left"] = {"provider": request.get("custom_llm_provider"), "model": model}
        return report


# Where the proxy keeps what belongs to a request.
RECEIVED: Final = "litellm_received_at"


def request_metadata(params: Payload) -> Payload:
    """Find the request's metadata: chat keeps it in one place, /v1/messages and /v1/responses in another."""
    plain, other = mapping(params.get("metadata")), mapping(params.get("litellm_metadata"))
    if isinstance(other.get(RECEIVED), datetime) and not isinstance(plain.get(RECEIVED), datetime):
        return other  # what is a moment cannot have come with the client's JSON
    if RECEIVED in plain or not other:
        return plain
    return other


def call_id_of(request: Payload) -> object:
    """Find LiteLLM's id of a call; a pass-through request has it in another place until it is sent."""
    return request.get("litellm_call_id") or getattr(request.get("litellm_logging_obj"), "litellm_call_id", None)


def request_key(call_id: object, metadata: Payload) -> str:
    """Name a request: all of its reports have one key, also where a client reuses a call id; without an id, any key.

    Args:
        call_id: LiteLLM's.
        metadata: The request's, which say when the proxy received it.
    """
    if not isinstance(call_id, str) or not call_id:
        return secrets.token_hex(16)
    received_at = metadata.get("litellm_received_at")
    return f"{call_id[:MAX_TEXT]} {received_at.timestamp() if isinstance(received_at, datetime) else None}"


def broken(error: Exception, request: Payload) -> Picked:
    """Stand in for a report that could not be made; its reason is all that will be kept of the call."""
    call_id = text(request.get("litellm_call_id"))
    reason = f"{type(error).__name__} in the report of {call_id}: {error}"[:300]
    return {"key": "", "outcome": Outcome.BROKEN, "reason": reason}


def _describe(error: object) -> Picked:
    code = attribute(error, "status_code") or attribute(error, "code")
    return {
        "class": type(error).__name__ if error is not None else None,
        "code": text(str(code), 32) if code not in (None, "") else None,
        "causes": _causes(error),
    }


def _causes(error: object) -> list[str]:
    """Name the classes of an error and of what caused it: LiteLLM maps a broken connection to a plain 500."""
    names: list[str] = []
    while isinstance(error, BaseException) and len(names) < CAUSES_LOOKED_AT:
        names.append(type(error).__name__)
        error = error.__cause__ or error.__context__
    return names
