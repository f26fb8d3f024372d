"""LiteLLM's price map in; the models that the big test calls, by one declared rule, out.

The rule: of each provider in the routing table and each mode, up to so many models, spread evenly over the sorted list
of those whose price can be worked out from a usage block alone. No model is named here and none is left out by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.proxy.price_map import Entry, entries
from tests.proxy.routes import ROUTES, Route

MOST_PER_PROVIDER = {"chat": 4, "embedding": 4, "image_generation": 4, "rerank": 4}
MOST_OTHERWISE = 3
# Prices that depend on the hour, or on a table of their own.
SPECIAL = ("tiered_pricing", "off_peak_pricing")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model of the price map, and how it is called."""

    number: int
    entry: Entry
    route: Route

    @property
    def model(self) -> str:
        """The model's name without its provider."""
        return self.entry.key.removeprefix(f"{self.route.prefix}/")

    @property
    def public(self) -> str:
        """What a caller of the proxy writes."""
        return f"{self.route.public}/{self.model}"


def choose() -> list[Chosen]:
    """Choose the models, the same ones each time."""
    chosen = [
        (entry, route)
        for mode, routes in ROUTES.items()
        for provider, route in routes.items()
        for entry in _spread(_eligible(mode, provider, route), MOST_PER_PROVIDER.get(mode, MOST_OTHERWISE))
    ]
    return [Chosen(number, entry, route) for number, (entry, route) in enumerate(chosen)]


def _eligible(mode: str, provider: str, route: Route) -> list[Entry]:
    """Where keys carry their provider's name, one without it is an alias or a price class, no model to call.

    A further slash in a bare key is a size, a region or a way of buying.
    """
    priced = [
        entry
        for entry in entries()
        if (entry.mode, entry.provider) == (mode, provider)
        and not any(name in entry.values for name in SPECIAL)
        and PRICED[mode](entry)
    ]
    named = [entry for entry in priced if entry.key.startswith(f"{route.prefix}/")]
    named = [entry for entry in named if route.slashes or entry.key.count("/") == 1]
    return named or [entry for entry in priced if "/" not in entry.key]


def _spread(found: list[Entry], most: int) -> list[Entry]:
    if len(found) <= most:
        return found
    return [found[place * (len(found) - 1) // (most - 1)] for place in range(most)]


def _per_token(entry: Entry) -> bool:
    return bool(entry.price("input_cost_per_token") and entry.price("output_cost_per_token"))


def _per_text_token_only(entry: Entry) -> bool:
    if entry.values.get("supports_multimodal"):
        return False
    others = (name for name in entry.values if "_cost_per_" in name and "token" not in name)
    return bool(entry.price("input_cost_per_token")) and not any(entry.price(name) for name in others)


def _per_search_or_token(entry: Entry) -> bool:
    return bool(entry.price("input_cost_per_query", "input_cost_per_token"))


def _per_image_or_image_token(entry: Entry) -> bool:
    return bool(entry.price("output_cost_per_image", "input_cost_per_image", "output_cost_per_image_token"))


def _per_character(entry: Entry) -> bool:
    return bool(entry.price("input_cost_per_character"))


def _per_second_or_token(entry: Entry) -> bool:
    return bool(entry.price("input_cost_per_second", "input_cost_per_audio_token"))


PRICED: dict[str, Callable[[Entry], bool]] = {
    "chat": _per_token,
    "completion": _per_token,
    "responses": _per_token,
    "embedding": _per_text_token_only,
    "rerank": _per_search_or_token,
    "image_generation": _per_image_or_image_token,
    "audio_speech": _per_character,
    "audio_transcription": _per_second_or_token,
    "moderation": lambda entry: True,
}
