"""Sums by bucket and member as columns in, added up further or turned into Usage out. All integers, so all exact."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from usage_plugin.store.read.answers import Spent, Usage
from usage_plugin.store.sheets.codec import Integers
from usage_plugin.store.sheets.columns import COST, FREE, FROM_CACHE, MEASURE_NUMBERS, MEASURES, OTHER, said

# Sums of integers are exact in floats as long as they stay below.
_EXACT: Final = 2**53
# Numbers are looked up in a table that is as long as the largest, unless that is very large.
_LONGEST_TABLE: Final = 4_000_000
# What is read to say what something cost, and whether that is known.
OF_COST: Final = ("requests", "unfinished_attempts", "unpriced_requests", COST)
_OF_USAGE: Final = tuple(name for name in MEASURES if name not in (COST, FREE, FROM_CACHE))


@dataclass(frozen=True, slots=True)
class Cells:
    """Rows of sums, as `columns.kept` keeps them.

    Args:
        bucket: Place of the bucket in the question's time.
        member: Number of the value that the row is about.
        columns: Sums by the number of their measure; those that are missing are zero.
    """

    bucket: Integers
    member: Integers
    columns: Mapping[int, Integers]

    @classmethod
    def empty(cls) -> Cells:
        """Give no rows."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), {})

    @classmethod
    def joined(cls, parts: Sequence[Cells]) -> Cells:
        """Put rows together."""
        if not parts:
            return cls.empty()
        numbers = sorted({number for part in parts for number in part.columns})
        return cls(
            np.concatenate([part.bucket for part in parts]),
            np.concatenate([part.member for part in parts]),
            {number: np.concatenate([part.column(number) for part in parts]) for number in numbers},
        )

    def __len__(self) -> int:
        return len(self.bucket)

    def column(self, number: int) -> Integers:
        """Give a column, also where it is all zero."""
        found = self.columns.get(number)
        return np.zeros(len(self), np.int64) if found is None else found

    def measure(self, name: str) -> Integers:
        """Give one measure of each row; only those that are kept as they are."""
        return self.column(MEASURE_NUMBERS[name])

    def by_member(self, measures: Collection[str] = MEASURES) -> Cells:
        """Add up what is about the same member, all or some measures; sorted by member."""
        members, places = _distinct(self.member)
        wanted = {MEASURE_NUMBERS[name] for name in measures}
        mine = Cells(self.bucket, self.member, {no: each for no, each in self.columns.items() if no in wanted})
        return Cells(np.zeros(len(members), np.int64), members, mine._sums(places, len(members)))

    def by_bucket(self, buckets: int, slot: Integers | None = None, slots: int = 1) -> Cells:
        """Add up by bucket, and of each bucket by slot: a row for each, also where nothing is.

        Args:
            buckets: How many there are.
            slot: Of each row; ``None`` for one only.
            slots: How many there are.
        """
        places = self.bucket * slots if slot is None else self.bucket * slots + slot
        every = np.arange(buckets * slots)
        return Cells(every // slots, every % slots, self._sums(places, buckets * slots))

    def slots(self, members: Cells) -> Integers:
        """Give each row the place of its member among others, and all that are not among them the place after."""
        order = np.argsort(members.member)
        known = members.member[order]
        place = np.searchsorted(known, self.member)
        is_one = np.append(known, OTHER - 1)[place] == self.member if len(known) else np.zeros(len(self), np.bool_)
        return np.where(is_one, np.append(order, len(known))[place], len(known))

    def in_all(self) -> Cells:
        """Add everything up to one row."""
        nothing = np.zeros(1, np.int64)
        return Cells(nothing, nothing, self._sums(np.zeros(len(self), np.int64), 1))

    def only(self, rows: Integers) -> Cells:
        """Take some of the rows."""
        return Cells(
            self.bucket[rows],
            self.member[rows],
            {number: values[rows] for number, values in self.columns.items()},
        )

    def costs(self) -> list[int | None]:
        """Give the cost of each row in billionths of a dollar; ``None`` where no call has one. Needs ``OF_COST``."""
        requests, attempts, unpriced, costs = (self.measure(name) for name in OF_COST)
        unknown = requests + attempts == unpriced
        return [None if no_cost else cost for no_cost, cost in zip(unknown.tolist(), costs.tolist(), strict=True)]

    def spent(self) -> list[Spent]:
        """Say each row as requests and cost. Needs ``OF_COST``."""
        requests, unpriced = (self.measure(name).tolist() for name in ("requests", "unpriced_requests"))
        rows = zip(requests, unpriced, self.costs(), strict=True)
        return [Spent(requests=count, unpriced_requests=some, cost_nano_usd=cost) for count, some, cost in rows]

    def usage(self) -> list[Usage]:
        """Say each row as usage."""
        sums, costs = self.counted(), self.costs()
        rows = zip(*(sums[name].tolist() for name in _OF_USAGE), costs, strict=True)
        return [Usage(**dict(zip((*_OF_USAGE, COST), row, strict=True))) for row in rows]

    def counted(self) -> Mapping[str, Integers]:
        """Say all rows by measure, also those that `Usage` leaves out."""
        return said({name: self.column(number) for name, number in MEASURE_NUMBERS.items()})

    def _sums(self, places: Integers, size: int) -> dict[int, Integers]:
        return {number: _summed(places, values, size) for number, values in self.columns.items()}


def _summed(places: Integers, values: Integers, size: int) -> Integers:
    if float(np.abs(values).sum(dtype=np.float64)) < _EXACT:
        return np.bincount(places, weights=values, minlength=size).astype(np.int64)
    sums = np.zeros(size, np.int64)
    np.add.at(sums, places, values)
    return sums


def _distinct(numbers: Integers) -> tuple[Integers, Integers]:
    """Give the distinct numbers, sorted, and the place of each number among them: without sorting, where it can."""
    if not len(numbers):
        return numbers, numbers
    least = int(numbers.min())
    length = int(numbers.max()) - least + 1
    if length > _LONGEST_TABLE:
        return np.unique(numbers, return_inverse=True)
    there = np.zeros(length, np.bool_)
    there[numbers - least] = True
    found = np.flatnonzero(there)
    place = np.zeros(length, np.int64)
    place[found] = np.arange(len(found))
    return found + least, place[numbers - least]
