"""The installed LiteLLM's price map in, what a call of the past can be said to have cost out."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from usage_plugin.arithmetic import cost_lines, total_usd
from usage_plugin.capture.catalog import LoadedPriceMap, litellm_version
from usage_plugin.capture.cost import NO_PRICE, NO_USAGE, NOT_COMPUTED, Measured
from usage_plugin.capture.prices import KnownPrices, read_prices
from usage_plugin.event import Cost, CostConfidence, TokensSource
from usage_plugin.money import to_nano_usd

PRICE_NOT_KEPT = "price_not_in_source"
NOT_IN_SOURCE = "no_cost_in_source"
_FILE = "model_prices_and_context_window_backup.json"


class PricesOfToday:
    """Finds a model's prices in LiteLLM's price map; an empty map where LiteLLM is not installed.

    Args:
        catalog: The map.
    """

    def __init__(self, catalog: LoadedPriceMap) -> None:
        self.catalog = catalog
        self._found: dict[tuple[str | None, str | None], tuple[KnownPrices | None, bool]] = {}

    def explain(self, cost_nano_usd: int, used: Measured, provider: str | None, model: str | None) -> Cost:
        """Say how a cost is known that came without its price: exactly, where today's price gives the same cost."""
        prices, _ = self._find(provider, model)
        if prices is not None:
            lines = cost_lines(used.counts(), prices.by_name, used.service_tier)
            computed = to_nano_usd(total_usd(lines)) or 0
            if abs(cost_nano_usd - computed) <= 1 and all(line.cost_usd is not None for line in lines):
                return _computed(computed, prices, used)
        return Cost(
            cost_nano_usd=cost_nano_usd,
            confidence=CostConfidence.ESTIMATED,
            unpriced_reason=PRICE_NOT_KEPT,
            adjustment_nano_usd=cost_nano_usd,
        )

    def price(self, used: Measured, provider: str | None, model: str | None) -> Cost:
        """Price a call of the past as one of today: an estimate, since prices change."""
        prices, is_free = self._find(provider, model)
        if is_free:
            return Cost(cost_nano_usd=0, confidence=CostConfidence.FREE)
        if prices is None or used.is_nothing():
            return unpriced(NO_PRICE if prices is None else NO_USAGE)
        lines = cost_lines(used.counts(), prices.by_name, used.service_tier)
        computed = to_nano_usd(total_usd(lines))
        if not computed:
            return unpriced(NOT_COMPUTED)
        unknown = ",".join(line.label for line in lines if line.cost_usd is None)
        return Cost(
            cost_nano_usd=computed,
            confidence=CostConfidence.PARTIAL if unknown else CostConfidence.ESTIMATED,
            unpriced_reason=f"no_price_for:{unknown}" if unknown else None,
            price=prices.snapshot,
        )

    def is_free(self, provider: str | None, model: str | None) -> bool:
        """Say whether the map gives a model a price of zero."""
        return self._find(provider, model)[1]

    def _find(self, provider: str | None, model: str | None) -> tuple[KnownPrices | None, bool]:
        wanted = (provider, model)
        if wanted not in self._found:
            if len(self._found) > _REMEMBERED:
                self._found.clear()
            self._found[wanted] = self._look_up(provider, model)
        return self._found[wanted]

    def _look_up(self, provider: str | None, model: str | None) -> tuple[KnownPrices | None, bool]:
        found = self.catalog.find(f"{provider}/{model}" if provider else None, model)
        if found is None:
            return None, False
        name, entry = found
        payload: dict[str, Any] = {
            "custom_llm_provider": provider,
            "model": model,
            "model_map_information": {"model_map_key": name, "model_map_value": entry},
        }
        return read_prices(payload, {}, self.catalog.version), self.catalog.is_free(name)


_REMEMBERED = 4096


def unpriced(reason: str) -> Cost:
    """Say that nobody could say."""
    return Cost(cost_nano_usd=None, confidence=CostConfidence.UNPRICED, unpriced_reason=reason)


def _computed(cost_nano_usd: int, prices: KnownPrices, used: Measured) -> Cost:
    is_estimate = used.tokens.source is TokensSource.ESTIMATED
    confidence = CostConfidence.ESTIMATED if is_estimate else CostConfidence.EXACT
    return Cost(cost_nano_usd=cost_nano_usd, confidence=confidence, price=prices.snapshot)


@lru_cache(maxsize=1)
def prices_of_today() -> PricesOfToday:
    """Read the price map that comes with the installed LiteLLM, without importing LiteLLM or asking the network."""
    found = importlib.util.find_spec("litellm")
    places = found.submodule_search_locations if found else None
    file = Path(next(iter(places), "")) / _FILE if places else None
    entries = orjson.loads(file.read_bytes()) if file and file.is_file() else {}
    return PricesOfToday(LoadedPriceMap(entries, litellm_version()))
