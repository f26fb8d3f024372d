"""A time in, the values that its calls have in each dimension out: what a filter can offer."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Engine

from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.read.answers import Member
from usage_plugin.store.read.question import Question
from usage_plugin.store.read.usage import members

MAX_VALUES = 500


def distinct_values(engine: Engine, question: Question) -> Mapping[Dimension, tuple[Member, ...]]:
    """Give each dimension's values in the asked time, whatever the filters, by name; the busiest 500 of each."""
    everything = question.unfiltered()
    found: dict[Dimension, tuple[Member, ...]] = {}
    for dimension in Dimension:
        used = members(engine, everything.grouped_by(dimension))
        busiest = sorted(used, key=lambda entry: -entry[1].requests)[:MAX_VALUES]
        found[dimension] = tuple(sorted((member for member, _ in busiest), key=lambda member: member.label.casefold()))
    return found
