"""A cost says how it is known, and never turns the unknown into zero."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.capture.payloads import GPT_4O_MINI, success
from tests.capture.reading import Reading
from usage_plugin.arithmetic import cost_lines, total_usd
from usage_plugin.event import Cost


def cost_of(reading: Reading, info: dict[str, Any] | None = None, **slo: Any) -> Cost:
    return reading.success(success(None, info, **slo), None).cost


def prices(**values: float) -> dict[str, Any]:
    return {"model_map_key": "openai/m", "model_map_value": {"key": "openai/m", **values}}


def test_a_priced_call_is_exact_and_explained(reading: Reading) -> None:
    """1,000 x $0.15/M + 100 x $0.60/M = $0.00021, with nothing left over."""
    cost = cost_of(reading)
    assert (cost.cost_nano_usd, cost.confidence, cost.adjustment_nano_usd) == (210_000, "exact", 0)
    assert cost.price is not None
    assert dict(cost.price.prices_usd)["cache_read_input_token_cost"] == "0.000000075"
    assert cost.price.source == "litellm_price_map"


def test_a_model_in_no_price_map_is_unpriced(reading: Reading) -> None:
    """First shape of an unknown price: LiteLLM says 0.0 and explains itself elsewhere."""
    cost = cost_of(
        reading, response_cost=0.0, response_cost_failure_debug_info={"e": 1}, model_map_information=prices()
    )
    assert (cost.cost_nano_usd, cost.confidence, cost.unpriced_reason) == (None, "unpriced", "no_price_for_model")


def test_a_deployment_registered_at_zero_is_unpriced(reading: Reading) -> None:
    """Second shape: the Router registered the model with price 0, and nothing says so."""
    registered = prices(input_cost_per_token=0, output_cost_per_token=0)
    assert cost_of(reading, response_cost=0.0, model_map_information=registered).cost_nano_usd is None


@pytest.mark.parametrize("where", ["config", "price map"])
def test_a_model_that_is_free_on_purpose_costs_zero(reading: Reading, where: str) -> None:
    """Zero in the deployment's own config, or in LiteLLM's price map, is a price."""
    in_config = {"info": {"input_cost_per_token": 0.0}, "model_map_information": prices()}
    in_map = {"model_map_information": {"model_map_key": "free-model", "model_map_value": {"key": "free-model"}}}
    cost = cost_of(reading, response_cost=0.0, **(in_config if where == "config" else in_map))
    assert (cost.cost_nano_usd, cost.confidence) == (0, "free")


def test_a_cache_hit_costs_nothing_and_says_what_it_saved(reading: Reading) -> None:
    """Only ``True`` is a hit; the amount that it saved is kept."""
    cost = cost_of(reading, cache_hit=True, response_cost=0.0, saved_cache_cost=0.00021)
    assert (cost.cost_nano_usd, cost.confidence, cost.saved_cost_nano_usd) == (0, "cached", 210_000)
    assert cost_of(reading, cache_hit=None).confidence == "exact"


def test_a_deployments_own_price_is_named_as_such(reading: Reading) -> None:
    """A custom price wins over the map, and its snapshot says where it came from."""
    own = {"input_cost_per_token": 2e-06, "output_cost_per_token": 1e-05}
    cost = cost_of(reading, info=own, response_cost=0.003, model_map_information=prices(**own))
    assert cost.price is not None
    assert (cost.confidence, cost.price.source, cost.adjustment_nano_usd) == ("exact", "deployment_config", 0)


def test_usage_without_a_price_makes_a_cost_partial(reading: Reading) -> None:
    """Output tokens without any price: the cost is a lower bound and says which part is missing."""
    only_input = prices(input_cost_per_token=1.5e-07)
    cost = cost_of(reading, response_cost=0.00015, model_map_information=only_input)
    assert (cost.cost_nano_usd, cost.confidence, cost.unpriced_reason) == (150_000, "partial", "no_price_for:Output")


def test_what_unit_prices_do_not_explain_is_kept_apart(reading: Reading) -> None:
    """A web search on top of the tokens is in the cost and in the adjustment."""
    cost = cost_of(reading, response_cost=0.02521)
    assert (cost.cost_nano_usd, cost.adjustment_nano_usd) == (25_210_000, 25_000_000)


def test_a_cost_below_its_own_arithmetic_is_a_lower_bound(reading: Reading) -> None:
    """Less than units x price is partial, unless LiteLLM took a discount off."""
    cost = cost_of(reading, response_cost=0.0002)
    assert (cost.confidence, cost.unpriced_reason) == ("partial", "less_than_units_x_price")
    assert cost.adjustment_nano_usd == -10_000
    discounted = cost_of(reading, response_cost=0.0002, cost_breakdown={"discount_percent": 0.05})
    assert (discounted.confidence, discounted.unpriced_reason) == ("exact", None)


def test_a_chat_without_usage_is_unpriced(reading: Reading) -> None:
    """An upstream that sends no usage leaves 0 tokens and 0.0 dollars: nobody could say."""
    cost = cost_of(reading, response_cost=0.0, prompt_tokens=0, completion_tokens=0, metadata={})
    assert (cost.cost_nano_usd, cost.unpriced_reason) == (None, "provider_sent_no_usage")


def test_equal_prices_share_a_snapshot(reading: Reading) -> None:
    """The prices of a million calls are kept once."""
    first, second = cost_of(reading), cost_of(reading, litellm_call_id="2")
    dearer = cost_of(reading, model_map_information=prices(**{**GPT_4O_MINI, "output_cost_per_token": 1e-06}))  # type: ignore[arg-type]
    assert first.price is second.price
    assert dearer.price is not None
    assert first.price is not None
    assert dearer.price.price_key != first.price.price_key


def test_long_prompts_and_service_tiers_have_prices_of_their_own() -> None:
    """Above the threshold the dearer price counts for every token; a tier's price comes before the plain one."""
    listed = {
        "input_cost_per_token": Decimal("0.000001"),
        "input_cost_per_token_above_200k_tokens": Decimal("0.000002"),
        "input_cost_per_token_priority": Decimal("0.000005"),
    }
    for prompt, tier, expected in ((200_000, None, "0.2"), (200_001, None, "0.400002"), (10, "priority", "0.00005")):
        units = {"prompt_tokens": prompt, "input_uncached_tokens": prompt}
        assert total_usd(cost_lines(units, listed, tier)) == Decimal(expected)
