"""Pieces of segments in, what their sheets say to a question out; and the pieces whose sheets cannot say it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from usage_plugin.store.read.cells import Cells
from usage_plugin.store.read.plan import Buckets, Piece
from usage_plugin.store.read.wish import Chosen, Wish
from usage_plugin.store.sheets.codec import Integers, Kind, Section, section_number, unpack
from usage_plugin.store.sheets.columns import ALL, MEASURE_NUMBERS, OTHER, QUARTER, ROW, UNSET
from usage_plugin.store.sheets.fold import BOUNDED, FINE, TAG, part_of
from usage_plugin.store.tables import UsageSheet, table_of

Contents = Mapping[tuple[tuple[int, int], int, int], bytes]
"""Sections by the piece's key, value and number of the section."""

_SHEET = table_of(UsageSheet).c
_MEASURES: Final = frozenset(MEASURE_NUMBERS.values())
# That a value has a sheet of its own is seen by this section, which each of those has.
TOTAL: Final = section_number(Kind.CELLS, ALL)
_CALLS, _PAIRS = section_number(Kind.CALLS, ALL), section_number(Kind.PAIRS, ALL)


def read_sheets(
    connection: Connection, pieces: Sequence[Piece], wish: Wish, buckets: Buckets
) -> tuple[Cells, list[Piece]]:
    """Read totals.

    Args:
        connection: Sees one moment.
        pieces: In order.
        wish: What of them.
        buckets: Of the question.

    Returns:
        What was found, and the pieces that have to be read from the calls.
    """
    kept, left = list[Cells](), list[Piece]()
    contents = fetch(connection, pieces, wish, _sections_of(wish, pieces))
    for piece in pieces:
        found = _cells_of(piece, contents, wish, buckets)
        if found is None:
            left.append(piece)
        else:
            kept.extend(found)
    return Cells.joined(kept), left


def fetch(connection: Connection, pieces: Sequence[Piece], wish: Wish, sections: Collection[int]) -> Contents:
    """Read the sections that a wish may need: of the sheets of its values, and of small segments' only sheet."""
    if not pieces:
        return {}
    found: dict[tuple[tuple[int, int], int, int], bytes] = {}
    parts = sorted({piece.segment.parts for piece in pieces} - {0})
    for level in sorted({piece.level for piece in pieces}):
        here = [piece for piece in pieces if piece.level == level]
        place = (level, here[0].segment.start, here[-1].segment.start)
        if any(is_small(piece) for piece in here) or wish.first == ALL:
            wanted = sections if wish.first == ALL else {_CALLS, _PAIRS} & {*sections}
            found |= _fetch(connection, ALL, (0,), wanted, place)
        if wish.first != ALL and not all(is_small(piece) for piece in here):
            values = {*wish.values, *(part_of(value, count) for value in wish.values for count in parts)}
            found |= _fetch(connection, wish.first, values, sections, place)
    return found


def calls_of(
    piece: Piece, contents: Contents, wish: Wish, measures: Collection[int]
) -> Iterator[tuple[Section, Integers, Section | None]]:
    """Give the single calls of a piece that a wish chooses: the columns, the rows, and their tags where they matter."""
    wanted = {*measures, *wish.chosen, wish.by, QUARTER}
    for place in _shared_sheets(piece, contents, wish):
        content = contents.get((piece.key, place, _CALLS))
        if content is None:
            continue
        calls, tags = unpack(content, wanted), _unpacked(contents.get((piece.key, place, _PAIRS)))
        yield calls, _chosen_rows(calls, tags, wish.chosen, piece), tags


def _shared_sheets(piece: Piece, contents: Contents, wish: Wish) -> list[int]:
    """Name the sheets that rare values share; one with a sheet of its own may be there too, as a call's other tag."""
    if is_small(piece):
        return [0]
    heavy = heavy_values(piece, contents, wish)
    rare = {part_of(value, piece.segment.parts) for value in wish.values if value not in heavy}
    return [] if wish.first == ALL else sorted(rare)


def heavy_values(piece: Piece, contents: Contents, wish: Wish) -> list[int]:
    """Give the values that have sheets of their own in a piece."""
    if is_small(piece):
        return []
    return [value for value in wish.values if wish.first == ALL or (piece.key, value, TOTAL) in contents]


def column(section: Section, number: int) -> Integers:
    """Give a column, also where it is all zero."""
    found = section.columns.get(number)
    return np.zeros(section.rows, np.int64) if found is None else found


def is_small(piece: Piece) -> bool:
    """Say whether a piece has one sheet only, which holds its calls."""
    return not piece.segment.parts


def _sections_of(wish: Wish, pieces: Sequence[Piece]) -> set[int]:
    by = wish.cells_by
    singles = {_CALLS, _PAIRS} if wish.needs_tags else {_CALLS}
    wanted = singles if wish.first != ALL or any(map(is_small, pieces)) else set()
    wanted.add(TOTAL)
    if by is not None:
        wanted.add(section_number(Kind.CELLS, by))
        if any(piece.bucket is None for piece in pieces):
            wanted.add(section_number(Kind.FINE, by))
    return wanted


def _fetch(
    connection: Connection,
    dimension: int,
    values: Iterable[int],
    sections: Iterable[int],
    place: tuple[int, int, int],
) -> dict[tuple[tuple[int, int], int, int], bytes]:
    level, first, last = place
    query = select(_SHEET.start_quarter, _SHEET.value, _SHEET.section, _SHEET.content).where(
        _SHEET.dimension == dimension,
        _SHEET.value.in_(sorted(values)),
        _SHEET.section.in_(sorted(sections)),
        _SHEET.level == level,
        _SHEET.start_quarter.between(first, last),
    )
    rows = connection.execute(query)
    return {((level, start), value, section): content for start, value, section, content in rows}


def _cells_of(piece: Piece, contents: Contents, wish: Wish, buckets: Buckets) -> list[Cells] | None:
    """Give what a piece says, or ``None`` where it cannot tell."""
    if wish.overlaps and not is_small(piece):
        return None
    totals = _totals_of(piece, contents, wish, buckets)
    if totals is None:
        return None
    for calls, rows, tags in calls_of(piece, contents, wish, _MEASURES):
        each, members = _members(calls, rows, tags, wish.by)
        columns = {number: values[each] for number, values in calls.columns.items() if number in _MEASURES}
        totals.append(Cells(_places(piece, buckets, column(calls, QUARTER)[each]), members, columns))
    return totals


def _totals_of(piece: Piece, contents: Contents, wish: Wish, buckets: Buckets) -> list[Cells] | None:
    by, kind = wish.cells_by, Kind.FINE if piece.bucket is None else Kind.CELLS
    heavy = heavy_values(piece, contents, wish)
    if not heavy:
        return []
    if by is None or (kind is Kind.FINE and by != ALL and (wish.first != ALL or by not in FINE)):
        return None
    found = list[Cells]()
    for value in heavy:
        section = _unpacked(contents.get((piece.key, value, section_number(kind, by))))
        cells = None if section is None else _of_section(piece, section, value, wish, buckets)
        if cells is None:
            return None
        found.append(cells)
    return found


def _of_section(piece: Piece, section: Section, value: int, wish: Wish, buckets: Buckets) -> Cells | None:
    rows = np.arange(section.rows)
    quarters = column(section, QUARTER)
    if piece.bucket is None:
        rows = rows[(quarters >= piece.start) & (quarters < piece.end)]
    for number, values in wish.others.items():
        codes = column(section, number)
        if number in BOUNDED and OTHER in codes and not set(values) <= set(codes.tolist()):
            return None
        rows = rows[_is_one_of(codes[rows], values)]
    members = np.full(len(rows), value if wish.by else 0) if wish.by in (ALL, wish.first) and wish.by != TAG else None
    codes = column(section, wish.by)[rows] if members is None else members
    columns = {number: values[rows] for number, values in section.columns.items() if number in _MEASURES}
    return Cells(_places(piece, buckets, quarters[rows]), codes, columns)


def _places(piece: Piece, buckets: Buckets, quarters: Integers) -> Integers:
    return buckets.places(quarters) if piece.bucket is None else np.full(len(quarters), piece.bucket, np.int64)


def _chosen_rows(calls: Section, tags: Section | None, chosen: Chosen, piece: Piece) -> Integers:
    matching = np.ones(calls.rows, np.bool_)
    if piece.bucket is None:
        quarters = column(calls, QUARTER)
        matching = (quarters >= piece.start) & (quarters < piece.end)
    for number, values in chosen.items():
        matching &= _tagged(calls, tags, values) if number == TAG else _is_one_of(column(calls, number), values)
    return np.flatnonzero(matching)


def _is_one_of(codes: Integers, values: tuple[int, ...]) -> NDArray[np.bool_]:
    return codes == values[0] if len(values) == 1 else np.isin(codes, values)


def _tagged(calls: Section, tags: Section | None, values: tuple[int, ...]) -> NDArray[np.bool_]:
    rows, codes = (column(tags, ROW), column(tags, TAG)) if tags else (np.zeros(0, np.int64), np.zeros(0, np.int64))
    found = np.zeros(calls.rows, np.bool_)
    found[rows[np.isin(codes, values)]] = True
    if UNSET in values:
        without = np.ones(calls.rows, np.bool_)
        without[rows] = False
        found |= without
    return found


def _members(calls: Section, rows: Integers, tags: Section | None, by: int) -> tuple[Integers, Integers]:
    """Give rows with their members; a call with several tags is there once for each."""
    if by == ALL:
        return rows, np.zeros(len(rows), np.int64)
    if by != TAG:
        return rows, column(calls, by)[rows]
    of_rows, codes = (column(tags, ROW), column(tags, TAG)) if tags else (np.zeros(0, np.int64), np.zeros(0, np.int64))
    mine = np.isin(of_rows, rows)
    without = np.setdiff1d(rows, of_rows[mine])
    members = np.concatenate((codes[mine], np.full(len(without), UNSET, np.int64)))
    return np.concatenate((of_rows[mine], without)), members


def _unpacked(content: bytes | None) -> Section | None:
    return None if content is None else unpack(content)
