"""What was spent in, how well that is known out: in words and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from usage_plugin.money import rounded_usd

if TYPE_CHECKING:
    from usage_plugin.outlook import Outlook


def spent_values(found: Outlook) -> dict[str, Any]:
    """Give a sum, the parts of it that are estimated or lower bounds, and the calls that are not in it."""
    return {
        "spent_usd": found.spent_nano_usd / 1e9,
        "spent_estimated_usd": found.estimated_nano_usd / 1e9,
        "spent_partial_usd": found.partial_nano_usd / 1e9,
        "unpriced_requests": found.unpriced_requests,
    }


def caveats(found: Outlook) -> list[str]:
    """Say what of a sum is not exact, and what it lacks."""
    said = []
    if found.estimated_nano_usd:
        said.append(f"{rounded_usd(found.estimated_nano_usd)} of it estimated")
    if found.partial_nano_usd:
        said.append(f"{rounded_usd(found.partial_nano_usd)} of it a lower bound")
    if found.unpriced_requests:
        said.append(f"and {found.unpriced_requests:,} calls without a price")
    return said
