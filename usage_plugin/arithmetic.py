"""Units and unit prices in, the lines of a bill out: units x price = dollars, exactly.

The prices carry the names of LiteLLM's price map (model_prices_and_context_window.json).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

Units = Mapping[str, int | float | None]
Prices = Mapping[str, Decimal]

# For each unit: what to call it, and the prices to look for, first found wins. A category without a price of its own
# is billed as its plain kind, as LiteLLM's cost calculator does (litellm_core_utils/llm_cost_calc/utils.py).
UNIT_PRICES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("input_uncached_tokens", "Input", "token", ("input_cost_per_token",)),
    ("input_cache_read_tokens", "Cache read", "token", ("cache_read_input_token_cost", "input_cost_per_token")),
    (
        "input_cache_write_5m_tokens",
        "Cache write, 5 min",
        "token",
        ("cache_creation_input_token_cost", "input_cost_per_token"),
    ),
    (
        "input_cache_write_1h_tokens",
        "Cache write, 1 h",
        "token",
        ("cache_creation_input_token_cost_above_1hr", "cache_creation_input_token_cost", "input_cost_per_token"),
    ),
    ("input_audio_tokens", "Audio input", "token", ("input_cost_per_audio_token", "input_cost_per_token")),
    ("input_image_tokens", "Image input", "token", ("input_cost_per_image_token", "input_cost_per_token")),
    ("output_text_tokens", "Output", "token", ("output_cost_per_token",)),
    ("output_reasoning_tokens", "Reasoning", "token", ("output_cost_per_reasoning_token", "output_cost_per_token")),
    ("output_audio_tokens", "Audio output", "token", ("output_cost_per_audio_token", "output_cost_per_token")),
    ("output_image_tokens", "Image output", "token", ("output_cost_per_image_token", "output_cost_per_token")),
    ("input_characters", "Characters", "character", ("input_cost_per_character",)),
    ("input_audio_seconds", "Audio", "second", ("input_cost_per_second", "output_cost_per_second")),
    ("output_images", "Images", "image", ("output_cost_per_image", "input_cost_per_image")),
    ("search_units", "Searches", "search", ("input_cost_per_query",)),
)
# Where a call has tokens, its images, seconds and characters are measures beside them, not billed again.
_BESIDE_TOKENS = frozenset({"input_characters", "input_audio_seconds", "output_images"})
_TIER_SUFFIX = {"priority": "_priority", "flex": "_flex", "batch": "_batches", "batches": "_batches"}
LOWEST_THRESHOLD_TOKENS = 1000
_THRESHOLD = re.compile(r"_above_(\d+)k_tokens$")


@dataclass(frozen=True, slots=True)
class CostLine:
    """One line: ``units x unit_price_usd = cost_usd``; price and cost are ``None`` where no price is known."""

    label: str
    units: Decimal
    unit: str
    unit_price_usd: Decimal | None
    cost_usd: Decimal | None
    price_name: str | None


def cost_lines(units: Units, prices: Prices, service_tier: str | None = None) -> tuple[CostLine, ...]:
    """Work out what each kind of usage of a call costs.

    Args:
        units: Counts by the column names of ``usage_record``; missing, ``None`` and 0 give no line. ``prompt_tokens``
            decides the tier of prices that depend on the length of the prompt.
        prices: Dollars per unit, by their names in LiteLLM's price map.
        service_tier: As the provider says it; ``priority``, ``flex`` and ``batch`` have prices of their own.

    Returns:
        One line per kind of usage. Lines without a price say so; nothing is left out.
    """
    prompt_tokens = int(units.get("prompt_tokens") or 0)
    suffix = _TIER_SUFFIX.get(service_tier or "", "")
    has_tokens = any(units.get(name) for name, _, unit, _ in UNIT_PRICES if unit == "token")
    lines = []
    for name, label, unit, candidates in UNIT_PRICES:
        count = units.get(name)
        if not count or (has_tokens and name in _BESIDE_TOKENS):
            continue
        price_name = _choose(prices, candidates, prompt_tokens, suffix)
        lines.append(_line(label, _decimal(count), unit, prices, price_name))
    return tuple(lines)


def total_usd(lines: Iterable[CostLine]) -> Decimal:
    """Add up the lines that have a price."""
    return sum((line.cost_usd for line in lines if line.cost_usd is not None), Decimal(0))


def _line(label: str, units: Decimal, unit: str, prices: Prices, price_name: str | None) -> CostLine:
    if price_name is None:
        return CostLine(label, units, unit, None, None, None)
    price = prices[price_name]
    return CostLine(label, units, unit, price, units * price, price_name)


def _choose(prices: Prices, candidates: tuple[str, ...], prompt_tokens: int, suffix: str) -> str | None:
    for name in candidates:
        for variant in (name + suffix, name) if suffix else (name,):
            if variant in prices:
                return _tier(prices, variant, prompt_tokens)
    return None


def _tier(prices: Prices, name: str, prompt_tokens: int) -> str:
    """Pick the dearer name where the prompt is longer than a threshold, e.g. ``..._above_200k_tokens``."""
    chosen, reached = name, 0
    if prompt_tokens <= LOWEST_THRESHOLD_TOKENS:
        return chosen
    for other in prices:
        threshold = _THRESHOLD.search(other)
        if threshold and other[: threshold.start()] == name:
            tokens = int(threshold[1]) * 1000
            if reached < tokens < prompt_tokens:
                chosen, reached = other, tokens
    return chosen


def _decimal(count: float) -> Decimal:
    return Decimal(count) if isinstance(count, int) else Decimal(repr(count))
