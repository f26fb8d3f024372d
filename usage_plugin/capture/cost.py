"""LiteLLM's cost of a call in; the cost with its confidence, its reason and its arithmetic out.

LiteLLM turns a cost that it does not know into 0.0, in two shapes: with ``response_cost_failure_debug_info`` where the
model is in no price map, and without any sign where the Router registered the deployment with a price of zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from usage_plugin.arithmetic import CostLine, cost_lines, total_usd
from usage_plugin.capture.prices import KnownPrices, PriceCatalog, deployment_prices, read_prices
from usage_plugin.capture.values import mapping, number
from usage_plugin.event import TOKEN_FIELDS, Cost, CostConfidence, PriceSnapshot, TokenCounts, TokensSource, UnitCounts
from usage_plugin.money import to_nano_usd

NO_PRICE = "no_price_for_model"
NO_USAGE = "provider_sent_no_usage"
NOT_COMPUTED = "litellm_computed_no_cost"
LESS_THAN_LINES = "less_than_units_x_price"
MAYBE_BILLED = "failed_after_dispatch"
UNREPORTED = "not_reported_by_litellm"
NOTHING_BILLED = Cost(cost_nano_usd=0, confidence=CostConfidence.FREE)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a call used."""

    tokens: TokenCounts
    units: UnitCounts
    service_tier: str | None = None

    def counts(self) -> dict[str, int | float | None]:
        """Give all counts by column name."""
        unit_names = UnitCounts.__slots__
        counts: dict[str, int | float | None] = {name: getattr(self.tokens, name) for name in TOKEN_FIELDS}
        counts.update((name, getattr(self.units, name)) for name in unit_names)
        counts["prompt_tokens"] = self.tokens.prompt_tokens
        return counts

    def is_nothing(self) -> bool:
        """Say whether nobody counted anything."""
        return self.tokens.source is TokensSource.NONE and not any(
            getattr(self.units, name) for name in UnitCounts.__slots__
        )


def price_call(payload: Mapping[str, Any], request: Mapping[str, Any], used: Measured, catalog: PriceCatalog) -> Cost:
    """Say what a call cost, and how that is known.

    Args:
        payload: LiteLLM's ``standard_logging_object``.
        request: The hook's ``kwargs``.
        used: The call's tokens and other units.
        catalog: LiteLLM's price map as it was loaded.
    """
    prices = read_prices(payload, request, catalog.version)
    if payload.get("cache_hit") is True:
        return _from_cache(payload, prices)
    cost_nano_usd = to_nano_usd(number(payload.get("response_cost")))
    if not cost_nano_usd:
        return _zero(payload, request, used, catalog, prices)
    return _billed(cost_nano_usd, used, prices, discounted=_is_discounted(payload))


def _from_cache(payload: Mapping[str, Any], prices: KnownPrices | None) -> Cost:
    return Cost(
        cost_nano_usd=0,
        confidence=CostConfidence.CACHED,
        saved_cost_nano_usd=to_nano_usd(number(payload.get("saved_cache_cost"))),
        price=_snapshot(prices),
    )


def _zero(
    payload: Mapping[str, Any],
    request: Mapping[str, Any],
    used: Measured,
    catalog: PriceCatalog,
    prices: KnownPrices | None,
) -> Cost:
    """Tell a call that is free from one whose price or usage nobody knows."""
    if _free_on_purpose(payload, request, catalog):
        return Cost(cost_nano_usd=0, confidence=CostConfidence.FREE, price=_snapshot(prices))
    if own := _own_sum(used, prices):
        return _billed(own, used, prices)
    reason = NO_PRICE if prices is None else NO_USAGE if used.is_nothing() else NOT_COMPUTED
    return Cost(cost_nano_usd=None, confidence=CostConfidence.UNPRICED, unpriced_reason=reason, price=_snapshot(prices))


def _own_sum(used: Measured, prices: KnownPrices | None) -> int | None:
    """Work out what LiteLLM did not, though usage and price are known: some providers' rerankers, for one."""
    return to_nano_usd(total_usd(cost_lines(used.counts(), prices.by_name, used.service_tier))) if prices else None


def _free_on_purpose(payload: Mapping[str, Any], request: Mapping[str, Any], catalog: PriceCatalog) -> bool:
    own = deployment_prices(request)
    if own:
        return not any(own.values())
    known = mapping(payload.get("model_map_information"))
    names = (mapping(known.get("model_map_value")).get("key"), known.get("model_map_key"))
    return any(isinstance(name, str) and catalog.is_free(name) for name in names)


def _billed(cost_nano_usd: int, used: Measured, prices: KnownPrices | None, *, discounted: bool = False) -> Cost:
    lines = cost_lines(used.counts(), prices.by_name, used.service_tier) if prices else ()
    explained = to_nano_usd(total_usd(lines)) or 0
    if abs(cost_nano_usd - explained) <= 1:  # LiteLLM adds floats; the exact sum is the better of the two
        cost_nano_usd = explained
    missing = _what_is_missing(lines, cost_nano_usd - explained, discounted=discounted)
    confidence = CostConfidence.PARTIAL if missing else CostConfidence.EXACT
    if used.tokens.source is TokensSource.ESTIMATED:
        confidence, missing = CostConfidence.ESTIMATED, None
    return Cost(
        cost_nano_usd=cost_nano_usd,
        confidence=confidence,
        unpriced_reason=missing,
        adjustment_nano_usd=cost_nano_usd - explained,
        price=_snapshot(prices),
    )


def _what_is_missing(lines: tuple[CostLine, ...], adjustment_nano_usd: int, *, discounted: bool) -> str | None:
    """Say why a cost is only a lower bound: usage without a price, or less than units x price without a discount.

    LiteLLM leaves the blanks out of a text to be spoken, for one.
    """
    unpriced = ",".join(line.label for line in lines if line.unit_price_usd is None)
    if unpriced and not adjustment_nano_usd:
        return f"no_price_for:{unpriced}"
    return LESS_THAN_LINES if adjustment_nano_usd < 0 and not discounted else None


def _is_discounted(payload: Mapping[str, Any]) -> bool:
    breakdown = mapping(payload.get("cost_breakdown"))
    return any(number(breakdown.get(name)) for name in ("discount_amount", "discount_percent", "margin_total_amount"))


def _snapshot(prices: KnownPrices | None) -> PriceSnapshot | None:
    return prices.snapshot if prices else None
