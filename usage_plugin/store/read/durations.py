"""Pieces of segments in, how many of their calls took how long out; and the pieces whose sheets cannot say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from sqlalchemy import Connection

from usage_plugin.store.read.contents import TOTAL, Contents, column, fetch, heavy_values, is_small
from usage_plugin.store.read.plan import Buckets, Piece
from usage_plugin.store.read.sheets import calls_of
from usage_plugin.store.read.told import by_keys
from usage_plugin.store.read.wish import Wish
from usage_plugin.store.sheets.codec import Integers, Kind, section_number, unpack
from usage_plugin.store.sheets.columns import ALL, COUNT, LATENCY_BIN, QUARTER, TTFT_BIN

Histogram = tuple[Integers, Integers, Integers]
"""Bucket, bin, number of calls."""
_KINDS: Final[Mapping[str, tuple[Kind, int]]] = {
    "latency_ms": (Kind.LATENCY, LATENCY_BIN),
    "ttft_ms": (Kind.TTFT, TTFT_BIN),
}


def read_histograms(
    connection: Connection, pieces: Sequence[Piece], wish: Wish, buckets: Buckets, duration: str
) -> tuple[Histogram, list[Piece]]:
    """Read how long calls took.

    Args:
        connection: Sees one moment.
        pieces: In order.
        wish: Which calls.
        buckets: Of the question.
        duration: Column of ``usage_record``.
    """
    kind, _ = _KINDS[duration]
    singles = {Kind.CALLS, Kind.PAIRS} if wish.needs_tags else {Kind.CALLS}
    wanted = {TOTAL, *(section_number(each, ALL) for each in (kind, *singles))}
    kept, left = list[Histogram](), list[Piece]()
    for each, some in by_keys(connection, pieces, wish):
        contents = fetch(connection, some, each, wanted)
        for piece in some:
            found = _of_piece(piece, contents, each, buckets, duration)
            if found is None:
                left.append(piece)
            else:
                kept.extend(found)
    return _joined(kept), left


def _of_piece(piece: Piece, contents: Contents, wish: Wish, buckets: Buckets, duration: str) -> list[Histogram] | None:
    """Give what a piece says, or ``None`` where it cannot tell."""
    kind, number = _KINDS[duration]
    heavy, found = heavy_values(piece, contents, wish), list[Histogram]()
    if (wish.overlaps and not is_small(piece)) or (heavy and (piece.bucket is None or wish.others)):
        return None
    for value in heavy:
        content = contents.get((piece.key, value, section_number(kind, ALL)))
        if content is not None and piece.bucket is not None:
            section = unpack(content)
            place = np.full(section.rows, piece.bucket, np.int64)
            found.append((place, column(section, number), column(section, COUNT)))
    return [*found, *_of_calls(piece, contents, wish, buckets, number)]


def _of_calls(piece: Piece, contents: Contents, wish: Wish, buckets: Buckets, number: int) -> list[Histogram]:
    found = list[Histogram]()
    for calls, rows, _ in calls_of(piece, contents, wish):
        bins = calls.column(number, rows)
        places = buckets.places(calls.column(QUARTER, rows))
        timed = bins != 0
        found.append((places[timed], bins[timed], np.ones(int(timed.sum()), np.int64)))
    return found


def _joined(parts: Sequence[Histogram]) -> Histogram:
    if not parts:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing
    places, bins, counts = (np.concatenate(each) for each in zip(*parts, strict=True))
    return places, bins, counts
