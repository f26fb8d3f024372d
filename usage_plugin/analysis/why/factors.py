"""Calls, units and costs by model in, what changed the cost out: volume, mix, tokens per call and price, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from usage_plugin.analysis.why.reconcile import reconcile, scale_to
from usage_plugin.analysis.why.shapley import shapley
from usage_plugin.analysis.why.terms import NOTHING, Terms, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """One kind of units of one model: cache reads, output tokens, ...; a fee per call has the calls as units."""

    units: int
    cost_nano_usd: int | None
    """``None``: nobody knows what these units cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUse:
    """What a model was used for in a stretch of time."""

    calls: int
    """Those with a known cost; units and costs are theirs."""
    kinds: Mapping[str, Metered] = field(default_factory=dict)
    unpriced_calls: int = 0
    """Calls whose cost nobody knows. They stand beside everything, since 0 would look like a lower price."""


Cell = tuple[str, str]
"""A model and a kind of its units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """A change of cost in nano dollars: ``sum(cells) + gap`` by each term, and ``total.change`` is all of it."""

    cells: Mapping[Cell, Terms]
    gap_nano_usd: int
    """What was expected beyond the usual costs and no scale reaches; part of ``total.other``."""
    expected_unpriced_calls: int
    actual_unpriced_calls: int

    @property
    def total(self) -> Terms:
        """All cells."""
        sums = [sum(column) for column in zip(NOTHING, *self.cells.values(), strict=True)]
        return Terms._make([*sums[:-1], sums[-1] + self.gap_nano_usd])

    def of_model(self, model: str) -> Terms:
        """Give the terms of one model, where its calls are its volume and its part of the mix."""
        mine = (terms for (name, _), terms in self.cells.items() if name == model)
        return Terms._make(sum(column) for column in zip(NOTHING, *mine, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One of the two times that are compared."""

    models: Mapping[str, ModelUse]
    scale: Fraction

    @property
    def calls(self) -> int:
        return sum(max(int(use.calls), 0) for use in self.models.values())

    def costs(self) -> dict[Cell, int]:
        return {
            (model, kind): int(each.cost_nano_usd or 0)
            for model, use in self.models.items()
            for kind, each in use.kinds.items()
        }

    def unpriced_calls(self) -> int:
        return sum(int(use.unpriced_calls) for use in self.models.values())

    def is_beside(self, cell: Cell) -> bool:
        """Say whether a cell's cost does not come from units of calls: a correction, or nobody knows it."""
        calls, units, cost = self._amounts(cell)
        if units == 0:
            return bool(cost)
        return calls <= 0 or units < 0 or cost is None

    def factors(self, cell: Cell) -> tuple[Fraction | None, ...]:
        """Give calls of all, share of the model, units per call, price; ``None`` where nothing says it."""
        (calls, units, cost), together = self._amounts(cell), self.calls
        if not together * self.scale:
            return Fraction(0), None, None, None
        return (
            together * self.scale,
            Fraction(max(calls, 0), together),
            Fraction(units, calls) if calls > 0 else None,
            Fraction(cost or 0, units) if units else None,
        )

    def _amounts(self, cell: Cell) -> tuple[int, int, int | None]:
        model, kind = cell
        use = self.models.get(model)
        if use is None:
            return 0, 0, 0
        each = use.kinds.get(kind)
        if each is None:
            return int(use.calls), 0, 0
        cost = each.cost_nano_usd
        return int(use.calls), int(each.units), None if cost is None else int(cost)


def break_down(
    expected: Mapping[str, ModelUse], actual: Mapping[str, ModelUse], *, expected_total_nano_usd: int | None = None
) -> Breakdown:
    """Break a change of cost down into what changed.

    A cost is calls of all models x share of the model x units per call x price, and each of the four is given the
    mean of what changing it does, over all orders of changing them. So nothing is left over, no order is preferred,
    and zeros need no care, as they do with logarithms. What cannot be said on one side (the price of a new model) is
    taken as on the other: a new model is mix, a new kind of tokens is tokens per call, and where nothing was expected
    all is volume. A shift between kinds of tokens of one model (to the cache) is tokens per call.

    Args:
        expected: What is usual by model, over any length of time: calls, and with them costs, are scaled to the total.
        actual: What was used.
        expected_total_nano_usd: What was expected; the sum of the usual costs where it is not given.

    Returns:
        Whole nano dollars by model and kind. Each term of a cell is rounded to the nearest, ties to even, and the
        largest of the cell takes what is then missing from the cell's change.

    Source: Shapley values as in Albrecht, Francois & Schoors (2002), "A Shapley decomposition of carbon emissions
    without residuals", Energy Policy 30, and Sun (1998), "Changes in energy consumption and energy intensity: a
    complete decomposition model", Energy Economics 20.
    """
    usual = _Side(models=expected, scale=Fraction(1)).costs()
    target = sum(usual.values()) if expected_total_nano_usd is None else int(expected_total_nano_usd)
    scale, costs = scale_to(usual.values(), target), reconcile(usual, target)
    before = _Side(models=expected, scale=Fraction(1) if scale is None else scale)
    after = _Side(models=actual, scale=Fraction(1))
    had = after.costs()
    changes = {cell: had.get(cell, 0) - costs.get(cell, 0) for cell in sorted({*costs, *had})}
    return Breakdown(
        cells={cell: _terms(cell, before, after, change) for cell, change in changes.items()},
        gap_nano_usd=sum(costs.values()) - target,
        expected_unpriced_calls=before.unpriced_calls(),
        actual_unpriced_calls=after.unpriced_calls(),
    )


def _terms(cell: Cell, before: _Side, after: _Side, change: int) -> Terms:
    if before.is_beside(cell) or after.is_beside(cell):
        return NOTHING._replace(other=change)
    one, two = before.factors(cell), after.factors(cell)
    known = [_filled(old, new) for old, new in zip(one, two, strict=True)]
    return whole(shapley([old for old, _ in known], [new for _, new in known]), change)


def _filled(old: Fraction | None, new: Fraction | None) -> tuple[Fraction, Fraction]:
    """Take what one side cannot say as on the other."""
    old, new = new if old is None else old, old if new is None else new
    return old or Fraction(0), new or Fraction(0)
