"""Exact terms of a change in, whole nano dollars that add up to it out."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple


class Terms(NamedTuple):
    """What changed a cost, in nano dollars."""

    volume: int
    """More or fewer calls."""
    mix: int
    """Calls went to dearer or cheaper models."""
    tokens_per_call: int
    """Longer or shorter calls of a model, and other kinds of tokens."""
    price: int
    """Another unit price of the same model and kind of tokens."""
    other: int
    """Costs that do not come from units of calls (corrections, unknown prices), and what no usual cost stands for."""

    @property
    def change(self) -> int:
        """All of it."""
        return sum(self)


NOTHING = Terms(0, 0, 0, 0, 0)
FACTORS = 4


def whole(exact: Sequence[Fraction], change: int) -> Terms:
    """Round the four terms to the nearest, ties to even; the largest takes what is missing from the change."""
    rounded = [round(term) for term in exact]
    largest = max(range(FACTORS), key=lambda place: abs(exact[place]))
    rounded[largest] += change - sum(rounded)
    return Terms._make([*rounded, 0])
