"""What keys tell in, the answers that follow from it out: sheets leave out what is known by whose a key is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy import Connection, Engine, Pool

from usage_plugin.store.read.contents import Contents, column, fetch_told, is_one_of
from usage_plugin.store.read.plan import Piece
from usage_plugin.store.read.wish import Wish
from usage_plugin.store.sheets.codec import Kind, Section, section_number, unpack
from usage_plugin.store.sheets.columns import ALL
from usage_plugin.store.sheets.fold import KEY, USER

Place = tuple[int, int]
"""A piece's key."""
Told = Mapping[Place, Section]
"""What keys tell, of those pieces in which they tell anything."""

# A segment's is 20 to 160 kB in memory, and 90 days of them are asked for again and again.
_REMEMBERED: Final = 400
_NOTHING: Final = Section(0, {})
# By the pool of connections, which all engines of a database share that differ in options only.
_memories: WeakKeyDictionary[Pool, _Memory] = WeakKeyDictionary()


class _Memory:
    """What was read of one database: of a segment that is made again there is another moment."""

    def __init__(self) -> None:
        self._lock, self._found = Lock(), OrderedDict[tuple[Place, datetime], Section]()

    def get(self, piece: Piece) -> Section | None:
        with self._lock:
            key = piece.key, piece.segment.built_at
            if key in self._found:
                self._found.move_to_end(key)
            return self._found.get(key)

    def put(self, piece: Piece, section: Section) -> None:
        with self._lock:
            self._found[piece.key, piece.segment.built_at] = section
            while len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)


def told_of(connection: Connection, pieces: Sequence[Piece]) -> Told:
    """Give what keys tell in pieces, from memory where it was read before.

    Args:
        connection: Sees one moment.
        pieces: In order.
    """
    memory = _memories.setdefault(connection.engine.pool, _Memory())
    found = {piece.key: memory.get(piece) for piece in pieces}
    unknown = [piece for piece in pieces if found[piece.key] is None]
    fetched = fetch_told(connection, unknown)
    for piece in unknown:
        section = found[piece.key] = fetched.get(piece.key, _NOTHING)
        memory.put(piece, section)
    return {key: section for key, section in found.items() if section is not None and section.rows}


def forget_told(engine: Engine) -> None:
    """Read what keys tell anew from now on: for whoever wants to know what is stored, not what was."""
    _memories.pop(engine.pool, None)


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
    told = {key: section for key, section in told_of(connection, pieces).items() if USER in section.columns}
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


def that_follows(
    piece: Piece, contents: Contents, wish: Wish, asked: tuple[int, Kind], told: Section | None
) -> Section | None:
    """Work out from totals by key what they are by something that a key tells; ``None`` where it does not.

    Args:
        piece: With a sheet of the value.
        contents: What was fetched.
        wish: What is asked.
        asked: Value of the wish's first filter, and the kind of the section that is not there.
        told: What keys tell in the piece.
    """
    by, (value, kind) = wish.cells_by, asked
    if by is None or told is None or by not in told.columns or (kind is Kind.FINE and wish.first != KEY):
        return None
    content = contents.get((piece.key, value, section_number(kind, ALL if wish.first == KEY else KEY)))
    if content is None:
        return None
    section = unpack(content, wish.wanted)
    keys = np.full(section.rows, value) if wish.first == KEY else column(section, KEY)
    codes = column(told, by)[np.searchsorted(column(told, KEY), keys)]
    return Section(section.rows, {**section.columns, by: codes})
