"""Calls of a segment as columns in, its sheets out: for every value of every dimension, by every other dimension."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.quarters import QUARTERS_PER_HOUR
from usage_plugin.store.sheets.bundle import Sheet
from usage_plugin.store.sheets.codec import Integers, Kind, pack, section_number
from usage_plugin.store.sheets.columns import ALL, COUNT, LATENCY_BIN, OTHER, QUARTER, ROW, TTFT_BIN

# A segment with fewer calls has one sheet, which holds the calls themselves: all answers are worked out from it.
MOST_SINGLE: Final = 4096
# There are few hours, since only the last days have them, and of today all are read.
MOST_SINGLE_IN_HOUR: Final = 1024
# From so many calls on, totals of all of them are kept beside them.
FEWEST_ADDED_UP: Final = 512
# In others, a value with more calls than this has a sheet of its own that holds totals. The rest shares sheets that
# hold the calls themselves, about so many in each: then no answer takes longer because there are more values.
MOST_SHARING: Final = 1024
ROWS_PER_PART: Final = 256
MOST_PARTS: Final = 4096
# Dimensions that callers make up at will: so many values are kept apart, of all calls and of those of one value.
BOUNDED: Final = {Dimension.END_USER.number: (4096, 256), Dimension.TAG.number: (4096, 1024)}
TAG: Final = Dimension.TAG.number
# Of these there are about as many values in a quarter of an hour as there are calls.
_MANY: Final = (Dimension.KEY, Dimension.USER, Dimension.END_USER)
FINE: Final = tuple(dimension.number for dimension in Dimension if dimension not in _MANY)
KEY: Final = Dimension.KEY.number
USER: Final = Dimension.USER.number
# By these a call tells most about all else that it is.
_ALIKE: Final = (KEY, USER, Dimension.MODEL.number)
# What a key tells about a call in nearly all companies: whose it is. Where it does so for all calls of a segment,
# totals by these follow from those by key, and calls of a user are found by the user's keys.
TOLD: Final = (USER, Dimension.TEAM.number, Dimension.ORGANIZATION.number, Dimension.PROJECT.number)
# Of a value with more calls than this, only what is by user is left to follow: there are about as many as keys.
MOST_TOLD: Final = 4096
SINGLE: Final = tuple(dimension.number for dimension in Dimension if dimension is not Dimension.TAG)


@dataclass(frozen=True, slots=True)
class Calls:
    """A row per row of ``usage_record``, in columns.

    Args:
        quarter: Of an hour since 1970, in which it ended.
        codes: By number of dimension: ``usage_value.id``, or 0.
        tag_rows: Rows that have a tag, each as often as it has one,
        tag_codes: and which.
        measures: What a row adds to each total: a column for each of
        measure_numbers: numbers of columns.
        latency_bin: See `bins`.
        ttft_bin: The same.
    """

    quarter: Integers
    codes: Mapping[int, Integers]
    tag_rows: Integers
    tag_codes: Integers
    measures: Integers
    measure_numbers: tuple[int, ...]
    latency_bin: Integers
    ttft_bin: Integers

    def __len__(self) -> int:
        return len(self.quarter)

    def only(self, rows: Integers) -> Calls:
        """Take some of the rows, sorted."""
        tagged = np.isin(self.tag_rows, rows)
        return Calls(
            self.quarter[rows],
            {number: codes[rows] for number, codes in self.codes.items()},
            np.searchsorted(rows, self.tag_rows[tagged]),
            self.tag_codes[tagged],
            self.measures[rows],
            self.measure_numbers,
            self.latency_bin[rows],
            self.ttft_bin[rows],
        )

    def members(self, dimension: int) -> tuple[Integers, Integers]:
        """Give rows and their values in a dimension: a call with many tags is there as many times."""
        if dimension == ALL:
            return np.arange(len(self)), np.zeros(len(self), np.int64)
        if dimension != TAG:
            return np.arange(len(self)), self.codes[dimension]
        without = np.setdiff1d(np.arange(len(self)), self.tag_rows)
        codes = np.concatenate((self.tag_codes, np.zeros(len(without), np.int64)))
        return np.concatenate((self.tag_rows, without)), codes


_Table = tuple[tuple[int, ...], Integers]
"""Numbers of columns, and the columns."""
_Sections = dict[tuple[Kind, int], _Table]
"""By what the rows are and the dimension that they are split by."""


def parts_of(calls: int, quarters: int) -> int:
    """Say among how many sheets rare values of a dimension are spread: a power of two; 0 for one sheet in all.

    Args:
        calls: In a segment.
        quarters: Its length.
    """
    if calls <= min(MOST_SINGLE, MOST_SINGLE_IN_HOUR if quarters <= QUARTERS_PER_HOUR else MOST_SINGLE):
        return 0
    return min(1 << max((calls // ROWS_PER_PART).bit_length() - 1, 0), MOST_PARTS)


def part_of(value: int, parts: int) -> int:
    """Give the sheet that a rare value shares with others."""
    return -1 - value % parts


def sheets(calls: Calls, parts: int) -> Iterator[Sheet]:
    """Make all sheets of a segment. The same calls in another order make the same sheets."""
    if not len(calls):
        return
    calls = _in_order(calls)
    if not parts:
        added = {(Kind.CELLS, by): _cells(calls, by, of_all=True) for by in (ALL, *FINE)}
        yield from _packed(ALL, 0, _single_calls(calls) | (added if len(calls) >= FEWEST_ADDED_UP else {}))
        return
    told = _told(calls)
    follows = told[0][1:]
    yield from _packed(ALL, 0, _totals(calls, ALL, follows) | ({(Kind.TOLD, KEY): told} if follows else {}))
    for dimension in (*SINGLE, TAG):
        if dimension != USER or USER not in follows:
            yield from _of_dimension(calls, dimension, parts, follows)


def _told(calls: Calls) -> _Table:
    """Give each key, and what it tells about all its calls."""
    codes = calls.codes[KEY]
    keys, first = np.unique(codes, return_index=True)
    place = np.searchsorted(keys, codes)
    of_keys = {number: calls.codes[number][first] for number in TOLD if calls.codes[number].any()}
    told = [number for number, values in of_keys.items() if np.array_equal(values[place], calls.codes[number])]
    return (KEY, *told), np.column_stack([keys, *(of_keys[number] for number in told)])


def _in_order(calls: Calls) -> Calls:
    """Sort by everything that a row holds, so that sheets do not depend on the order in which calls were read.

    Calls of the same caller come one after the other: what they have in common takes least room then.
    """
    by = [calls.codes[number] for number in (*_ALIKE, *(other for other in calls.codes if other not in _ALIKE))]
    columns = [*calls.measures.T, calls.ttft_bin, calls.latency_bin, calls.quarter, *reversed(by)]
    order = np.lexsort([_tags_in_order(calls), *columns])
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    tag_rows = place[calls.tag_rows]
    by_row = np.lexsort((calls.tag_codes, tag_rows))
    return Calls(
        calls.quarter[order],
        {number: codes[order] for number, codes in calls.codes.items()},
        tag_rows[by_row],
        calls.tag_codes[by_row],
        calls.measures[order],
        calls.measure_numbers,
        calls.latency_bin[order],
        calls.ttft_bin[order],
    )


def _tags_in_order(calls: Calls) -> Integers:
    """Give each row a number by its tags."""
    found = np.zeros(len(calls), np.uint64)
    mixed = calls.tag_codes.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    np.add.at(found, calls.tag_rows, mixed ^ (mixed >> np.uint64(29)))
    return found.view(np.int64)


def _of_dimension(calls: Calls, dimension: int, parts: int, follows: Collection[int]) -> Iterator[Sheet]:
    rows, codes = calls.members(dimension)
    order = np.lexsort((rows, codes))
    values, starts, counts = np.unique(codes[order], return_index=True, return_counts=True)
    by_value = np.split(rows[order], starts[1:])
    rare: dict[int, list[Integers]] = {}
    for value, members, count in zip(values.tolist(), by_value, counts.tolist(), strict=True):
        if count > MOST_SHARING:
            yield from _packed(dimension, value, _totals(calls.only(members), dimension, follows))
        else:
            rare.setdefault(part_of(value, parts), []).append(members)
    for part in sorted(rare):
        members = np.unique(np.concatenate(rare[part]))
        yield from _packed(dimension, part, _single_calls(calls.only(members)))


def _packed(dimension: int, value: int, sections: _Sections) -> Iterator[Sheet]:
    for (kind, other), (numbers, table) in sections.items():
        if len(table):
            yield dimension, value, section_number(kind, other), pack(numbers, table)


def _totals(calls: Calls, dimension: int, follows: Collection[int]) -> _Sections:
    """Split by time, and by each other dimension that does not follow."""
    sections = {(Kind.CELLS, ALL): _cells(calls, ALL), (Kind.FINE, ALL): _cells(calls, ALL, fine=True)}
    for other in (*SINGLE, TAG):
        is_near = dimension == KEY or (dimension != ALL and len(calls) <= MOST_TOLD)
        is_told = other in follows and (other == USER or is_near)
        if (other != dimension or other == TAG) and not is_told:
            sections[Kind.CELLS, other] = _cells(calls, other, of_all=dimension == ALL)
        if dimension == ALL and other in FINE:
            sections[Kind.FINE, other] = _cells(calls, other, of_all=True, fine=True)
    sections[Kind.LATENCY, ALL] = _histogram(calls.latency_bin, LATENCY_BIN)
    sections[Kind.TTFT, ALL] = _histogram(calls.ttft_bin, TTFT_BIN)
    return sections


def _cells(calls: Calls, dimension: int, *, of_all: bool = False, fine: bool = False) -> _Table:
    rows, codes = calls.members(dimension)
    if dimension in BOUNDED:
        codes = _bounded(codes, BOUNDED[dimension][0 if of_all else 1])
    # Both in one number, which is sorted faster than two.
    keys = codes - codes.min()
    width = int(keys.max()) + 1
    if fine:
        keys += (calls.quarter[rows] - calls.quarter.min()) * width
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    sums = np.add.reduceat(calls.measures[rows[order]], starts, axis=0)
    first = order[starts]
    columns = [*([calls.quarter[rows[first]]] if fine else []), *([codes[first]] if dimension != ALL else [])]
    numbers = (*([QUARTER] if fine else []), *([dimension] if dimension != ALL else []), *calls.measure_numbers)
    return numbers, np.column_stack([*columns, sums])


def _bounded(codes: Integers, most: int) -> Integers:
    """Keep the values with the most calls apart; of two with as many, the one that is known for longer."""
    values, counts = np.unique(codes, return_counts=True)
    if len(values) <= most:
        return codes
    kept = values[np.lexsort((values, -counts))[:most]]
    return np.where(np.isin(codes, kept), codes, OTHER)


def _histogram(bin_numbers: Integers, column: int) -> _Table:
    values, counts = np.unique(bin_numbers[bin_numbers != 0], return_counts=True)
    return (column, COUNT), np.column_stack([values, counts])


def _single_calls(calls: Calls) -> _Sections:
    columns = [calls.quarter, *calls.codes.values(), calls.latency_bin, calls.ttft_bin]
    numbers = (QUARTER, *calls.codes, LATENCY_BIN, TTFT_BIN, *calls.measure_numbers)
    pairs = np.column_stack([calls.tag_rows, calls.tag_codes])
    rows = np.column_stack([*columns, calls.measures])
    return {(Kind.CALLS, ALL): (numbers, rows), (Kind.PAIRS, ALL): ((ROW, TAG), pairs)}
