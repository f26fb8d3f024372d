"""What keys tell in, the answers that follow from it out: sheets leave out what is known by whose a key is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from sqlalchemy import Connection

from usage_plugin.store.read.contents import TOLD_BY_KEY, Contents, column, fetch_told, is_one_of, unpacked
from usage_plugin.store.read.plan import Piece
from usage_plugin.store.read.wish import Wish
from usage_plugin.store.sheets.codec import Kind, Section, section_number, unpack
from usage_plugin.store.sheets.columns import ALL
from usage_plugin.store.sheets.fold import KEY, USER

Place = tuple[int, int]
"""A piece's key."""


def by_keys(connection: Connection, pieces: Sequence[Piece], wish: Wish) -> Iterator[tuple[Wish, Sequence[Piece]]]:
    """Ask for the keys of users in those segments that tell whose they are: these have no sheets of users.

    Args:
        connection: Sees one moment.
        pieces: In order.
        wish: Of all pieces.

    Yields:
        The wish to ask of some of the pieces, and those.
    """
    if wish.first != USER:
        yield wish, pieces
        return
    told = {key: section for key, section in fetch_told(connection, pieces).items() if USER in section.columns}
    keys_of = _keys_of(told, wish.values)
    for keys in dict.fromkeys(keys_of.get(piece.key) for piece in pieces):
        some = [piece for piece in pieces if keys_of.get(piece.key) == keys]
        yield wish if keys is None else Wish({**wish.others, KEY: tuple(sorted(keys))}, wish.by, wish.measures), some


def _keys_of(told: Mapping[Place, Section], users: tuple[int, ...]) -> dict[Place, frozenset[int]]:
    """Give users' keys in each segment: all that they have in any, unless one of those is another user's in it."""
    is_theirs = {place: is_one_of(column(section, USER), users) for place, section in told.items()}
    theirs = {place: frozenset(column(told[place], KEY)[mine].tolist()) for place, mine in is_theirs.items()}
    everywhere = frozenset[int]().union(*theirs.values())
    return {
        place: mine if np.isin(column(told[place], KEY)[~is_theirs[place]], list(everywhere)).any() else everywhere
        for place, mine in theirs.items()
    }


def that_follows(piece: Piece, contents: Contents, wish: Wish, value: int, kind: Kind) -> Section | None:
    """Work out from totals by key what they are by something that a key tells; ``None`` where it does not.

    Args:
        piece: With a sheet of the value.
        contents: What was fetched.
        wish: What is asked.
        value: Of the wish's first filter.
        kind: Of the section that is not there.
    """
    by, told = wish.cells_by, unpacked(contents.get((piece.key, 0, TOLD_BY_KEY)))
    if by is None or told is None or by not in told.columns or (kind is Kind.FINE and wish.first != KEY):
        return None
    content = contents.get((piece.key, value, section_number(kind, ALL if wish.first == KEY else KEY)))
    if content is None:
        return None
    section = unpack(content, wish.wanted)
    keys = np.full(section.rows, value) if wish.first == KEY else column(section, KEY)
    codes = column(told, by)[np.searchsorted(column(told, KEY), keys)]
    return Section(section.rows, {**section.columns, by: codes})
