"""LiteLLM's price map, as it was loaded and before any deployment was registered in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from usage_plugin.capture.prices import is_price_name
from usage_plugin.capture.values import mapping


class LoadedPriceMap:
    """Looks models up in the price map; a map that cannot be read knows no free model.

    Args:
        prices: Models by name, each with its prices.
        litellm_version: Whose map it is.
        custom_prices: Names of prices that a deployment's config may set.
    """

    def __init__(
        self, prices: Mapping[str, Mapping[str, Any]], litellm_version: str, custom_prices: Iterable[str] = ()
    ) -> None:
        self._prices = prices
        named = {name for entry in prices.values() for name in mapping(entry)}.union(custom_prices)
        self.price_names = frozenset(name for name in named if is_price_name(name))
        self._by_bare_name = _unmistakable(prices)
        self.version = litellm_version

    def is_free(self, model_key: str) -> bool:
        """Say whether the map lists a model with prices that are all zero."""
        entry = mapping(self._prices.get(model_key))
        costs = [value for name, value in entry.items() if "cost" in name and isinstance(value, int | float)]
        return bool(costs) and not any(costs)

    def find(self, *models: str | None) -> tuple[str, Mapping[str, Any]] | None:
        """Find a model by its name in the map, or without its provider's prefix where that names one model only."""
        for model in models:
            for name in (model, self._by_bare_name.get(model)) if model else ():
                if name and name in self._prices:
                    return name, self._prices[name]
        return None


def _unmistakable(prices: Mapping[str, Any]) -> dict[str | None, str]:
    """Map names without their providers to the full ones, where there is one such."""
    found: dict[str | None, str] = {}
    twice = set()
    for name in prices:
        bare = name.rpartition("/")[2]
        if found.setdefault(bare, name) != name:
            twice.add(bare)
    return {bare: name for bare, name in found.items() if bare not in twice}


@lru_cache(maxsize=1)
def load_price_map() -> LoadedPriceMap:
    """Read LiteLLM's price map without what the Router added to it.

    LiteLLM keeps such a copy from 1.106 on; before, the map that comes with the package serves.
    """
    from litellm.litellm_core_utils.get_model_cost_map import GetModelCostMap  # noqa: PLC0415 - takes seconds
    from litellm.types.utils import CustomPricingLiteLLMParams  # noqa: PLC0415

    untouched = getattr(GetModelCostMap, "loaded_model_cost_map", None)
    prices = untouched() if untouched else None
    entries = prices or GetModelCostMap.load_local_model_cost_map()
    return LoadedPriceMap(entries, litellm_version(), CustomPricingLiteLLMParams.model_fields)


def litellm_version() -> str:
    """Name the installed LiteLLM's version, which dates its price map."""
    try:
        return version("litellm")
    except PackageNotFoundError:
        return "unknown"
