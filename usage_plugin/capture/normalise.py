"""A report in, UsageEvents out. With its helpers the only place that understands what LiteLLM's values mean.

It runs in the writing thread, after the report is on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from usage_plugin.capture.attribution import read_attribution
from usage_plugin.capture.cost import MAYBE_BILLED, NOTHING_BILLED, UNREPORTED, Measured, price_call
from usage_plugin.capture.identity import event_key
from usage_plugin.capture.naming import provider_and_model, requested_model, route, session_id
from usage_plugin.capture.outcome import (
    client_left,
    cost_something,
    provider_answered,
    was_cut_short,
    was_dispatched,
    why_failed,
)
from usage_plugin.capture.prices import PriceCatalog
from usage_plugin.capture.report import Outcome
from usage_plugin.capture.timing import attempts_made, read_timing
from usage_plugin.capture.tokens import (
    counted_by_litellm,
    read_tokens,
    read_units,
    tokens_of_rerank,
    tokens_of_text,
)
from usage_plugin.capture.values import count, mapping, moment, text
from usage_plugin.clock import Clock, utc_now
from usage_plugin.event import Cost, CostConfidence, Failure, Status, Timing, TokenCounts, UnitCounts, UsageEvent
from usage_plugin.settings import Settings

Report = Mapping[str, Any]
CUT_SHORT, DROPPED = "StreamCutShort", "StreamDropped"


@dataclass(frozen=True, slots=True)
class Normaliser:
    """Turns reports into events.

    Args:
        settings: Prefixes and privacy.
        catalog: LiteLLM's price map as it was loaded.
        clock: For calls that bring no time.
    """

    settings: Settings
    catalog: PriceCatalog
    clock: Clock = utc_now

    def events(self, report: Report) -> list[UsageEvent]:
        """Read a report: one event, and one more for an attempt that another one took over from.

        Raises:
            ValueError: It is no report of ours, or LiteLLM's values cannot be made sense of.
        """
        readers: dict[str, Callable[[Report], UsageEvent]] = {
            Outcome.SUCCESS: self._success,
            Outcome.FAILURE: self._failure,
            Outcome.ANSWER: self._answer,
            Outcome.UNREPORTED: self._unreported,
        }
        read = readers.get(str(report.get("outcome")))
        if read is None:
            msg = text(report.get("reason")) or "a report of an unknown kind"
            raise ValueError(msg)
        event = replace(read(report), replaces=text(report.get("replaces")))
        if row_key := text(report.get("row_key")):
            event = replace(event, event_key=row_key)
        taken_over = mapping(report.get("taken_over"))
        return [event, self._dropped(event, taken_over)] if taken_over else [event]

    def _success(self, report: Report) -> UsageEvent:
        payload = mapping(report.get("payload"))
        counted = report.get("provider_counted")
        interrupted = client_left(report) or report.get("is_whole") is False
        cut_short = not interrupted and was_cut_short(report)
        guessed = counted_by_litellm(payload, provider_counted=counted if isinstance(counted, bool) else None)
        used = _measure(report, estimated=interrupted or cut_short or guessed)
        event = self._event(
            report,
            timing=self._timing(report),
            status=Status.INTERRUPTED if interrupted else Status.FAILURE if cut_short else Status.SUCCESS,
            used=used,
            cost=price_call(payload, mapping(report.get("request")), used, self.catalog),
        )
        return replace(event, failure=Failure(error_class=CUT_SHORT)) if cut_short else event

    def _failure(self, report: Report) -> UsageEvent:
        payload = mapping(report.get("payload"))
        if not payload.get("prompt_tokens") and report.get("until_then") and cost_something(report):
            report = {**report, "payload": {**payload, **mapping(report.get("until_then"))}}
        rejected = not was_dispatched(report)
        used = Measured(TokenCounts(), UnitCounts()) if rejected else _measure(report, estimated=True)
        event = self._event(
            report,
            timing=self._timing(report, finished=self._ended_at(report)),
            status=Status.REJECTED if rejected else Status.FAILURE,
            used=used,
            cost=NOTHING_BILLED if rejected else self._cost_of_failure(report, used),
        )
        return replace(event, failure=why_failed(report))

    def _answer(self, report: Report) -> UsageEvent:
        used = _measure(report, estimated=False)
        event = self._event(
            report,
            timing=self._timing(report, finished=self._ended_at(report)),
            status=Status.SUCCESS,
            used=used,
            cost=price_call(mapping(report.get("payload")), mapping(report.get("request")), used, self.catalog),
        )
        parts = (event.litellm_call_id, event.timing.received_at, event.deployment_id, report.get("response_id"))
        return replace(
            event,
            event_key=event_key(*parts),
            is_terminal=report.get("is_terminal") is True,
            attempts=1,
            requested_model=text(report.get("asked_model")),
        )

    def _unreported(self, report: Report) -> UsageEvent:
        """Word a request that LiteLLM says nothing of: who asked what, and what it will have used at least."""
        why, payload = text(mapping(report.get("error")).get("class")), self._payload_of_unreported(report)
        used = _measure({"payload": payload}, estimated=True)
        cost = price_call(payload, {}, used, self.catalog)
        if cost.cost_nano_usd is None:
            cost = replace(cost, unpriced_reason=UNREPORTED)
        event = self._event(
            {**report, "payload": payload},
            timing=self._timing(report, finished=self._ended_at(report)),
            status=Status.INTERRUPTED,
            used=used,
            cost=cost,
        )
        is_stream = mapping(report.get("request")).get("stream") is True
        return replace(event, stream=is_stream, failure=Failure(error_class=why))

    def _dropped(self, answered: UsageEvent, attempt: Report) -> UsageEvent:
        """Estimate an attempt whose stream broke before its first words, beside the one that took over.

        LiteLLM reports no tokens for it. The prompt was the same; each model counts it in its own way.

        Args:
            answered: The request's event.
            attempt: Provider, model and deployment of the stream that broke.
        """
        provider, deployment_id = text(attempt.get("provider")), text(attempt.get("deployment_id"))
        model = (text(attempt.get("model")) or "").removeprefix(f"{provider}/")
        payload = self._with_prices(
            {
                "model": model,
                "custom_llm_provider": provider,
                "prompt_tokens": answered.tokens.prompt_tokens,
                "completion_tokens": 0,
            }
        )
        used = _measure({"payload": payload}, estimated=True)
        return replace(
            answered,
            event_key=event_key(answered.event_key, "dropped", deployment_id, model),
            replaces=None,
            is_terminal=False,
            status=Status.FAILURE,
            failure=Failure(error_class=DROPPED),
            provider=provider,
            model=model,
            model_group=answered.requested_model,
            deployment_id=deployment_id,
            attempts=1,
            fallbacks=0,
            tokens=used.tokens,
            cost=price_call(payload, {}, used, self.catalog),
        )

    def _cost_of_failure(self, report: Report, used: Measured) -> Cost:
        payload = mapping(report.get("payload"))
        if payload.get("response_cost") or used.tokens.prompt_tokens:
            return price_call(payload, mapping(report.get("request")), used, self.catalog)
        if provider_answered(report):
            return NOTHING_BILLED
        return Cost(cost_nano_usd=None, confidence=CostConfidence.UNPRICED, unpriced_reason=MAYBE_BILLED)

    def _payload_of_unreported(self, report: Report) -> dict[str, Any]:
        """Word what is known; only a stream tells which deployment answered, and with that the price."""
        left, asked = mapping(report.get("stream_left")), text(mapping(report.get("request")).get("model"))
        payload: dict[str, Any] = {
            "model": text(left.get("model")) or asked,
            "model_group": asked,
            "custom_llm_provider": text(left.get("provider")),
            "model_id": text(left.get("deployment_id")),
            "prompt_tokens": tokens_of_text(report.get("prompt_characters")),
            "completion_tokens": tokens_of_text(left.get("characters")),
            "metadata": {},
        }
        return self._with_prices(payload) if left.get("model") else payload

    def _with_prices(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Add what the price map says of a model, where LiteLLM would have put it."""
        provider, model = payload.get("custom_llm_provider"), payload.get("model")
        known = self.catalog.find(f"{provider}/{model}", model if isinstance(model, str) else None)
        if known is None:
            return payload
        name, prices = known
        value = {"key": name, **prices}
        return {**payload, "model_map_information": {"model_map_key": name, "model_map_value": value}}

    def _ended_at(self, report: Report) -> datetime:
        return moment(report.get("ended_at")) or self.clock()

    def _timing(self, report: Report, *, finished: datetime | None = None) -> Timing:
        payload, metadata = mapping(report.get("payload")), mapping(report.get("metadata"))
        if started := report.get("started_at"):
            payload = {**payload, "startTime": started}
        return read_timing(payload, metadata, now=self.clock(), finished=finished)

    def _event(self, report: Report, *, timing: Timing, status: Status, used: Measured, cost: Cost) -> UsageEvent:
        payload, metadata = mapping(report.get("payload")), mapping(report.get("metadata"))
        request = mapping(report.get("request"))
        call_id = text(payload.get("litellm_call_id")) or text(request.get("litellm_call_id"))
        call_type = text(payload.get("call_type")) or text(request.get("call_type")) or "unknown"
        model_id = text(payload.get("model_id"))
        provider, model = provider_and_model(payload, status)
        identity = call_id or text(report.get("key"))
        return UsageEvent(
            event_key=event_key(identity, _start(payload, timing), str(status), call_type, model_id),
            timing=timing,
            call_type=call_type,
            status=status,
            litellm_call_id=call_id,
            trace_id=text(payload.get("trace_id")) or text(metadata.get("trace_id")),
            session_id=session_id(payload, metadata),
            route=route(payload, metadata),
            stream=payload.get("stream") is True or mapping(payload.get("model_parameters")).get("stream") is True,
            provider=provider,
            model=model,
            model_group=text(payload.get("model_group")),
            requested_model=requested_model(payload, metadata, request),
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


def _measure(report: Report, *, estimated: bool) -> Measured:
    payload, billed = mapping(report.get("payload")), mapping(report.get("billed"))
    usage = mapping(mapping(payload.get("metadata")).get("usage_object"))
    reranked = str(payload.get("call_type")) in ("rerank", "arerank")
    return Measured(
        tokens_of_rerank(count(billed.get("total_tokens"))) if reranked else read_tokens(payload, estimated=estimated),
        read_units(billed),
        text(usage.get("service_tier")) or text(billed.get("service_tier")),
    )


def _start(payload: Report, timing: Timing) -> str | datetime:
    start = payload.get("startTime")
    return repr(start) if start else timing.received_at
