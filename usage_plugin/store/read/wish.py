"""Filters and a split by number in, which sheets and which of their sections can answer them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.sheets.columns import ALL, MEASURE_NUMBERS, QUARTER
from usage_plugin.store.sheets.fold import KEY, TAG

Chosen = Mapping[int, tuple[int, ...]]
"""Numbers of the values that are asked for, by number of dimension; all others do not matter."""

EVERY_MEASURE: Final = frozenset(MEASURE_NUMBERS.values())

# Which of several filters the sheets are chosen by: where values have few calls, sheets hold the calls themselves.
_FIRST: Final = tuple(
    dimension.number
    for dimension in (
        Dimension.END_USER,
        Dimension.KEY,
        Dimension.USER,
        Dimension.PROJECT,
        Dimension.FEATURE,
        Dimension.TEAM,
        Dimension.MODEL,
        Dimension.TAG,
    )
)


@dataclass(frozen=True)
class Wish:
    """What is read of each sheet.

    Args:
        chosen: Filters.
        by: Number of the dimension to split by; `ALL` for none.
        measures: Numbers of those that are asked for.
    """

    chosen: Chosen
    by: int = ALL
    measures: frozenset[int] = EVERY_MEASURE

    @cached_property
    def first(self) -> int:
        """The dimension whose sheets are read."""
        ranked = sorted(self.chosen, key=lambda number: _FIRST.index(number) if number in _FIRST else len(_FIRST))
        return ranked[0] if ranked else ALL

    @cached_property
    def values(self) -> tuple[int, ...]:
        """Its values that are asked for."""
        return self.chosen.get(self.first, (0,))

    @cached_property
    def others(self) -> Chosen:
        """The other filters."""
        return {number: values for number, values in self.chosen.items() if number != self.first}

    @cached_property
    def wanted(self) -> frozenset[int]:
        """Numbers of all columns of totals that are needed."""
        return self.measures | {QUARTER, KEY, self.by, *self.chosen}

    @cached_property
    def needs_tags(self) -> bool:
        """Whether it matters which tags a call has."""
        return self.by == TAG or TAG in self.chosen

    @cached_property
    def overlaps(self) -> bool:
        """Whether a call may be in the sheets of several of the values."""
        return self.first == TAG and len(self.values) > 1

    @cached_property
    def cells_by(self) -> int | None:
        """By which dimension totals can be read; ``None`` where only single calls can tell."""
        first, by = self.first, ALL if self.by == self.first != TAG else self.by
        overlap = any(number == TAG and len(values) > 1 for number, values in self.chosen.items())
        if overlap or len(self.others) > 1:
            return None
        if not self.others:
            return by
        (other,) = self.others
        return other if by in (ALL, other) and first != ALL else None
