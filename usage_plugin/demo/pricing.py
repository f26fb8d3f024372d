"""Calls as columns in, their costs out: units x price in whole billionths, with how each is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from usage_plugin.demo.calls import FAILURE, REJECTED, Bools, Calls, Ints
from usage_plugin.demo.errors import ERRORS, REFUSALS
from usage_plugin.demo.models import MODELS, DemoModel
from usage_plugin.event import Cost, CostConfidence

UNITS = (
    "input_uncached_tokens",
    "input_cache_read_tokens",
    "input_cache_write_5m_tokens",
    "output_text_tokens",
    "output_reasoning_tokens",
    "search_units",
)
NOTHING_BILLED = Cost(cost_nano_usd=0, confidence=CostConfidence.FREE)
MAYBE_BILLED = Cost(cost_nano_usd=None, confidence=CostConfidence.UNPRICED, unpriced_reason="failed_after_dispatch")
NO_PRICE = Cost(cost_nano_usd=None, confidence=CostConfidence.UNPRICED, unpriced_reason="no_price_for_model")
_REFUSED = np.array([error.error_code in REFUSALS for error in ERRORS])


@dataclass(frozen=True, slots=True)
class Priced:
    """What calls cost at the prices of their models, whoever pays."""

    full_nano_usd: Ints
    has_unpriced_units: Bools


def price(calls: Calls) -> Priced:
    """Multiply units by prices; a unit without a price adds nothing and is noted."""
    known = np.array([[model.nano_usd_per(unit) or 0 for unit in UNITS] for model in MODELS], dtype=np.int64)
    missing = np.array([[model.nano_usd_per(unit) is None for unit in UNITS] for model in MODELS])
    units = np.stack([getattr(calls, unit) for unit in UNITS], axis=1)
    return Priced((units * known[calls.model]).sum(axis=1), ((units > 0) & missing[calls.model]).any(axis=1))


def cost_of(calls: Calls, at: int, full_nano_usd: int, has_unpriced_units: bool) -> Cost:
    """Say what one call cost, and how that is known."""
    model, status = MODELS[calls.model[at]], calls.status[at]
    if status == REJECTED:
        return NOTHING_BILLED
    if status == FAILURE:
        return NOTHING_BILLED if _REFUSED[calls.error[at]] else MAYBE_BILLED
    if model.snapshot is None:
        return NO_PRICE
    if calls.cache_hit[at]:
        return Cost(
            cost_nano_usd=0,
            confidence=CostConfidence.CACHED,
            saved_cost_nano_usd=full_nano_usd,
            price=model.snapshot,
        )
    return _billed(model, full_nano_usd, has_unpriced_units, bool(calls.usage_missing[at]))


def _billed(model: DemoModel, full_nano_usd: int, has_unpriced_units: bool, estimated: bool) -> Cost:
    if estimated:
        confidence = CostConfidence.ESTIMATED
    else:
        confidence = CostConfidence.PARTIAL if has_unpriced_units else CostConfidence.EXACT
    reason = "no_price_for:Output" if confidence is CostConfidence.PARTIAL else None
    return Cost(cost_nano_usd=full_nano_usd, confidence=confidence, unpriced_reason=reason, price=model.snapshot)
