"""What detectors remember of series: read from the store, joined by new ones, stepped, and written back."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import orjson
from sqlalchemy import Engine

from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.analysis.memory import Profile, State, begin, leaf_sizes, of_leaves, unpack
from usage_plugin.detect.series import WATCHES, Metric, Scope, Series
from usage_plugin.store.analysis_tables import SeriesState
from usage_plugin.store.read import Granularity
from usage_plugin.store.series_states import stored_states

PIECE: Final = 16
"""Arrays of a state that are stored together. A step changes few of them, and only pieces with such are written."""
_DIGEST_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Block:
    """Series that one profile judges, and what it remembers of them, in the same order."""

    profile: Profile
    series: tuple[Series, ...]
    state: State
    stored: State | None = None
    """As it is in the store."""

    def only(self, wanted: Sequence[Series]) -> Block:
        """Forget all others; those that are not remembered are left out."""
        place = {series: at for at, series in enumerate(self.series)}
        kept = [series for series in wanted if series in place]
        if kept == list(self.series):
            return self
        rows = self.state.pack()[[place[series] for series in kept]]
        state = unpack(self.profile, rows) if kept else begin(self.profile, 0, beside=self.state)
        return Block(self.profile, tuple(kept), state)

    def joined(self, other: Block) -> Block:
        """Put those of another block behind, which stands at the same point."""
        if not other.series:
            return self
        if not self.series:
            return other
        rows = np.concatenate([self.state.pack(), other.state.pack()])
        return Block(self.profile, (*self.series, *other.series), unpack(self.profile, rows))


@dataclass(frozen=True, slots=True)
class Memory:
    """All blocks of a granularity, and the end of the last bucket that they have seen."""

    stepped_to: datetime
    blocks: Mapping[str, Block]
    """By the name of their profile."""

    @property
    def scopes(self) -> set[Scope]:
        """Whose series are remembered."""
        return {series.scope for block in self.blocks.values() for series in block.series}


def profiles(granularity: Granularity) -> dict[str, Profile]:
    """Give the profiles of a granularity by name."""
    return {each.profile.name: each.profile for each in WATCHES if each.granularity is granularity}


def profile_names(granularity: Granularity, zone: ZoneInfo) -> set[str]:
    """Give the names under which they are stored."""
    return {_name(profile, zone) for profile in profiles(granularity).values()}


def recall(engine: Engine, granularity: Granularity, zone: ZoneInfo) -> Memory | None:
    """Read what is remembered; ``None`` where nothing is, or not by these profiles on these clocks.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    pieces = dict[str, list[SeriesState]]()
    for row in stored_states(engine, granularity.value):
        pieces.setdefault(row.profile, []).append(row)
    made_by = {_name(profile, zone): profile for profile in profiles(granularity).values()}
    if set(pieces) != set(made_by) or len({rows[0].stepped_to for rows in pieces.values()}) != 1:
        return None
    blocks = [_block(granularity, profile, pieces[name]) for name, profile in made_by.items()]
    return Memory(next(iter(pieces.values()))[0].stepped_to, {block.profile.name: block for block in blocks})


def laid_out(memory: Memory, granularity: Granularity, zone: ZoneInfo, now: datetime) -> Iterator[SeriesState]:
    """Give the pieces that are to be stored: those that changed."""
    for block in memory.blocks.values():
        leaves, stored = block.state.leaves(), block.stored.leaves() if block.stored is not None else []
        series = zlib.compress(orjson.dumps([block.state.steps, block.state.block, *map(_row, block.series)]))
        for part, first in enumerate(range(0, len(leaves), PIECE)):
            mine, theirs = leaves[first : first + PIECE], stored[first : first + PIECE]
            if part and len(mine) == len(theirs) and all(a is b for a, b in zip(mine, theirs, strict=True)):
                continue
            yield SeriesState(
                profile=_name(block.profile, zone),
                granularity=granularity.value,
                part=part,
                stepped_to=memory.stepped_to,
                series=b"" if part else series,
                content=b"".join(leaf.astype("<f8", copy=False).tobytes() for leaf in mine),
                updated_at=now,
            )


def _block(granularity: Granularity, profile: Profile, pieces: Sequence[SeriesState]) -> Block:
    steps, last, *rows = orjson.loads(zlib.decompress(pieces[0].series))
    leaves, sizes = list[FloatArray](), leaf_sizes(profile)
    for part, piece in enumerate(pieces):
        lengths = np.array(sizes[part * PIECE : (part + 1) * PIECE]) * len(rows)
        leaves += np.split(np.frombuffer(piece.content, "<f8"), np.cumsum(lengths)[:-1])
    state = of_leaves(profile, steps, last, leaves)
    return Block(profile, tuple(_series(granularity, row) for row in rows), state, state)


def _name(profile: Profile, zone: ZoneInfo) -> str:
    """Name a profile so that another version of it, or other clocks, begin anew."""
    digest = hashlib.blake2b(f"{profile!r} {zone.key}".encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{profile.name} {digest}"


def _row(series: Series) -> list[Any]:
    scope = series.scope
    return [series.metric.value, scope.dimension, scope.member, scope.second_dimension, scope.second_member]


def _series(granularity: Granularity, row: Sequence[Any]) -> Series:
    metric, *scope = row
    return Series(Metric(metric), granularity, Scope(*scope))
