"""What changed a cost: terms that add up exactly, cell by cell, the same for any order, direction and unit."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import permutations
from math import factorial, prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usage_plugin.analysis.why import Metered, ModelUse, Terms, break_down
from usage_plugin.analysis.why.shapley import shapley

Uses = Mapping[str, ModelUse]

COUNTS = st.integers(-3, 10**9)
COSTS = st.none() | st.integers(-(10**6), 10**13)
KINDS = st.dictionaries(
    st.sampled_from(["input", "cache read", "output", "fee"]),
    st.builds(Metered, units=COUNTS, cost_nano_usd=COSTS),
    max_size=3,
)
USES = st.dictionaries(
    st.sampled_from(["large", "small", "tiny"]),
    st.builds(ModelUse, calls=COUNTS, kinds=KINDS, unpriced_calls=st.integers(0, 9)),
)
PLAIN_KINDS = st.dictionaries(
    st.sampled_from(["input", "output"]),
    st.builds(Metered, units=st.integers(1, 10**9), cost_nano_usd=st.integers(0, 10**13)),
    min_size=1,
)
PLAIN = st.dictionaries(
    st.sampled_from(["large", "small", "tiny"]),
    st.builds(ModelUse, calls=st.integers(1, 10**6), kinds=PLAIN_KINDS),
    min_size=1,
)
FRACTIONS = st.fractions(-1000, 1000, max_denominator=1000)


def use(calls: int, cost: int, units: int, kind: str = "output") -> ModelUse:
    return ModelUse(calls=calls, kinds={kind: Metered(units=units, cost_nano_usd=cost)})


def cost_of(uses: Uses) -> int:
    return sum(each.cost_nano_usd or 0 for one in uses.values() for each in one.kinds.values())


def every_order(before: list[Fraction], after: list[Fraction]) -> list[Fraction]:
    """Change the factors one after another in each order, as the definition says."""
    terms = [Fraction(0)] * len(before)
    for order in permutations(range(len(before))):
        now = list(before)
        for place in order:
            was = prod(now)
            now[place] = after[place]
            terms[place] += prod(now) - was
    return [term / factorial(len(before)) for term in terms]


@given(st.lists(st.tuples(FRACTIONS, FRACTIONS), min_size=1, max_size=4))
def test_each_factor_has_its_mean_over_all_orders(pairs: list[tuple[Fraction, Fraction]]) -> None:
    """The weighted subsets are the orders of the definition, and nothing is left over."""
    before, after = [old for old, _ in pairs], [new for _, new in pairs]
    terms = shapley(before, after)
    assert list(terms) == every_order(before, after)
    assert sum(terms) == prod(after) - prod(before)


@given(USES, USES, st.none() | st.integers(-(10**13), 10**13))
def test_terms_add_up_to_the_change(expected: Uses, actual: Uses, total: int | None) -> None:
    """To the nano dollar, whatever is zero, negative, unknown, new or gone."""
    found = break_down(expected, actual, expected_total_nano_usd=total)
    before = cost_of(expected) if total is None else total
    assert found.total.change == sum(found.total) == cost_of(actual) - before
    by_cell = [sum(column) for column in zip(*found.cells.values(), strict=True)] or [0] * len(Terms._fields)
    by_cell[-1] += found.gap_nano_usd
    assert found.total == tuple(by_cell)


@given(PLAIN, PLAIN, st.integers(1, 10**13))
def test_nothing_is_other_where_all_is_metered(expected: Uses, actual: Uses, total: int) -> None:
    """Four terms are the whole change, and each cell's add up to what the cell changed by."""
    found = break_down(expected, actual, expected_total_nano_usd=total if cost_of(expected) else None)
    assert found.total.other == 0
    if len(actual) == 1 and actual.keys() == expected.keys():
        assert found.total.mix == 0


@given(PLAIN, PLAIN)
def test_looking_back_turns_the_signs(expected: Uses, actual: Uses) -> None:
    """No direction is preferred, not even by the rounding."""
    there, back = break_down(expected, actual), break_down(actual, expected)
    assert there.total == tuple(-term for term in back.total)


@given(USES, USES, st.integers(0, 10**13), st.randoms())
def test_the_order_of_models_does_not_matter(expected: Uses, actual: Uses, total: int, chance: random.Random) -> None:
    """Models and kinds may come as they like."""

    def shuffled(uses: Uses) -> Uses:
        names = chance.sample(list(uses), len(uses))
        return {name: replace(uses[name], kinds=dict(reversed(list(uses[name].kinds.items())))) for name in names}

    found = break_down(expected, actual, expected_total_nano_usd=total)
    assert found == break_down(shuffled(expected), shuffled(actual), expected_total_nano_usd=total)


@given(PLAIN, PLAIN, st.integers(2, 1000))
def test_the_unit_of_tokens_does_not_matter(expected: Uses, actual: Uses, factor: int) -> None:
    """Tokens or thousandths of them: the terms are the same."""

    def finer(uses: Uses) -> Uses:
        return {
            name: replace(
                one, kinds={kind: replace(each, units=each.units * factor) for kind, each in one.kinds.items()}
            )
            for name, one in uses.items()
        }

    assert break_down(expected, actual) == break_down(finer(expected), finer(actual))


@given(PLAIN, PLAIN, st.integers(2, 1000))
def test_the_unit_of_money_does_not_matter(expected: Uses, actual: Uses, factor: int) -> None:
    """So many times the cost is so many times each term, but for the rounding of each cell."""

    def dearer(uses: Uses) -> Uses:
        return {
            name: replace(
                one,
                kinds={
                    kind: replace(each, cost_nano_usd=(each.cost_nano_usd or 0) * factor)
                    for kind, each in one.kinds.items()
                },
            )
            for name, one in uses.items()
        }

    once, often = break_down(expected, actual), break_down(dearer(expected), dearer(actual))
    off = 3 * (factor + 1) * len(once.cells)
    assert all(abs(one * factor - more) <= off for one, more in zip(once.total, often.total, strict=True))


@settings(max_examples=50)
@given(PLAIN, st.integers(2, 50))
def test_what_is_usual_may_be_of_any_length_of_time(usual: Uses, times: int) -> None:
    """Two weeks of the same, scaled to what is expected of one day, are more calls and nothing else."""
    found = break_down(usual, usual, expected_total_nano_usd=cost_of(usual) * times)
    assert found.total == Terms(cost_of(usual) * (1 - times), 0, 0, 0, 0)


def test_twice_the_calls_are_volume() -> None:
    """10 calls for 100 become 20 calls for 200."""
    found = break_down({"large": use(10, 100, 1000)}, {"large": use(20, 200, 2000)})
    assert found.total == Terms(volume=100, mix=0, tokens_per_call=0, price=0, other=0)


def test_longer_calls_are_tokens_per_call() -> None:
    """10 calls of 100 tokens become 10 calls of 300."""
    found = break_down({"large": use(10, 100, 1000)}, {"large": use(10, 300, 3000)})
    assert found.total == Terms(volume=0, mix=0, tokens_per_call=200, price=0, other=0)


def test_dearer_tokens_are_price() -> None:
    """1000 tokens for 100 become 1000 tokens for 150."""
    found = break_down({"large": use(10, 100, 1000)}, {"large": use(10, 150, 1000)})
    assert found.total == Terms(volume=0, mix=0, tokens_per_call=0, price=50, other=0)


def test_calls_that_go_to_a_dearer_model_are_mix() -> None:
    """Of 10 calls at 1 and 10 at 9 five move to the dearer model: 5 x 8 more."""
    found = break_down(
        {"small": use(10, 10, 100), "large": use(10, 90, 100)}, {"small": use(5, 5, 50), "large": use(15, 135, 150)}
    )
    assert found.total == Terms(volume=0, mix=40, tokens_per_call=0, price=0, other=0)


def test_two_factors_share_what_they_do_together() -> None:
    """10 calls at 10 become 20 at 15: calls alone add 100 or 150, the price 50 or 100; the means are 125 and 75."""
    found = break_down({"large": use(10, 100, 10)}, {"large": use(20, 300, 20)})
    assert found.total == Terms(volume=125, mix=0, tokens_per_call=0, price=75, other=0)


def test_the_largest_term_takes_what_rounding_left() -> None:
    """1 call of 1 token at 1 becomes 2 of 2 tokens at 2: each of the three doubles does 7/3 of 7."""
    found = break_down({"large": use(1, 1, 1)}, {"large": use(2, 8, 4)})
    assert found.total == Terms(volume=3, mix=0, tokens_per_call=2, price=2, other=0)


def test_calls_are_scaled_to_what_was_expected() -> None:
    """70 calls in the past for 700, 200 expected: 20 calls. 30 calls for 450 are half as many again, at half more."""
    found = break_down(
        {"large": use(70, 700, 70)}, {"large": use(30, 450, 30)}, expected_total_nano_usd=200
    )  # volume: 10 calls x (10 + 15) / 2, price: 5 x (20 + 30) / 2
    assert found.total == Terms(volume=125, mix=0, tokens_per_call=0, price=125, other=0)


def test_a_new_model_is_mix() -> None:
    """As many calls as before, all of them by a model that nobody used: small for 100 left, large for 900 came."""
    found = break_down({"small": use(10, 100, 10)}, {"large": use(10, 900, 10)})
    assert found.of_model("small") == Terms(0, -100, 0, 0, 0)
    assert found.of_model("large") == Terms(0, 900, 0, 0, 0)


def test_a_new_kind_of_tokens_is_tokens_per_call() -> None:
    """Reasoning that a model did not do before has no earlier price."""
    before = use(10, 100, 1000)
    after = replace(before, kinds={**before.kinds, "reasoning": Metered(units=500, cost_nano_usd=70)})
    assert break_down({"large": before}, {"large": after}).total == Terms(0, 0, 70, 0, 0)


@pytest.mark.parametrize("usual", [{}, {"large": use(10, 100, 10)}])
def test_where_nothing_was_expected_all_is_volume(usual: Uses) -> None:
    """At night nobody calls, whatever was used by day."""
    found = break_down(usual, {"large": use(5, 50, 5), "small": use(1, 3, 2)}, expected_total_nano_usd=0)
    assert found.total == Terms(volume=53, mix=0, tokens_per_call=0, price=0, other=0)


def test_where_nothing_happened_all_is_volume() -> None:
    """No call is no reason to doubt prices or models."""
    found = break_down({"large": use(10, 100, 10), "small": use(10, 7, 3)}, {})
    assert found.total == Terms(volume=-107, mix=0, tokens_per_call=0, price=0, other=0)


def test_what_nobody_could_expect_of_a_model_is_other() -> None:
    """40 were expected, and no model was ever used: the expectation itself has no parts."""
    found = break_down({}, {"large": use(10, 100, 10)}, expected_total_nano_usd=40)
    assert (found.total, found.gap_nano_usd) == (Terms(100, 0, 0, 0, -40), -40)


def test_corrections_are_other() -> None:
    """Money given back without a unit is no lower price."""
    after = ModelUse(
        calls=10, kinds={"output": Metered(units=10, cost_nano_usd=100), "credit": Metered(units=0, cost_nano_usd=-30)}
    )
    assert break_down({"large": use(10, 100, 10)}, {"large": after}).total == Terms(0, 0, 0, 0, -30)
    assert break_down({}, {"large": use(-2, -20, -2)}).total == Terms(0, 0, 0, 0, -20)


def test_unknown_costs_are_no_lower_price() -> None:
    """Calls without a price stand beside; what usually cost something and has no price now is other."""
    found = break_down({"large": use(10, 100, 10)}, {"large": replace(use(10, 100, 10), unpriced_calls=7)})
    assert (found.total.change, found.expected_unpriced_calls, found.actual_unpriced_calls) == (0, 0, 7)
    dark = ModelUse(calls=10, kinds={"output": Metered(units=10, cost_nano_usd=None)})
    assert break_down({"large": use(10, 100, 10)}, {"large": dark}).total == Terms(0, 0, 0, 0, -100)
