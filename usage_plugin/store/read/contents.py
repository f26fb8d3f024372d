"""Pieces of segments and a wish in, the stored sections that may be needed out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from usage_plugin.store.database import IN_BINARY
from usage_plugin.store.read.plan import Piece
from usage_plugin.store.read.wish import Wish
from usage_plugin.store.sheets.bundle import BUNDLE, sections_in
from usage_plugin.store.sheets.codec import Integers, Kind, Section, section_number, unpack
from usage_plugin.store.sheets.columns import ALL
from usage_plugin.store.sheets.fold import KEY, part_of
from usage_plugin.store.tables import UsageSheet, table_of

Contents = Mapping[tuple[tuple[int, int], int, int], bytes]
"""Sections by the piece's key, value and number of the section."""

_SHEET = table_of(UsageSheet).c
# That a value has a sheet of its own is seen by this section, which each of those has.
TOTAL: Final = section_number(Kind.CELLS, ALL)
CALLS, PAIRS = section_number(Kind.CALLS, ALL), section_number(Kind.PAIRS, ALL)
TOLD_BY_KEY: Final = section_number(Kind.TOLD, KEY)
# A statement of SQLite's takes 32,766 values, one of PostgreSQL's 65,535; all keys of users without a name may be more.
_MOST_VALUES: Final = 10_000


def fetch(connection: Connection, pieces: Sequence[Piece], wish: Wish, sections: Collection[int]) -> Contents:
    """Read the sections that a wish may need: of the sheets of its values, and of small segments' only sheet."""
    if not pieces:
        return {}
    found: dict[tuple[tuple[int, int], int, int], bytes] = {}
    parts = sorted({piece.segment.parts for piece in pieces} - {0})
    for level in sorted({piece.level for piece in pieces}):
        here = [piece for piece in pieces if piece.level == level]
        place = (level, here[0].segment.start, here[-1].segment.start)
        of_all = set(sections) if wish.first == ALL else set[int]()
        if any(is_small(piece) for piece in here):
            of_all |= {CALLS, PAIRS} & {*sections}
        if of_all:
            found |= _fetch(connection, ALL, (0,), of_all, place)
        if wish.first != ALL and not all(is_small(piece) for piece in here):
            values = {*wish.values, *(part_of(value, count) for value in wish.values for count in parts)}
            found |= _fetch(connection, wish.first, values, sections, place)
    return found


def fetch_told(connection: Connection, pieces: Sequence[Piece]) -> dict[tuple[int, int], Section]:
    """Read what keys tell, by the piece's key; of segments in which they tell nothing there is none."""
    found: dict[tuple[int, int], Section] = {}
    for level in sorted({piece.level for piece in pieces}):
        here = [piece for piece in pieces if piece.level == level]
        place = (level, here[0].segment.start, here[-1].segment.start)
        contents = _fetch(connection, ALL, (0,), (TOLD_BY_KEY,), place)
        found |= {key: unpack(body) for (key, _, _), body in contents.items()}
    return found


def heavy_values(piece: Piece, contents: Contents, wish: Wish) -> list[int]:
    """Give the values that have sheets of their own in a piece."""
    if is_small(piece):
        return []
    return [value for value in wish.values if wish.first == ALL or (piece.key, value, TOTAL) in contents]


def is_small(piece: Piece) -> bool:
    """Say whether a piece has one sheet only, which holds its calls."""
    return not piece.segment.parts


def column(section: Section, number: int) -> Integers:
    """Give a column, also where it is all zero."""
    found = section.columns.get(number)
    return np.zeros(section.rows, np.int64) if found is None else found


def is_one_of(codes: Integers, values: tuple[int, ...]) -> NDArray[np.bool_]:
    """Tell which codes are among some."""
    return codes == values[0] if len(values) == 1 else np.isin(codes, values)


def unpacked(content: bytes | None, wanted: Collection[int] | None = None) -> Section | None:
    """Read a section where there is one: the wanted columns, or all."""
    return None if content is None else unpack(content, wanted)


def _fetch(
    connection: Connection,
    dimension: int,
    values: Iterable[int],
    sections: Iterable[int],
    place: tuple[int, int, int],
) -> dict[tuple[tuple[int, int], int, int], bytes]:
    found, every = dict[tuple[tuple[int, int], int, int], bytes](), sorted(values)
    for at in range(0, len(every), _MOST_VALUES):
        found |= _fetch_some(connection, dimension, every[at : at + _MOST_VALUES], {*sections}, place)
    return found


def _fetch_some(
    connection: Connection, dimension: int, values: Sequence[int], wanted: Collection[int], place: tuple[int, int, int]
) -> dict[tuple[tuple[int, int], int, int], bytes]:
    level, first, last = place
    query = select(_SHEET.start_quarter, _SHEET.value, _SHEET.section, _SHEET.content).where(
        _SHEET.dimension == dimension,
        _SHEET.value.in_(values),
        _SHEET.section.in_([*sorted(wanted), BUNDLE]),
        _SHEET.level == level,
        _SHEET.start_quarter.between(first, last),
    )
    rows = connection.execute(query, execution_options={IN_BINARY: True})
    return {
        ((level, start), value, number): body
        for start, value, section, content in rows
        for number, body in sections_in(section, content)
        if number in wanted
    }
