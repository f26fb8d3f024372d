"""A line of a foreign file and a column map in, a UsageEvent out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

from usage_plugin.capture.attribution import read_attribution
from usage_plugin.capture.cost import NOTHING_BILLED, Measured
from usage_plugin.capture.identity import event_key
from usage_plugin.capture.naming import provider_and_model
from usage_plugin.capture.timing import milliseconds
from usage_plugin.capture.tokens import read_tokens
from usage_plugin.capture.values import text
from usage_plugin.clock import Clock, utc_now
from usage_plugin.event import (
    Attribution,
    Cost,
    CostConfidence,
    Failure,
    Status,
    Timing,
    TokenCounts,
    UnitCounts,
    UsageEvent,
)
from usage_plugin.history.columns import ColumnMap
from usage_plugin.history.lines import Values
from usage_plugin.history.prices import NOT_IN_SOURCE, PricesOfToday, unpriced
from usage_plugin.history.repeats import Repeats
from usage_plugin.history.values import (
    is_empty,
    read_count,
    read_decimal,
    read_flag,
    read_moment,
    read_money,
    wrong,
)
from usage_plugin.settings import Settings

_WHO = {
    "organization_id": "user_api_key_org_id",
    "team_id": "user_api_key_team_id",
    "team_alias": "user_api_key_team_alias",
    "user_id": "user_api_key_user_id",
    "api_key_hash": "user_api_key_hash",
    "api_key_alias": "user_api_key_alias",
    "project_id": "user_api_key_project_id",
    "end_user_id": "user_api_key_end_user_id",
    "user_agent": "user_agent",
    "client_ip": "requester_ip_address",
}
_TEXTS = ("route", "model_group", "requested_model", "deployment_id", "session_id", "trace_id")
_INPUT_PARTS = (
    "input_cache_read_tokens",
    "input_cache_write_5m_tokens",
    "input_cache_write_1h_tokens",
    "input_audio_tokens",
    "input_image_tokens",
)
_OUTPUT_PARTS = ("output_reasoning_tokens", "output_audio_tokens", "output_image_tokens")
_STATUS = {
    **dict.fromkeys(("success", "ok", "succeeded", "completed", "200"), Status.SUCCESS),
    **dict.fromkeys(("failure", "failed", "error"), Status.FAILURE),
    **dict.fromkeys(("interrupted", "cancelled", "canceled"), Status.INTERRUPTED),
    "rejected": Status.REJECTED,
}
_ERROR_CODE = re.compile(r"[45]\d\d")
_SHOWN = ("request_id", "started_at", "completed_at", "model")
_MOST_MS = 10**10
Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MappedOptions:
    """How lines are to be understood."""

    columns: ColumnMap
    zone: tzinfo
    computes_costs: bool = False
    """A call without a cost gets what it would cost today."""


class MappedReader:
    """Understands lines whose columns were mapped to the fields of a call.

    Args:
        settings: Prefixes and privacy, as for calls that are recorded live.
        prices: Of today.
        options: Columns, time zone.
        clock: The present.
    """

    counts_repeats = True

    def __init__(
        self, settings: Settings, prices: PricesOfToday, options: MappedOptions, clock: Clock = utc_now
    ) -> None:
        self._settings = settings
        self._prices = prices
        self._options = options
        self._clock = clock
        self._repeats = Repeats()
        self._constants = dict(options.columns.constants)

    def event(self, values: Values) -> UsageEvent:
        """Turn a line into a call.

        Raises:
            ValueError: It is none; says what is wrong with which value.
        """
        fields = self._fields(values)
        repeat = self._repeat(fields, values)
        timing, status = self._timing(fields), _status(fields)
        provider, model = provider_and_model(
            {"custom_llm_provider": _text(fields, "provider"), "model": _text(fields, "model")}, Status.SUCCESS
        )
        tokens = _tokens(fields)
        cache_hit = read_flag("cache_hit", fields.get("cache_hit"))
        event = UsageEvent(
            event_key=self._key(fields, timing, repeat),
            timing=timing,
            call_type=_text(fields, "call_type") or "unknown",
            status=status,
            calls=read_count("calls", fields.get("calls")) or 1,
            litellm_call_id=_text(fields, "request_id"),
            stream=read_flag("stream", fields.get("stream")),
            provider=provider,
            model=model,
            cache_hit=cache_hit,
            who=self._who(fields),
            failure=_failure(fields, status),
            tokens=tokens,
            cost=NOTHING_BILLED,
        )
        texts = {name: _text(fields, name) for name in _TEXTS}
        return replace(event, **texts, cost=self._cost(fields, event))  # type: ignore[arg-type]

    def skip(self, values: Values) -> None:
        """Count a line that is stored already."""
        self._repeat(self._fields(values), values)

    def shown(self, values: Values) -> dict[str, str]:
        """Name the line."""
        fields = self._fields(values)
        return {name: str(fields[name])[:256] for name in _SHOWN if name in fields}

    def _fields(self, values: Values) -> dict[str, Any]:
        columns = self._options.columns.columns(values)
        return {**{name: values[column] for name, column in columns.items()}, **self._constants}

    def _repeat(self, fields: Fields, values: Values) -> tuple[str, int] | None:
        if not is_empty(fields.get("request_id")):
            return None
        return self._repeats.count(repr(sorted((name, str(value)) for name, value in values.items())))

    def _key(self, fields: Fields, timing: Timing, repeat: tuple[str, int] | None) -> str:
        if repeat is None:
            return event_key("import", str(fields["request_id"]), timing.started_at)
        return event_key("import", *repeat, sorted(self._constants.items()))

    def _timing(self, fields: Fields) -> Timing:
        started, completed = self._moment(fields, "started_at"), self._moment(fields, "completed_at")
        took_ms = _milliseconds(fields)
        took = None if took_ms is None else timedelta(milliseconds=took_ms)
        if started is None:
            if completed is None:
                msg = "started_at: empty"
                raise ValueError(msg)
            started = completed - (took or timedelta(0))
        is_timed = took is not None or completed not in (None, started)
        completed = completed or started + (took or timedelta(0))
        if completed < started:
            raise wrong("completed_at", completed, f"before started_at {started}")
        ttft_ms = read_decimal("ttft_ms", fields.get("ttft_ms"))
        return Timing(
            received_at=started,
            started_at=started,
            completed_at=completed,
            latency_ms=(milliseconds(started, completed) if took_ms is None else took_ms) if is_timed else None,
            ttft_ms=None if ttft_ms is None or not 0 <= ttft_ms <= _MOST_MS else float(ttft_ms),
        )

    def _moment(self, fields: Fields, name: str) -> datetime | None:
        value = fields.get(name)
        return None if is_empty(value) else read_moment(name, value, self._options.zone, self._clock())

    def _who(self, fields: Fields) -> Attribution:
        named = {theirs: _text(fields, ours) for ours, theirs in _WHO.items()}
        extra = {name: _text(fields, name) for name in ("feature", "environment")}
        payload = {"request_tags": _tags(fields.get("tags"))}
        return read_attribution(payload, {**named, "spend_logs_metadata": extra}, self._settings)

    def _cost(self, fields: Fields, event: UsageEvent) -> Cost:
        """Keep the source's amount; a zero is believed only where something says that nothing is billed."""
        nano_usd = read_money("cost_usd", fields.get("cost_usd"))
        said = _text(fields, "cost_confidence")
        if said is not None:
            return _said(said, nano_usd)
        used = Measured(event.tokens, UnitCounts())
        if nano_usd:
            return self._prices.explain(nano_usd, used, event.provider, event.model)
        if event.cache_hit:
            return Cost(cost_nano_usd=0, confidence=CostConfidence.CACHED)
        if event.status is Status.REJECTED or (nano_usd == 0 and event.status is Status.FAILURE):
            return NOTHING_BILLED
        return self._cost_of_today(event, used)

    def _cost_of_today(self, event: UsageEvent, used: Measured) -> Cost:
        if self._options.computes_costs:
            return self._prices.price(used, event.provider, event.model)
        if self._prices.is_free(event.provider, event.model):
            return NOTHING_BILLED
        return unpriced(NOT_IN_SOURCE)


def _said(confidence: str, nano_usd: int | None) -> Cost:
    if confidence not in [*CostConfidence]:
        raise wrong("cost_confidence", confidence, f"none of {', '.join(CostConfidence)}")
    known = CostConfidence(confidence)
    if known is CostConfidence.UNPRICED:
        return unpriced(NOT_IN_SOURCE)
    if nano_usd is None:
        raise wrong("cost_usd", "", f"empty, though cost_confidence is {confidence}")
    return Cost(cost_nano_usd=nano_usd, confidence=known, adjustment_nano_usd=nano_usd)


def _tokens(fields: Fields) -> TokenCounts:
    """Split tokens into categories that add up to the totals.

    Raises:
        ValueError: The parts are more than the whole, or nobody says what was input.
    """
    count = {name: read_count(name, fields.get(name)) for name in (*_TOTALS, *_INPUT_PARTS, *_OUTPUT_PARTS)}
    prompt, completion = _totals(*(count[name] for name in _TOTALS))
    for whole, name, parts in (
        (prompt, "prompt_tokens", _INPUT_PARTS),
        (completion, "completion_tokens", _OUTPUT_PARTS),
    ):
        if (together := sum(count[part] or 0 for part in parts)) > whole:
            raise wrong(name, whole, f"less than its parts, {together}; it has to count them too")
    written = (count["input_cache_write_5m_tokens"] or 0) + (count["input_cache_write_1h_tokens"] or 0)
    usage = {
        "cache_creation_input_tokens": written,
        "prompt_tokens_details": {
            "cached_tokens": count["input_cache_read_tokens"],
            "audio_tokens": count["input_audio_tokens"],
            "image_tokens": count["input_image_tokens"],
            "cache_creation_token_details": {"ephemeral_1h_input_tokens": count["input_cache_write_1h_tokens"]},
        },
        "completion_tokens_details": {
            "reasoning_tokens": count["output_reasoning_tokens"],
            "audio_tokens": count["output_audio_tokens"],
            "image_tokens": count["output_image_tokens"],
        },
    }
    payload = {"prompt_tokens": prompt, "completion_tokens": completion, "metadata": {"usage_object": usage}}
    return read_tokens(payload, estimated=False)


_TOTALS = ("prompt_tokens", "completion_tokens", "total_tokens")


def _totals(prompt: int | None, completion: int | None, total: int | None) -> tuple[int, int]:
    if total and prompt is None and completion is None:
        raise wrong("total_tokens", total, "alone: --map prompt_tokens=... takes all of it as input")
    if total is not None and prompt is not None and completion is None:
        completion = max(total - prompt, 0)
    if total is not None and prompt is None and completion is not None:
        prompt = max(total - completion, 0)
    return prompt or 0, completion or 0


def _milliseconds(fields: Fields) -> float | None:
    """Give how long a call took, in whichever unit the source says it."""
    for name, factor in (("latency_ms", 1), ("latency_s", 1000)):
        value = read_decimal(name, fields.get(name))
        if value is not None:
            if not 0 <= value * factor <= _MOST_MS:
                raise wrong(name, value, "no duration of a call")
            return float(value * factor)
    return None


def _status(fields: Fields) -> Status:
    written = _text(fields, "status")
    if written is None:
        has_failed = _text(fields, "error_class") or _ERROR_CODE.fullmatch(_text(fields, "error_code") or "")
        return Status.FAILURE if has_failed else Status.SUCCESS
    status = Status.FAILURE if _ERROR_CODE.fullmatch(written) else _STATUS.get(written.lower())
    if status is None:
        raise wrong("status", written, f"none of {', '.join(_STATUS)}")
    return status


def _failure(fields: Fields, status: Status) -> Failure:
    if status is Status.SUCCESS:
        return Failure()
    return Failure(error_class=_text(fields, "error_class"), error_code=_text(fields, "error_code"))


def _tags(value: Any) -> list[str]:
    """Read a list, JSON text of one, or names separated by commas or semicolons."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            raise wrong("tags", value, "no JSON list") from None
    if isinstance(value, str):
        return [tag.strip() for tag in value.replace(";", ",").split(",") if tag.strip()]
    return [str(tag) for tag in value] if isinstance(value, list) else []


def _text(fields: Fields, name: str) -> str | None:
    value = fields.get(name)
    return text(value if value is None or isinstance(value, str) else str(value))
