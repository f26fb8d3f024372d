"""LiteLLM's hooks in, held events out. The one file that subclasses LiteLLM's CustomLogger.

For each request to the proxy exactly one of ``async_log_success_event`` and ``async_post_call_failure_hook`` fires; the
``log_*`` twins of the success hook may fire beside it and carry the same key. ``async_log_failure_event`` is no end of
a request: it fires for a first attempt whose retry succeeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litellm.integrations.custom_logger import CustomLogger

from usage_plugin.capture.normalise import Normaliser, request_metadata
from usage_plugin.capture.several import SeenRequests, asks_several, request_of
from usage_plugin.capture.streams import StreamNotes, broken_off, provider_counted
from usage_plugin.capture.values import mapping
from usage_plugin.guard import Guard
from usage_plugin.hold.recorder import Recorder


class UsageHandler(CustomLogger):  # type: ignore[misc]  # litellm is untyped
    """Hands what LiteLLM reports to a Recorder, and never lets an error of ours out."""

    def __init__(self, normaliser: Normaliser, recorder: Recorder, guard: Guard) -> None:
        super().__init__()
        self.normaliser = normaliser
        self.recorder = recorder
        self.guard = guard
        self.streams = StreamNotes()
        self.several = SeenRequests()

    async def async_log_success_event(
        self,
        kwargs: dict[str, Any],
        response_obj: Any,
        start_time: Any,
        end_time: Any,
    ) -> None:
        """Record a request that succeeded."""
        self._success(kwargs, response_obj)

    def log_success_event(
        self,
        kwargs: dict[str, Any],
        response_obj: Any,
        start_time: Any,
        end_time: Any,
    ) -> None:
        """Record a request that succeeded: SDK calls that are not async, and twins of the async hook."""
        self._success(kwargs, response_obj)

    def _success(self, kwargs: Mapping[str, Any], response: object) -> None:
        with self.guard.stage("success"):
            if self._is_recorded_by_deployment(kwargs):
                return
            noted = self.streams.take(kwargs.get("litellm_call_id"))
            counted = None if noted is None else provider_counted(noted.stream, response)
            event = self.normaliser.success(kwargs, response, provider_counted=counted)
            self.recorder.put(event)
            if noted is not None and noted.was_taken_over():
                self.recorder.put(self.normaliser.dropped(event, noted))

    def _is_recorded_by_deployment(self, kwargs: Mapping[str, Any]) -> bool:
        params = mapping(kwargs.get("litellm_params"))
        if not asks_several(params):
            return False
        return request_of(kwargs.get("litellm_call_id"), request_metadata(params)) in self.several

    def _failure(self, request: Mapping[str, Any], error: object) -> None:
        with self.guard.stage("failure"):
            noted = self.streams.take(request.get("litellm_call_id"))
            used = {} if noted is None else broken_off(noted.stream, request)
            self.recorder.put(self.normaliser.failure(request, error, until_then=used))


class Usage_PROXY_Handler(UsageHandler):  # noqa: N801 - LiteLLM lets a class so named see `no-log` calls too
    """The handler in a proxy, where a request's end is one hook or the other."""

    def async_post_call_streaming_iterator_hook(
        self,
        user_api_key_dict: Any,
        response: Any,
        request_data: dict[str, Any],
    ) -> Any:
        """Note a stream and hand it back as it is: nothing of ours stands between its chunks and the client.

        LiteLLM looks for this hook in the class itself, and iterates over what it returns.
        """
        with self.guard.stage("stream"):
            self.streams.note(request_data.get("litellm_call_id"), response)
        return response

    async def async_post_call_success_deployment_hook(
        self,
        request_data: dict[str, Any],
        response: Any,
        call_type: Any,
    ) -> None:
        """Record each answer to a request that asked several models; the first stands for the request."""
        with self.guard.stage("several"):
            if asks_several(request_data):
                metadata = mapping(request_data.get("metadata"))
                is_first = self.several.is_first(request_of(request_data.get("litellm_call_id"), metadata))
                self.recorder.put(
                    self.normaliser.one_of_several(request_data, response, call_type, is_terminal=is_first)
                )

    async def async_post_call_failure_hook(
        self,
        request_data: dict[str, Any],
        original_exception: Exception,
        user_api_key_dict: Any,
        traceback_str: str | None = None,
    ) -> None:
        """Record a request that failed or was rejected."""
        self._failure(request_data, original_exception)


class UsageSdkHandler(UsageHandler):
    """The handler in a program that calls LiteLLM itself, where the failure events are all there is."""

    async def async_log_failure_event(
        self,
        kwargs: dict[str, Any],
        response_obj: Any,
        start_time: Any,
        end_time: Any,
    ) -> None:
        """Record an async call that failed."""
        self._failure(kwargs, kwargs.get("exception"))

    def log_failure_event(
        self,
        kwargs: dict[str, Any],
        response_obj: Any,
        start_time: Any,
        end_time: Any,
    ) -> None:
        """Record a call that failed."""
        self._failure(kwargs, kwargs.get("exception"))
