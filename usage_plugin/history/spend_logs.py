"""A row of LiteLLM_SpendLogs in, a UsageEvent out: the row becomes a report as the callback would have made it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

import orjson

from usage_plugin.arithmetic import cost_lines, total_usd
from usage_plugin.capture.cost import NOT_COMPUTED, Measured
from usage_plugin.capture.identity import event_key
from usage_plugin.capture.normalise import Normaliser
from usage_plugin.capture.report import Outcome
from usage_plugin.capture.values import mapping, text
from usage_plugin.clock import Clock, utc_now
from usage_plugin.event import Cost, CostConfidence, Status, UsageEvent
from usage_plugin.history.lines import Values
from usage_plugin.history.prices import PricesOfToday, unpriced
from usage_plugin.history.values import is_empty, read_count, read_decimal, read_moment, wrong
from usage_plugin.money import to_nano_usd
from usage_plugin.settings import Settings

REQUIRED = ("request_id", "startTime", "spend")
# What is read; prompts and answers (messages, response, proxy_server_request) never are.
COLUMNS = (
    *REQUIRED,
    "call_type",
    "api_key",
    "total_tokens",
    "prompt_tokens",
    "completion_tokens",
    "endTime",
    "completionStartTime",
    "model",
    "model_id",
    "model_group",
    "custom_llm_provider",
    "api_base",
    "user",
    "metadata",
    "cache_hit",
    "request_tags",
    "team_id",
    "organization_id",
    "end_user",
    "requester_ip_address",
    "session_id",
    "status",
    "litellm_call_id",
)
_SHOWN = ("request_id", "startTime")
_RERANK = frozenset({"rerank", "arerank"})


class SpendLogsReader:
    """Understands rows of LiteLLM's own log.

    Args:
        settings: Prefixes and privacy, as for calls that are recorded live.
        prices: For rows without a price beside them, as older versions of LiteLLM wrote them.
        zone: Where moments without an offset were written down; LiteLLM writes UTC.
        clock: The present.
    """

    counts_repeats = False

    def __init__(self, settings: Settings, prices: PricesOfToday, zone: tzinfo, clock: Clock = utc_now) -> None:
        self._normaliser = Normaliser(settings, prices.catalog, clock)
        self._prices = prices
        self._zone = zone
        self._clock = clock

    def event(self, values: Values) -> UsageEvent:
        """Turn a row into a call.

        Raises:
            ValueError: It is none; says what is wrong with which value.
        """
        request_id = values.get("request_id")
        if not isinstance(request_id, str) or not request_id:
            raise wrong("request_id", request_id, "empty")
        spend = _spend(values)
        report = self._report(values, spend)
        event = self._normaliser.events(report)[0]
        key = event_key("litellm-spendlogs", request_id)
        timing = event.timing if not is_empty(values.get("endTime")) else replace(event.timing, latency_ms=None)
        return replace(event, event_key=key, timing=timing, cost=self._cost(event, spend))

    def skip(self, values: Values) -> None:
        """A row's meaning does not depend on other rows."""

    def shown(self, values: Values) -> dict[str, str]:
        """Name the row."""
        return {name: str(values[name])[:256] for name in _SHOWN if name in values}

    def _report(self, row: Values, spend: float | None) -> dict[str, Any]:
        metadata = _json(row, "metadata", dict) or {}
        started, ended, first_token = self._moments(row)
        payload = {
            **{name: row.get(name) for name in _TAKEN},
            **{name: read_count(name, row.get(name)) for name in _COUNTED},
            "litellm_call_id": _call_id(row, metadata),
            "startTime": started,
            "endTime": ended,
            "completionStartTime": first_token,
            "stream": first_token is not None and started < first_token < ended,
            "cache_hit": str(row.get("cache_hit")).lower() == "true" and not spend,
            "response_cost": spend,
            "request_tags": _json(row, "request_tags", list),
            "metadata": _who(row, metadata),
            **{name: metadata.get(name) for name in _IN_METADATA},
        }
        failed = "failure" in (row.get("status"), metadata.get("status"))
        dispatched = bool(row.get("model_id") or row.get("custom_llm_provider") or row.get("api_base") or spend)
        return {
            "outcome": Outcome.FAILURE if failed else Outcome.SUCCESS,
            "payload": payload,
            "metadata": metadata,
            "request": {"first_api_call_start_time": dispatched},
            "ended_at": ended,
            "billed": {"total_tokens": read_count("total_tokens", row.get("total_tokens"))}
            if row.get("call_type") in _RERANK
            else {},
        }

    def _moments(self, row: Values) -> tuple[datetime, datetime, datetime | None]:
        now, zone = self._clock(), self._zone
        started = read_moment("startTime", row.get("startTime"), zone, now)
        ended, first = row.get("endTime"), row.get("completionStartTime")
        return (
            started,
            started if is_empty(ended) else read_moment("endTime", ended, zone, now),
            None if is_empty(first) else read_moment("completionStartTime", first, zone, now),
        )

    def _cost(self, event: UsageEvent, spend: float | None) -> Cost:
        """Keep LiteLLM's amount; a zero of its is believed only where something says that nothing is billed."""
        cost = event.cost
        used = Measured(event.tokens, event.units, event.service_tier)
        if nano_usd := to_nano_usd(spend):
            is_explained = cost.price is not None
            return cost if is_explained else self._prices.explain(nano_usd, used, event.provider, event.model)
        if cost.confidence is CostConfidence.CACHED:
            return replace(cost, saved_cost_nano_usd=_at_its_price(cost, used))
        if event.status is not Status.SUCCESS or cost.confidence is CostConfidence.FREE:
            return cost
        if self._prices.is_free(event.provider, event.model):
            return Cost(cost_nano_usd=0, confidence=CostConfidence.FREE)
        if cost.cost_nano_usd is not None:
            # LiteLLM kept usage and price and still wrote 0: the key's own account with the provider, for one.
            return replace(unpriced(NOT_COMPUTED), price=cost.price)
        return cost


_TAKEN = (
    "call_type",
    "model",
    "model_id",
    "model_group",
    "custom_llm_provider",
    "end_user",
    "requester_ip_address",
    "session_id",
)
_COUNTED = ("prompt_tokens", "completion_tokens")
_IN_METADATA = ("model_map_information", "cost_breakdown", "error_information", "user_agent")
_WHO_COLUMNS = {
    "user_api_key_user_id": "user",
    "user_api_key_team_id": "team_id",
    "user_api_key_org_id": "organization_id",
}


def _who(row: Values, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Name caller and usage as LiteLLM's payload does; older versions keep the details of usage elsewhere."""
    named = {name: row.get(column) or metadata.get(name) for name, column in _WHO_COLUMNS.items()}
    key = text(row.get("api_key")) or text(metadata.get("user_api_key"))
    usage = mapping(metadata.get("usage_object")) or mapping(metadata.get("additional_usage_values"))
    return {**metadata, **named, "user_api_key_hash": _hashed(key), "usage_object": usage}


def _hashed(key: str | None) -> str | None:
    """Old versions of LiteLLM logged some keys as they are."""
    if key is None or not key.startswith("sk-"):
        return key
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _call_id(row: Values, metadata: Mapping[str, Any]) -> str | None:
    return text(row.get("litellm_call_id")) or text(metadata.get("litellm_call_id")) or text(row.get("request_id"))


def _spend(row: Values) -> float | None:
    written = row.get("spend")
    amount = read_decimal("spend", written)
    if amount is not None and to_nano_usd(amount) is None:
        raise wrong("spend", written, "no amount in dollars that a call can cost")
    return None if amount is None else float(amount)


def _json(row: Values, name: str, kind: type) -> Any:
    """Read a JSON column: parsed already, as text, or as text inside JSON, which some versions of LiteLLM write."""
    value = row.get(name)
    for _ in range(2):
        if not isinstance(value, str):
            break
        try:
            value = orjson.loads(value) if value.strip() else None
        except orjson.JSONDecodeError as error:
            msg = f"{name} is not JSON: {error}"
            raise ValueError(msg) from None
    if value is None or isinstance(value, kind):
        return value
    msg = f"{name} is no JSON {'object' if kind is dict else 'list'}"
    raise ValueError(msg)


def _at_its_price(cost: Cost, used: Measured) -> int | None:
    if cost.price is None:
        return None
    prices = {name: Decimal(value) for name, value in cost.price.prices_usd}
    return to_nano_usd(total_usd(cost_lines(used.counts(), prices, used.service_tier))) or None
