"""A section's columns of integers in, bytes out, and back: a reader unpacks only the columns that it asks for.

A section is the number of its rows and of its columns, a directory of the columns, then the columns. A column is left
out where it is all zero, is one number where it is constant, and otherwise is an array of the narrowest integers that
hold it: first the lowest bytes of all of them, then the next ones, since high bytes are much alike. The columns of a
small section are compressed together, those of a large one each by itself, by zlib. All numbers are little-endian.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
_LEVEL = 6
# So many bytes are read as fast at once as column by column, and take less room.
_TOGETHER = 65_536
_CONSTANT, _COMPRESSED, _BY_BYTE, _AS_ONE = 0x10, 0x20, 0x40, 0x8000
# What does not become that much smaller is read faster as it is.
_WORTH_IT = 0.8
_NARROW = tuple(np.dtype(name) for name in ("<u1", "<i1", "<u2", "<i2", "<u4", "<i4", "<i8"))
_RANGES = tuple((int(np.iinfo(kind).min), int(np.iinfo(kind).max)) for kind in _NARROW)
_HEAD = Struct("<IH")
_ENTRY = Struct("<BBI")


class Kind(IntEnum):
    """What the rows of a section are."""

    CELLS = 0
    """Totals by a dimension."""
    FINE = 1
    """Totals by quarter of an hour and a dimension."""
    CALLS = 2
    """A row per call, with all its dimensions."""
    PAIRS = 3
    """Which row of the calls has which tag."""
    LATENCY = 4
    """Calls by latency."""
    TTFT = 5
    """Calls by time to first token."""
    BUNDLE = 6
    """Several sections in one, see `bundle`."""
    TOLD = 7
    """What the value of one dimension tells about others: a row for each."""


@dataclass(frozen=True, slots=True)
class Section:
    """Columns of one length, by their numbers; a column that is missing is all zero."""

    rows: int
    columns: Mapping[int, Integers]


def section_number(kind: Kind, dimension: int) -> int:
    """Give the number under which a section is kept."""
    return kind << 8 | dimension


def pack(numbers: Sequence[int], table: Integers) -> bytes:
    """Write a section.

    Args:
        numbers: Of the columns.
        table: A row per row, a column per number; at least one row.
    """
    packed = list(_narrowed(numbers, table))
    together = sum(len(body) for _, _, body in packed) <= _TOGETHER
    if not together:
        packed = [(number, *_compressed(kind, body)) for number, kind, body in packed]
    directory = b"".join(_ENTRY.pack(number, kind, len(body)) for number, kind, body in packed)
    whole = b"".join((directory, *(body for _, _, body in packed)))
    if together:
        return _HEAD.pack(len(table), len(packed) | _AS_ONE) + zlib.compress(whole, _LEVEL)
    return _HEAD.pack(len(table), len(packed)) + whole


def unpack(content: bytes, wanted: Collection[int] | None = None) -> Section:
    """Read a section, and of it the wanted columns.

    Args:
        content: As `pack` wrote it.
        wanted: Numbers of columns; ``None`` for all.
    """
    packed = Packed(content)
    numbers = packed.numbers if wanted is None else [number for number in packed.numbers if number in wanted]
    return Section(packed.rows, {number: packed.column(number) for number in numbers})


class Packed:
    """A section whose columns are read when they are asked for, of all rows or of some.

    Args:
        content: As `pack` wrote it.
    """

    __slots__ = ("_columns", "rows")

    def __init__(self, content: bytes) -> None:
        self.rows, columns = _HEAD.unpack_from(content)
        body = memoryview(content)[_HEAD.size :]
        if columns & _AS_ONE:
            columns ^= _AS_ONE
            body = memoryview(zlib.decompress(body))
        self._columns: dict[int, tuple[int, memoryview]] = {}
        at = columns * _ENTRY.size
        for number, kind, length in _ENTRY.iter_unpack(body[:at]):
            self._columns[number] = kind, body[at : at + length]
            at += length

    @property
    def numbers(self) -> Collection[int]:
        """The columns that are not all zero."""
        return self._columns.keys()

    def column(self, number: int, only: Integers | None = None) -> Integers:
        """Read a column, also where it is all zero.

        Args:
            number: Of the column.
            only: Numbers of rows, also repeated; ``None`` for all.
        """
        found = self._columns.get(number)
        if found is None:
            return np.zeros(self.rows if only is None else len(only), np.int64)
        return _read_column(*found, self.rows, only)


def _narrowed(numbers: Sequence[int], table: Integers) -> Iterator[tuple[int, int, bytes]]:
    """Give each column that is not all zero in the narrowest integers."""
    lows, highs = table.min(axis=0).tolist(), table.max(axis=0).tolist()
    for place, (number, low, high) in enumerate(zip(numbers, lows, highs, strict=True)):
        if low == high == 0:
            continue
        narrow = next(at for at, (least, most) in enumerate(_RANGES) if least <= low and high <= most)
        if low == high:
            yield number, narrow | _CONSTANT, table[:1, place].astype(_NARROW[narrow]).tobytes()
        else:
            yield number, narrow | _BY_BYTE, _by_byte(table[:, place].astype(_NARROW[narrow]))


def _by_byte(values: NDArray[Any]) -> bytes:
    return values.view(np.uint8).reshape(len(values), -1).T.tobytes()


def _compressed(kind: int, body: bytes) -> tuple[int, bytes]:
    smaller = zlib.compress(body, _LEVEL)
    return (kind | _COMPRESSED, smaller) if len(smaller) < _WORTH_IT * len(body) else (kind, body)


def _read_column(kind: int, body: memoryview, rows: int, only: Integers | None) -> Integers:
    narrow = _NARROW[kind & 0x0F]
    if kind & _CONSTANT:
        return np.full(rows if only is None else len(only), np.frombuffer(body, narrow, 1)[0], np.int64)
    whole = zlib.decompress(body) if kind & _COMPRESSED else body
    if kind & _BY_BYTE and narrow.itemsize > 1:
        by_byte = np.frombuffer(whole, np.uint8).reshape(narrow.itemsize, rows)
        chosen = by_byte if only is None else by_byte[:, only]
        return np.frombuffer(chosen.T.tobytes(), narrow).astype(np.int64)
    values = np.frombuffer(whole, narrow, rows)
    return (values if only is None else values[only]).astype(np.int64)
