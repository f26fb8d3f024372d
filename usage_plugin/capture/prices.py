"""What LiteLLM priced a call with in, one shared snapshot per distinct set of prices out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol

from usage_plugin.capture.values import mapping
from usage_plugin.event import PriceSnapshot

PRICE_MAP, DEPLOYMENT = "litellm_price_map", "deployment_config"
# Distinct price sets that one process remembers; LiteLLM's whole price map has about 3,000.
REMEMBERED = 4096
# By class, since this runs for each of a hundred fields of a call; a bool is no price.
NUMBERS = (float, int)
RawPrices = tuple[tuple[str, float], ...]


class PriceCatalog(Protocol):
    """Says whether a price map, before any deployment was registered in it, gives a model a price of zero."""

    version: str
    price_names: frozenset[str]
    """Every name that a price may have, in the map or in a deployment's config."""

    def is_free(self, model_key: str) -> bool:
        """Tell a model that is free on purpose from one that is not in the map."""

    def find(self, *models: str | None) -> tuple[str, Mapping[str, Any]] | None:
        """Give the map's name of the first model that it lists, with what it says of it."""


@dataclass(frozen=True, slots=True)
class KnownPrices:
    """A price set ready to calculate with."""

    snapshot: PriceSnapshot
    by_name: Mapping[str, Decimal]
    set_by_deployment: bool


def read_prices(payload: Mapping[str, Any], request: Mapping[str, Any], version: str) -> KnownPrices | None:
    """Find the prices that LiteLLM used for a call.

    Args:
        payload: LiteLLM's ``standard_logging_object``.
        request: The hook's ``kwargs``, which say what the deployment's config set.
        version: LiteLLM's version, kept with the snapshot.

    Returns:
        The prices above zero and those that the deployment set, zero included; ``None`` where there is none.
    """
    known = mapping(mapping(payload.get("model_map_information")).get("model_map_value"))
    own = deployment_prices(request)
    found = tuple(
        (name, value)
        for name, value in known.items()
        if value.__class__ in NUMBERS and value > 0 and is_price_name(name) and name not in own
    )
    merged = found + tuple(own.items())
    if not merged:
        return None
    provider = str(payload.get("custom_llm_provider") or "")
    return _known(tuple(sorted(merged)), provider, str(payload.get("model") or ""), version, bool(own))


def deployment_prices(request: Mapping[str, Any]) -> dict[str, float]:
    """Give the prices that a deployment's own config names, zeros included."""
    params = mapping(request.get("litellm_params"))
    sources = (
        params,
        mapping(params.get("model_info")),
        mapping(mapping(params.get("metadata")).get("model_info")),
        mapping(mapping(params.get("litellm_metadata")).get("model_info")),
    )
    return {
        name: value
        for source in sources
        for name, value in source.items()
        if value.__class__ in NUMBERS and value >= 0 and is_price_name(name)
    }


def is_price_name(name: object) -> bool:
    """Tell a price of LiteLLM's map from a field that a deployment's owner added, such as a cost centre."""
    return isinstance(name, str) and ("cost_per_" in name or "_token_cost" in name)


@lru_cache(maxsize=REMEMBERED)
def _known(prices: RawPrices, provider: str, model: str, version: str, set_by_deployment: bool) -> KnownPrices:
    exact = {name: Decimal(repr(value)) for name, value in prices}
    listed = tuple((name, format(value, "f")) for name, value in exact.items())
    source = DEPLOYMENT if set_by_deployment else PRICE_MAP
    identity = repr((provider, model, source, listed)).encode("utf-8", "surrogatepass")
    key = hashlib.blake2b(identity, digest_size=16).hexdigest()
    return KnownPrices(PriceSnapshot(key, provider, model, source, version, listed), exact, set_by_deployment)
