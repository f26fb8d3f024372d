"""A time in, the values that its calls have in each dimension out: what a filter can offer."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Engine, func, select

from usage_plugin.store.read.answers import Member
from usage_plugin.store.read.question import Dimension, Question
from usage_plugin.store.read.sql import key_column, label_column, matches, reading
from usage_plugin.store.tables import UsageHourly

MAX_VALUES = 500


def distinct_values(engine: Engine, question: Question) -> Mapping[Dimension, tuple[Member, ...]]:
    """Give each dimension's values in the asked time, whatever the filters, by name; the busiest 500 of each."""
    everything = matches(UsageHourly, question.unfiltered())
    found: dict[Dimension, tuple[Member, ...]] = {}
    with reading(engine) as connection:
        for dimension in Dimension:
            key, name = key_column(UsageHourly, dimension), func.max(label_column(UsageHourly, dimension))
            query = select(key, name).where(everything).group_by(key)
            busiest = query.order_by(func.sum(UsageHourly.requests).desc(), key).limit(MAX_VALUES)
            rows = [Member(row[0], row[1] or row[0] or "") for row in connection.execute(busiest)]
            found[dimension] = tuple(sorted(rows, key=lambda member: member.label.casefold()))
    return found
