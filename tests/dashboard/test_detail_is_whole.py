"""The detail of a call leaves no column out."""

from __future__ import annotations

from dashboard.components.detail import GROUPS
from usage_plugin.store.tables import UsageRecord

# Shown as the cost and its arithmetic above the groups, or of no use to a reader.
SHOWN_ABOVE = {
    "id",
    "is_terminal",
    "cost_nano_usd",
    "cost_usd",
    "cost_confidence",
    "saved_cost_nano_usd",
    "saved_cost_usd",
    "adjustment_nano_usd",
    "price_key",
}


def test_every_column_of_a_call_is_shown() -> None:
    """A new column shows up in the detail or is left out on purpose."""
    shown = {name for group in GROUPS.values() for name in group}
    assert shown | SHOWN_ABOVE == set(UsageRecord.model_fields)
