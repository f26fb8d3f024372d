"""A look and filters in, what each filter of the bar can offer out."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.data import Look
from dashboard.filters import Filters
from dashboard.members import name_of, read_back, written
from usage_plugin.store import read
from usage_plugin.store.read import Dimension, Member

Option = dict[str, str]


def options(look: Look, filters: Filters) -> Mapping[Dimension, list[Option]]:
    """Give the values of each dimension in the time shown, and those that are filtered by."""
    values = look.ask_heavy(read.distinct_values, filters.question(look.now, look.zone).unfiltered())
    return {dimension: _offer(values[dimension], filters.chosen(dimension)) for dimension in Dimension}


def only_chosen(filters: Filters) -> Mapping[Dimension, list[Option]]:
    """Offer what is filtered by already: all that is known while the store does not answer."""
    return {dimension: _offer((), filters.chosen(dimension)) for dimension in Dimension}


def _offer(members: tuple[Member, ...], chosen: tuple[str, ...]) -> list[Option]:
    labels = {written(member.value): name_of(member) for member in members}
    missing = {value: name_of(Member(read_back(value), "")) for value in chosen if value not in labels}
    return [{"value": value, "label": label} for value, label in {**labels, **missing}.items()]
