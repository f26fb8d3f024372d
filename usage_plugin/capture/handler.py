"""LiteLLM's hooks in, reports handed to the recorder out. The one file that subclasses LiteLLM's CustomLogger.

For nearly each request to the proxy exactly one of ``async_log_success_event`` and ``async_post_call_failure_hook``
fires; the ``log_*`` twins of the success hook may fire beside it. ``async_log_failure_event`` ends no request: it
fires for a first attempt whose retry succeeds. And some requests end without any of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from litellm.integrations.custom_logger import CustomLogger

from usage_plugin.capture.billed import BILLED, DEGRADABLE, is_inside_another, is_named
from usage_plugin.capture.report import Call, Reporter, broken, request_key, request_metadata
from usage_plugin.capture.scope import Asked, Scopes, is_known_group
from usage_plugin.capture.several import SeenRequests, asks_several
from usage_plugin.capture.streams import Noted
from usage_plugin.capture.values import mapping
from usage_plugin.clock import utc_now
from usage_plugin.gate import Degraded, Refused, Verdict
from usage_plugin.guard import Guard
from usage_plugin.hold.recorder import Recorder


class UsageHandler(CustomLogger):  # type: ignore[misc]  # litellm is untyped
    """Hands what LiteLLM reports to a Recorder, and never lets an error of ours out."""

    def __init__(self, reporter: Reporter, recorder: Recorder, guard: Guard) -> None:
        super().__init__()
        self.reporter = reporter
        self.recorder = recorder
        self.guard = guard
        self.several = SeenRequests()
        self.scopes = Scopes(recorder.settings)

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
            try:
                call = Call.of(kwargs, self._stream_of)
                if asks_several(mapping(kwargs.get("litellm_params"))) and call.key in self.several:
                    return
                report = self.reporter.success(call, response)
            except Exception as error:  # noqa: BLE001 - whatever a strange payload brings about
                report = broken(error, kwargs)
            self.recorder.put(report, twin=_twin(kwargs))

    def _failure(self, request: Mapping[str, Any], error: object) -> None:
        with self.guard.stage("failure"):
            try:
                report = self.reporter.failure(Call.of(request, self._stream_of), error)
            except Exception as problem:  # noqa: BLE001 - as above
                report = broken(problem, request)
            self.recorder.put(report, twin=_twin(request))

    def _stream_of(self, key: str) -> Noted | None:
        request = self.recorder.in_flight.find(key)
        return None if request is None or not isinstance(request.witness, Noted) else request.witness


class Usage_PROXY_Handler(UsageHandler):  # noqa: N801 - LiteLLM lets a class so named see `no-log` calls too
    """The handler in a proxy, where a request's end is one hook or the other, or none.

    LiteLLM looks for some of these hooks in the class itself, not in what it inherits.
    """

    async def async_pre_call_hook(
        self,
        user_api_key_dict: Any,
        cache: Any,
        data: dict[str, Any],
        call_type: Any,
    ) -> None:
        """Note a request that begins; the task that serves it tells when it is over. Its budgets may refuse it.

        Raises:
            HTTPException: A budget has no room, with status 429. No mistake of ours ever refuses a call.
        """
        refusal: Exception | None = None
        with self.guard.stage("started"):
            billed_as = BILLED.get(call_type)
            if billed_as is None or is_inside_another(call_type, data):
                return
            key = self._begin(data, billed_as) if is_named(call_type, data) else None
            if not self.recorder.gate.is_open:
                refusal = self._refusal(key, data, user_api_key_dict, billed_as)
        if refusal is not None:
            raise refusal

    def _begin(self, data: Mapping[str, Any], billed_as: str) -> str:
        """Note a request that begins; gives its name."""
        report = self.reporter.started(data, billed_as)
        noted = self.recorder.begin(report)
        task = asyncio.current_task()
        if noted is not None and task is not None:
            task.add_done_callback(noted.is_over)
        return str(report["key"])

    def _refusal(self, key: str | None, data: dict[str, Any], user: object, billed_as: str) -> Exception | None:
        """Ask the gate; a call that is to be degraded goes to the other model group, where that one has room."""
        verdict = self._verdict(key, data, user, billed_as)
        if not isinstance(verdict, Refused):
            return None
        from usage_plugin.capture.refusal import BudgetSpent  # noqa: PLC0415 - needs the proxy's web framework

        refusal = BudgetSpent(verdict, self.recorder.settings.zone, utc_now())
        with self.guard.stage("refused"):
            noted = None if key is None else self.recorder.in_flight.find(key)
            if noted is not None:  # LiteLLM reports no refused connection
                noted.failure = self.reporter.failure(Call.of({**data, "call_type": billed_as}), refusal)
        return refusal

    def _verdict(self, key: str | None, data: dict[str, Any], user: object, billed_as: str) -> Verdict:
        gate = self.recorder.gate
        plan = gate.plan
        asked = Asked(data, user, billed_as, plan.only_target)
        scopes = self.scopes.of(asked, plan)
        may_degrade = billed_as in DEGRADABLE
        verdict = gate.ask(plan, key, scopes, asked.group, several=asked.several, may_degrade=may_degrade)
        if not isinstance(verdict, Degraded):
            return verdict
        if not is_known_group(verdict.group):
            return gate.ask(plan, key, scopes, asked.group, several=asked.several)
        first = asked.group
        asked.send_to(verdict.group)
        refused = gate.ask(plan, key, self.scopes.of(asked, plan), asked.group)
        if refused is None:
            asked.note_asked_model(first)
            data["model"] = verdict.group
        return refused

    def async_post_call_streaming_iterator_hook(
        self,
        user_api_key_dict: Any,
        response: Any,
        request_data: dict[str, Any],
    ) -> Any:
        """Note a stream and hand it back as it is: nothing of ours stands between its chunks and the client."""
        with self.guard.stage("stream"):
            key = request_key(request_data.get("litellm_call_id"), request_metadata(request_data))
            self.recorder.in_flight.witness(key, Noted.of(response, request_data))
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
                call = Call.of(request_data)
                is_first = self.several.is_first(call.key)
                self.recorder.put(self.reporter.answer(call, response, call_type, is_terminal=is_first))

    async def async_post_call_failure_hook(
        self,
        request_data: dict[str, Any],
        original_exception: Exception,
        user_api_key_dict: Any,
        traceback_str: str | None = None,
    ) -> None:
        """Record a request that failed or was rejected."""
        self._failure(request_data, original_exception)

    async def async_log_failure_event(
        self,
        kwargs: dict[str, Any],
        response_obj: Any,
        start_time: Any,
        end_time: Any,
    ) -> None:
        """Keep the report of an attempt that failed, in case that nothing more is heard of its request."""
        with self.guard.stage("attempt"):
            call = Call.of(kwargs, self._stream_of)
            noted = self.recorder.in_flight.find(call.key)
            if noted is not None:
                noted.failure = self.reporter.failure(call, kwargs.get("exception"))


class UsageSdkHandler(UsageHandler):
    """The handler in a program that calls LiteLLM itself, where the failure events are all there is."""

    def log_pre_api_call(self, model: Any, messages: Any, kwargs: dict[str, Any]) -> None:
        """Note a call that begins: of a stream that the program abandons, LiteLLM reports nothing else."""
        with self.guard.stage("started"):
            self.recorder.begin(self.reporter.started_by_program(model, messages, kwargs))

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


def _twin(request: Mapping[str, Any]) -> object:
    """Name what two reports of one end share; what LiteLLM gives no id or no moments is reported once only."""
    payload = mapping(request.get("standard_logging_object"))
    call_id, start, end = payload.get("litellm_call_id"), payload.get("startTime"), payload.get("endTime")
    known = isinstance(call_id, str) and isinstance(start, float) and isinstance(end, float)
    return (call_id, start, end, payload.get("status") == "success") if known else None
