"""Units and prices in, the cost worked out by hand; a row in, its token categories for comparison."""

from __future__ import annotations

from decimal import Decimal

from usage_plugin.event import TOKEN_FIELDS
from usage_plugin.store.tables import UsageRecord


def nano_usd(*parts: tuple[int, str]) -> int:
    """Add up ``(units, dollars per million units)``, in billionths of a dollar.

    Raises:
        AssertionError: The sum is no whole number of billionths, so that the test would hide a rounding.
    """
    exact = sum((units * Decimal(usd_per_million) for units, usd_per_million in parts), Decimal(0)) * 1000
    assert exact == int(exact), f"{parts} cost {exact} nano-dollars"
    return int(exact)


def categories(row: UsageRecord) -> dict[str, int]:
    """Give the token categories that are not empty, without the common word of their names."""
    counts = {name.removesuffix("_tokens"): getattr(row, name) for name in TOKEN_FIELDS}
    return {name: count for name, count in counts.items() if count}


def check_sums(row: UsageRecord) -> None:
    """Assert that the categories are disjoint: that they add up to the provider's inclusive totals."""
    found = categories(row)
    assert row.prompt_tokens == sum(count for name, count in found.items() if name.startswith("input"))
    assert row.completion_tokens == sum(count for name, count in found.items() if name.startswith("output"))
    assert row.total_tokens == sum(found.values())
