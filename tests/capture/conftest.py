"""A way from hooks to events whose price map knows one free model."""

from __future__ import annotations

import pytest

from tests.capture.payloads import RECEIVED
from tests.capture.reading import Reading
from usage_plugin.capture.catalog import LoadedPriceMap
from usage_plugin.testing import FakeClock

PRICES = {
    "gpt-4o-mini": {"input_cost_per_token": 1.5e-07},
    "free-model": {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0},
}


@pytest.fixture
def reading() -> Reading:
    """Give a way that needs no LiteLLM."""
    return Reading(LoadedPriceMap(PRICES, "1.106.2"), FakeClock(RECEIVED))
