"""What parts usually were and what their total should be in, parts that add up to the total out; integers, so exact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TypeVar

Key = TypeVar("Key")

CANCELS = 2
"""Parts are scaled unless their sizes add up to more than so many times their sum: corrections would be blown up."""


def scale_to(amounts: Iterable[int], total: int) -> Fraction | None:
    """Find the factor that makes amounts add up to a total.

    Returns:
        At least 0; ``None`` where no factor can do it, or only by blowing up amounts that cancel each other.
    """
    given = list(amounts)
    together = sum(given)
    if together == 0 or total * together < 0 or sum(map(abs, given)) > CANCELS * abs(together):
        return None
    return Fraction(total, together)


def reconcile(amounts: Mapping[Key, int], total: int) -> dict[Key, int]:
    """Scale amounts so that they add up to a total exactly.

    Args:
        amounts: By whom they belong to, whole numbers of any unit.
        total: In the same unit.

    Returns:
        Whole numbers, each less than 1 from its exact share, whatever the order of the keys. The amounts as they are
        where `scale_to` finds no factor.

    Source: largest remainders (Hamilton's method), Balinski & Young (1982), "Fair Representation".
    """
    factor = scale_to(amounts.values(), total)
    if factor is None:
        return dict(amounts)
    shares = {key: divmod(amount * factor.numerator, factor.denominator) for key, amount in amounts.items()}
    missing = total - sum(whole for whole, _ in shares.values())
    by_remainder = sorted(shares, key=lambda key: (-shares[key][1], repr(key)))
    one_more = set(by_remainder[:missing])
    return {key: whole + (key in one_more) for key, (whole, _) in shares.items()}
