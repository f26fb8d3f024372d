"""Stretches of time in, what the calls themselves say to a question out: added up by the database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, Select, and_, func, literal, select
from sqlmodel import col

from usage_plugin.store.calls import UsageCall, UsageTag
from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.quarters import floor_quarter, quarter_of, start_of
from usage_plugin.store.read.cells import Cells
from usage_plugin.store.read.plan import Buckets
from usage_plugin.store.read.question import Choice, Question
from usage_plugin.store.read.sql import answered, dimension_column, label_column, matches, record_sums
from usage_plugin.store.sheets.bins import bins
from usage_plugin.store.sheets.codec import Integers
from usage_plugin.store.sheets.columns import ALL, MEASURE_NUMBERS, MEASURES, OTHER, UNSET, kept
from usage_plugin.store.sheets.values import numbers_of, words_of
from usage_plugin.store.tables import UsageRecord, table_of

# Up to so many buckets are asked for one by one; more are told apart by the quarter of an hour.
MOST_QUERIES: Final = 100
# By these it is known whether a group has any calls at all.
_OF_ANY_CALL: Final = ("requests", "unfinished_attempts")
_CALL: Final = table_of(UsageCall).c
Stretch = tuple[datetime, datetime]


@dataclass(slots=True)
class Members:
    """The members of a dimension by number: those of the sheets, and new ones that no sheet knows yet.

    Args:
        dimension: ``None`` where nothing is split.
    """

    dimension: Dimension | None
    _numbers: dict[str, int] = field(default_factory=dict)
    _names: dict[int, tuple[str, str]] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The number of the dimension."""
        return ALL if self.dimension is None else self.dimension.number

    def learn(self, connection: Connection, words: dict[str, str | None]) -> None:
        """Take values with the names that people know them by."""
        if self.dimension is None:
            return
        new = words.keys() - self._numbers.keys()
        self._numbers |= numbers_of(connection, self.dimension, new)
        for word in sorted(new - self._numbers.keys()):
            self._numbers[word] = OTHER - 1 - len(self._numbers)
        for word, label in words.items():
            if label is not None or self._numbers[word] < OTHER:
                self._names[self._numbers[word]] = (word, label or word)

    def number_of(self, word: Choice) -> int:
        """Give the number of a value."""
        return UNSET if word is None else self._numbers[word]

    def named(self, connection: Connection, numbers: Sequence[int]) -> dict[int, tuple[Choice, str]]:
        """Give values and names by number."""
        unknown = [number for number in numbers if number > UNSET and number not in self._names]
        found = {number: (word, label or word) for number, (word, label) in words_of(connection, unknown).items()}
        return {UNSET: (None, ""), **found, **self._names}


def read_calls(
    connection: Connection,
    question: Question,
    stretches: Sequence[Stretch],
    members: Members,
    buckets: Buckets,
    *,
    measures: Collection[str] = MEASURES,
) -> Cells:
    """Add calls up.

    Args:
        connection: Sees one moment.
        question: Which calls.
        stretches: Which time of the question.
        members: By what to split; learns what it did not know.
        buckets: Of the question.
        measures: Which are asked for; the others are left out.
    """
    found, wanted = list[Cells](), [name for name in MEASURES if name in {*measures, *_OF_ANY_CALL}]
    for start, end, bucket in _queries(stretches, buckets):
        query = _sums(question.between(start, end), members, wanted, by_quarter=bucket is None)
        rows = connection.execute(query).all()
        members.learn(connection, {row.member: row.label for row in rows if row.member is not None})
        found.append(_cells(rows, members, buckets, bucket, wanted))
    return Cells.joined(found)


def read_durations(
    connection: Connection, question: Question, stretches: Sequence[Stretch], column: str, buckets: Buckets
) -> tuple[Integers, Integers]:
    """Give buckets and bins of the durations of answered calls."""
    duration, quarter = getattr(UsageRecord, column), quarter_of(col(UsageRecord.completed_at))
    places, found = list[Integers](), list[Integers]()
    for start, end in stretches:
        rows = connection.execute(
            select(quarter, duration).where(matches(question.between(start, end)), answered(), duration.is_not(None))
        ).all()
        quarters, values = zip(*rows, strict=True) if rows else ((), ())
        places.append(buckets.places(np.array(quarters, np.int64)))
        found.append(bins(np.array(values, np.float64)))
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate(places), np.concatenate(found)


def _queries(stretches: Sequence[Stretch], buckets: Buckets) -> Iterator[tuple[datetime, datetime, int | None]]:
    """Cut stretches at the begin of buckets, unless that makes too many of them."""
    for start, end in stretches:
        first, last = buckets.place(floor_quarter(start)), buckets.place(floor_quarter(end))
        if last - first > MOST_QUERIES:
            yield start, end, None
            continue
        edges = [start_of(int(quarter)) for quarter in buckets.quarters[first + 1 : last + 1]]
        inside = [start, *(edge for edge in edges if start < edge < end), end]
        for place, (begin, finish) in enumerate(pairwise(inside), first):
            yield begin, finish, place


def _sums(question: Question, members: Members, wanted: Sequence[str], *, by_quarter: bool) -> Select[Any]:
    quarter = quarter_of(col(UsageRecord.completed_at)) if by_quarter else literal(0)
    dimension = members.dimension
    member, name = _member(dimension)
    label = func.max(name)
    sums = (record_sums()[name].label(name) for name in wanted)
    query = select(quarter.label("quarter"), member.label("member"), label.label("label"), *sums)
    query = query.select_from(UsageRecord)
    if dimension is Dimension.TAG:
        # The view of all calls' tags would be made first, and whole.
        same = and_(_CALL.id == col(UsageRecord.id), _CALL.completed_at == col(UsageRecord.completed_at))
        query = query.join(table_of(UsageCall), same).outerjoin(UsageTag, _CALL.tag_set_id == col(UsageTag.tag_set_id))
    groups = [*([quarter] if by_quarter else []), *([] if dimension is None else [member])]
    return query.where(matches(question)).group_by(*groups)


def _member(dimension: Dimension | None) -> tuple[Any, Any]:
    """Give the columns of values and of their names."""
    if dimension is None:
        return literal(None), literal(None)
    if dimension is Dimension.TAG:
        return col(UsageTag.tag), col(UsageTag.tag)
    return dimension_column(dimension), label_column(dimension)


def _cells(rows: Sequence[Any], members: Members, buckets: Buckets, bucket: int | None, wanted: Sequence[str]) -> Cells:
    rows = [row for row in rows if row.requests or row.unfinished_attempts]
    quarters = np.array([row.quarter for row in rows], np.int64)
    places = buckets.places(quarters) if bucket is None else np.full(len(rows), bucket, np.int64)
    numbers = np.array([members.number_of(row.member) for row in rows], np.int64)
    measures = {name: np.zeros(len(rows), np.int64) for name in MEASURES}
    measures |= {name: np.array([getattr(row, name) for row in rows], np.int64) for name in wanted}
    return Cells(
        places, numbers, {MEASURE_NUMBERS[name]: values for name, values in kept(measures).items() if name in wanted}
    )
