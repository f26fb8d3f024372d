"""Sums by bucket and member as columns in, added up further or turned into Usage out. All integers, so all exact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from usage_plugin.store.read.answers import Usage
from usage_plugin.store.sheets.codec import Integers
from usage_plugin.store.sheets.columns import COST, FREE, FROM_CACHE, MEASURE_NUMBERS, said

_ORDER = tuple(MEASURE_NUMBERS)
_PLACE = {name: place for place, name in enumerate(_ORDER)}


@dataclass(frozen=True, slots=True)
class Cells:
    """Rows of sums, as `columns.kept` keeps them.

    Args:
        bucket: Place of the bucket in the question's time.
        member: Number of the value that the row is about.
        sums: A column per measure.
    """

    bucket: Integers
    member: Integers
    sums: Integers

    @classmethod
    def empty(cls) -> Cells:
        """Give no rows."""
        nothing = np.zeros(0, np.int64)
        return cls(nothing, nothing, np.zeros((0, len(_ORDER)), np.int64))

    @classmethod
    def of(cls, bucket: Integers, member: Integers, columns: Mapping[int, Integers]) -> Cells:
        """Take columns by their numbers; those that are missing are zero."""
        sums = np.zeros((len(bucket), len(_ORDER)), np.int64)
        for place, name in enumerate(_ORDER):
            values = columns.get(MEASURE_NUMBERS[name])
            if values is not None:
                sums[:, place] = values
        return cls(bucket, member, sums)

    @classmethod
    def joined(cls, parts: Sequence[Cells]) -> Cells:
        """Put rows together."""
        if not parts:
            return cls.empty()
        return cls(
            np.concatenate([part.bucket for part in parts]),
            np.concatenate([part.member for part in parts]),
            np.concatenate([part.sums for part in parts]),
        )

    def folded(self, *, by_bucket: bool = False, by_member: bool = False) -> Cells:
        """Add rows up that have the same bucket, the same member, or both; sorted by them."""
        if not len(self.bucket):
            return self
        nothing = np.zeros(len(self.bucket), np.int64)
        bucket = self.bucket if by_bucket else nothing
        member = self.member if by_member else nothing
        order = np.lexsort((member, bucket))
        bucket, member = bucket[order], member[order]
        new = np.concatenate(([True], (np.diff(bucket) != 0) | (np.diff(member) != 0)))
        starts = np.flatnonzero(new)
        return Cells(bucket[starts], member[starts], np.add.reduceat(self.sums[order], starts, axis=0))

    def only(self, rows: Integers) -> Cells:
        """Take some of the rows."""
        return Cells(self.bucket[rows], self.member[rows], self.sums[rows])

    def measure(self, name: str) -> Integers:
        """Give one measure of each row; only those that are kept as they are."""
        values: Integers = self.sums[:, _PLACE[name]]
        return values

    def usage(self) -> list[Usage]:
        """Say each row as usage."""
        return [_usage(row) for row in self.sums.tolist()]

    def counted(self) -> Mapping[str, int]:
        """Say the first row by measure, also those that `Usage` leaves out; all zero where there is none."""
        row = self.sums[0].tolist() if len(self.sums) else [0] * len(_ORDER)
        return said(dict(zip(_ORDER, row, strict=True)))


def _usage(row: Iterable[int]) -> Usage:
    sums: dict[str, int] = said(dict(zip(_ORDER, row, strict=True)))
    del sums[FREE], sums[FROM_CACHE]
    cost = sums.pop(COST)
    is_unknown = sums["requests"] + sums["unfinished_attempts"] == sums["unpriced_requests"]
    return Usage(**sums, cost_nano_usd=None if is_unknown else cost)
