"""Pieces of segments in, what their sheets say to a question out; and the pieces whose sheets cannot say it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from usage_plugin.store.read.cells import Cells
from usage_plugin.store.read.contents import (
    CALLS,
    PAIRS,
    TOTAL,
    Contents,
    column,
    fetch,
    heavy_values,
    is_one_of,
    is_small,
    unpacked,
)
from usage_plugin.store.read.plan import Buckets, Piece
from usage_plugin.store.read.told import by_keys, that_follows, told_of
from usage_plugin.store.read.wish import Chosen, Wish
from usage_plugin.store.sheets.codec import Integers, Kind, Packed, Section, section_number
from usage_plugin.store.sheets.columns import ALL, OTHER, QUARTER, ROW, UNSET
from usage_plugin.store.sheets.fold import BOUNDED, FINE, KEY, TAG, TOLD, USER, part_of


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
    for each, some in by_keys(connection, pieces, wish):
        contents = fetch(connection, some, each, _sections_of(each, some))
        told = told_of(connection, some) if _may_follow(each) else {}
        for piece in some:
            found = _cells_of(piece, contents, each, buckets, told.get(piece.key))
            if found is None:
                left.append(piece)
            else:
                kept.extend(found)
    return Cells.joined(kept), left


def calls_of(piece: Piece, contents: Contents, wish: Wish) -> Iterator[tuple[Packed, Integers, Section | None]]:
    """Give the single calls of a piece that a wish chooses: all calls, the rows, and their tags where they matter."""
    for place in _shared_sheets(piece, contents, wish):
        content = contents.get((piece.key, place, CALLS))
        if content is None:
            continue
        calls, tags = Packed(content), unpacked(contents.get((piece.key, place, PAIRS)))
        rows = _chosen_rows(calls, tags, wish.chosen, piece)
        if len(rows):
            yield calls, rows, tags


def _shared_sheets(piece: Piece, contents: Contents, wish: Wish) -> list[int]:
    """Name the sheets that rare values share; one with a sheet of its own may be there too, as a call's other tag."""
    if is_small(piece):
        return [0]
    heavy = heavy_values(piece, contents, wish)
    rare = {part_of(value, piece.segment.parts) for value in wish.values if value not in heavy}
    return [] if wish.first == ALL else sorted(rare)


def _sections_of(wish: Wish, pieces: Sequence[Piece]) -> set[int]:
    by = wish.cells_by
    singles = {CALLS, PAIRS} if wish.needs_tags else {CALLS}
    wanted = {TOTAL, *(singles if wish.first != ALL or any(map(is_small, pieces)) else ())}
    if by is not None:
        wanted.add(section_number(Kind.CELLS, by))
        if _may_follow(wish):
            wanted.add(section_number(Kind.CELLS, KEY))
        if any(piece.bucket is None for piece in pieces):
            wanted |= {section_number(Kind.FINE, by), section_number(Kind.FINE, ALL)}
    return wanted


def _may_follow(wish: Wish) -> bool:
    """Say whether keys may tell what is asked for."""
    return wish.cells_by in TOLD and (wish.first != ALL or wish.cells_by == USER)


def _is_added_up(piece: Piece, contents: Contents, wish: Wish) -> bool:
    """Tell whether a piece with one sheet has the totals that are asked for beside its calls."""
    is_there = (piece.key, 0, section_number(Kind.CELLS, wish.by)) in contents
    return is_there and is_small(piece) and wish.first == ALL and piece.bucket is not None


def _cells_of(
    piece: Piece, contents: Contents, wish: Wish, buckets: Buckets, told: Section | None
) -> list[Cells] | None:
    """Give what a piece says, or ``None`` where it cannot tell."""
    if wish.overlaps and not is_small(piece):
        return None
    totals = _totals_of(piece, contents, wish, buckets, told)
    if totals is None:
        return None
    if totals and is_small(piece):
        return totals
    for calls, rows, tags in calls_of(piece, contents, wish):
        each, members = _members(calls, rows, tags, wish.by)
        columns = {number: calls.column(number, each) for number in wish.measures.intersection(calls.numbers)}
        totals.append(Cells(_places(piece, buckets, calls.column(QUARTER, each)), members, columns))
    return totals


def _totals_of(
    piece: Piece, contents: Contents, wish: Wish, buckets: Buckets, told: Section | None
) -> list[Cells] | None:
    by, kind = wish.cells_by, Kind.FINE if piece.bucket is None else Kind.CELLS
    heavy = [0] if _is_added_up(piece, contents, wish) else heavy_values(piece, contents, wish)
    if not heavy:
        return []
    is_told = wish.first == KEY and by in TOLD
    if by is None or (kind is Kind.FINE and by != ALL and not is_told and (wish.first != ALL or by not in FINE)):
        return None
    found = list[Cells]()
    for value in heavy:
        section = unpacked(contents.get((piece.key, value, section_number(kind, by))), wish.wanted)
        if section is None:
            section = that_follows(piece, contents, wish, (value, kind), told)
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
        rows = rows[is_one_of(codes[rows], values)]
    members = np.full(len(rows), value if wish.by else 0) if wish.by in (ALL, wish.first) and wish.by != TAG else None
    codes = column(section, wish.by)[rows] if members is None else members
    columns = {number: values[rows] for number, values in section.columns.items() if number in wish.measures}
    return Cells(_places(piece, buckets, quarters[rows]), codes, columns)


def _places(piece: Piece, buckets: Buckets, quarters: Integers) -> Integers:
    return buckets.places(quarters) if piece.bucket is None else np.full(len(quarters), piece.bucket, np.int64)


def _chosen_rows(calls: Packed, tags: Section | None, chosen: Chosen, piece: Piece) -> Integers:
    matching = np.ones(calls.rows, np.bool_)
    if piece.bucket is None:
        quarters = calls.column(QUARTER)
        matching = (quarters >= piece.start) & (quarters < piece.end)
    for number, values in chosen.items():
        matching &= _tagged(calls, tags, values) if number == TAG else is_one_of(calls.column(number), values)
    return np.flatnonzero(matching)


def _tagged(calls: Packed, tags: Section | None, values: tuple[int, ...]) -> NDArray[np.bool_]:
    rows, codes = (column(tags, ROW), column(tags, TAG)) if tags else (np.zeros(0, np.int64), np.zeros(0, np.int64))
    found = np.zeros(calls.rows, np.bool_)
    found[rows[np.isin(codes, values)]] = True
    if UNSET in values:
        without = np.ones(calls.rows, np.bool_)
        without[rows] = False
        found |= without
    return found


def _members(calls: Packed, rows: Integers, tags: Section | None, by: int) -> tuple[Integers, Integers]:
    """Give rows with their members; a call with several tags is there once for each."""
    if by == ALL:
        return rows, np.zeros(len(rows), np.int64)
    if by != TAG:
        return rows, calls.column(by, rows)
    of_rows, codes = (column(tags, ROW), column(tags, TAG)) if tags else (np.zeros(0, np.int64), np.zeros(0, np.int64))
    mine = np.isin(of_rows, rows)
    without = np.setdiff1d(rows, of_rows[mine])
    members = np.concatenate((codes[mine], np.full(len(without), UNSET, np.int64)))
    return np.concatenate((of_rows[mine], without)), members
