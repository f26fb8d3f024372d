"""A look, filters and which lists were opened in, what each filter of the bar can offer out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from dashboard.data import Look
from dashboard.filters import Filters
from dashboard.members import name_of, read_back, written
from usage_plugin.store import read
from usage_plugin.store.read import Dimension, Member

Option = dict[str, Any]
LOOKING: Final[Option] = {"value": "?", "label": "Looking …", "disabled": True}
"""Instead of what nobody has asked for yet: each list costs a question."""


def options(look: Look, filters: Filters, opened: Collection[str]) -> Mapping[Dimension, list[Option]]:
    """Give the values in the time shown of each dimension that was opened or is filtered by."""
    return {dimension: _values(look, filters, dimension, opened) for dimension in Dimension}


def _values(look: Look, filters: Filters, dimension: Dimension, opened: Collection[str]) -> list[Option]:
    chosen = filters.chosen(dimension)
    if dimension.value not in opened and not chosen:
        return [LOOKING]
    asked = filters.question(look.now, look.zone).unfiltered().grouped_by(dimension)
    return _offer(look.ask_heavy(read.dimension_values, asked), chosen)


def only_chosen(filters: Filters) -> Mapping[Dimension, list[Option]]:
    """Offer what is filtered by already: all that is known while the store does not answer."""
    return {dimension: _offer((), filters.chosen(dimension)) for dimension in Dimension}


def _offer(members: tuple[Member, ...], chosen: tuple[str, ...]) -> list[Option]:
    labels = {written(member.value): name_of(member) for member in members}
    missing = {value: name_of(Member(read_back(value), "")) for value in chosen if value not in labels}
    return [{"value": value, "label": label} for value, label in {**labels, **missing}.items()]
