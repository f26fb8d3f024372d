"""A time in, the values that its calls have in each dimension out: what a filter can offer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Engine

from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.read.answers import Member
from usage_plugin.store.read.question import Question
from usage_plugin.store.read.usage import members

MAX_VALUES = 500


def distinct_values(engine: Engine, question: Question) -> Mapping[Dimension, tuple[Member, ...]]:
    """Give each dimension's values in the asked time, whatever the filters, by name; the busiest 500 of each."""
    return {dimension: dimension_values(engine, question.grouped_by(dimension)) for dimension in Dimension}


def dimension_values(engine: Engine, question: Question) -> tuple[Member, ...]:
    """Give the values of ``question.group_by`` in the asked time, whatever the filters, by name; the busiest 500."""
    used = members(engine, replace(question.unfiltered(), as_kept=True))
    busiest = sorted(used, key=lambda entry: -entry[1].requests)[:MAX_VALUES]
    return tuple(sorted((member for member, _ in busiest), key=lambda member: member.label.casefold()))
