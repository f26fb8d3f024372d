"""Factors of a product before and after in, what the change of each does to the product out: fractions, exact."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import factorial, lcm, prod


def shapley(before: Sequence[Fraction], after: Sequence[Fraction]) -> tuple[Fraction, ...]:
    """Give each factor the mean of what changing it does to the product, over all orders of changing the factors.

    Args:
        before: The factors; a few, since all their subsets are looked at.
        after: As many.

    Returns:
        One term per factor; ``sum(terms) == prod(after) - prod(before)``.

    Source: Shapley (1953), "A value for n-person games".
    """
    # Whole numbers over common denominators: fractions would look for common divisors at each step.
    scales = [lcm(old.denominator, new.denominator) for old, new in zip(before, after, strict=True)]
    olds = [int(old * scale) for old, scale in zip(before, scales, strict=True)]
    news = [int(new * scale) for new, scale in zip(after, scales, strict=True)]
    denominator = factorial(len(olds)) * prod(scales)
    return tuple(Fraction(_weighted(place, olds, news), denominator) for place in range(len(olds)))


def _weighted(place: int, olds: Sequence[int], news: Sequence[int]) -> int:
    """Add up the effect of one factor in every order, as many times as there are orders."""
    others = [(old, new) for at, (old, new) in enumerate(zip(olds, news, strict=True)) if at != place]
    total = 0
    for chosen in range(2 ** len(others)):
        changed = chosen.bit_count()
        orders = factorial(changed) * factorial(len(others) - changed)
        total += orders * prod(pair[chosen >> at & 1] for at, pair in enumerate(others))
    return (news[place] - olds[place]) * total
