"""A Question in, several measures by member and bucket at once out: arrays, one pass over the sheets for all."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from sqlalchemy import Engine

from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.read.answer import Answer, asked
from usage_plugin.store.read.answers import Member, Sums
from usage_plugin.store.read.cells import OF_COST, Cells
from usage_plugin.store.read.question import Choice, Question
from usage_plugin.store.sheets.columns import COST, MEASURE_NUMBERS, OTHER, needed, said

ALL_CALLS = Member(None, "")
"""The one member of what is not split."""


def sums(
    engine: Engine,
    question: Question,
    measures: Collection[str],
    *,
    by: Dimension | None,
    only: Collection[Choice] | None = None,
    top: int | None = None,
) -> Sums:
    """Add measures up by member and bucket.

    Args:
        engine: Of a migrated database.
        question: Which calls and buckets; ``group_by`` does not matter.
        measures: Names of `columns.MEASURES`.
        by: Dimension to split by; ``None`` for one row of all calls.
        only: Only these members; those without a call have no row.
        top: Only so many, by cost and then by requests in the whole time.

    Returns:
        The largest member first. Of end users and tags, those that are too many to keep apart are left out.
    """
    wanted = needed({*measures, *OF_COST})
    with asked(engine, question, by=by, measures=wanted) as answer:
        cells = answer.cells
        if by is None:
            members, names = Cells.empty(), [ALL_CALLS]
            slots = np.zeros(len(cells), np.int64)
        else:
            members, names = _members(answer, only, top)
            slots = cells.slots(members)
        count, buckets = len(names), len(answer.buckets.starts)
        kept = cells.only(np.flatnonzero(slots < count))
        found = kept.by_bucket(buckets, slots[slots < count], max(count, 1))
    columns = {name: found.column(MEASURE_NUMBERS[name]) for name in wanted}
    shaped = {name: values.reshape(buckets, max(count, 1)).T[:count] for name, values in said(columns).items()}
    return Sums(answer.buckets.starts, tuple(names), {name: shaped[name] for name in measures})


def _members(answer: Answer, only: Collection[Choice] | None, top: int | None) -> tuple[Cells, list[Member]]:
    """Give the members that are asked for, the largest first, with their names."""
    found = answer.cells.by_member((COST, "requests"))
    order = np.lexsort((found.member, -found.measure("requests"), -found.measure(COST)))
    ranked = found.only(order[found.member[order] != OTHER])
    if top is not None:
        ranked = ranked.only(np.arange(min(top, len(ranked))))
    numbers: list[int] = ranked.member.tolist()
    known = answer.members.named(answer.connection, numbers)
    names = [Member(*known[number]) for number in numbers]
    if only is None:
        return ranked, names
    chosen = [place for place, name in enumerate(names) if name.value in set(only)]
    return ranked.only(np.array(chosen, np.int64)), [names[place] for place in chosen]
