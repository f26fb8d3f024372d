"""What a detector remembers of each series: a few hundred numbers, whatever the length of its history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from usage_plugin.analysis.arrays import BoolArray, FloatArray
from usage_plugin.analysis.memory.profile import Profile

Rows = tuple[FloatArray, ...]
Nested = Any
"""An array, or a tuple of such."""


class State(NamedTuple):
    """Immutable: a step makes a new one and shares with the old one the rows that it did not change.

    Arrays have the series last. *channels* counts those of the profile, and one more where it looks at volatility.
    """

    steps: int
    """Steps taken: where the ring stands."""
    block: int
    """Block of the last step."""
    seen: FloatArray
    """Points that were there, shape ``(series,)``, as are all rows."""
    level: FloatArray
    recent: FloatArray
    """Mean residual of the last days."""
    scale: FloatArray
    """Robust standard deviation of the residual."""
    seasons: tuple[Rows, ...]
    """For each table (time of day, time of week) and each of its bins what it adds to the level."""
    visits: tuple[Rows, ...]
    """How often each bin was seen."""
    local: Rows
    """Scale of each bin of the first table."""
    ring: Rows
    """Residuals of the last points."""
    sums: FloatArray
    """Sum of the residuals in each channel's window, shape ``(channels of the profile, series)``."""
    spread: FloatArray
    """Robust standard deviation of what each channel shows, shape ``(channels, series)``."""
    record: FloatArray
    """What each channel must exceed up and down, by this epoch and the one before; shape ``(2, channels, series)``."""
    young: FloatArray
    """The same for this epoch only."""
    last: FloatArray
    """The most and the least that each channel showed in the last block, shape ``(2, channels, series)``."""
    now: FloatArray
    """The same in this block."""
    moves: FloatArray
    """Last value, its mean change lately and for long, shape ``(3, series)``."""

    @property
    def series(self) -> int:
        """How many series it remembers."""
        return len(self.seen)

    def pack(self) -> FloatArray:
        """Lay everything out as one row of numbers per series, to be stored, joined or selected; see ``unpack``.

        Columns are steps and block, then what follows them above, in that order.
        """
        count = self.series
        scalars = np.broadcast_to(np.array([[float(self.steps)], [float(self.block)]]), (2, count))
        parts = [scalars, *(np.reshape(np.asarray(part), (-1, count)) for part in _flat(self))]
        return np.ascontiguousarray(np.concatenate(parts).T)

    def leaves(self) -> list[FloatArray]:
        """Give all arrays, in the order of the fields: those that a step did not change are the very same ones."""
        return list(_flat(self))


class Point(NamedTuple):
    """One point of each series; arrays of shape ``(series,)``."""

    there: BoolArray
    weight: FloatArray
    """1 where the point is there, else 0."""
    stable: FloatArray
    """What is scored in place of the value; 0 where it is missing."""


def begin(profile: Profile, series: int, beside: State | None = None) -> State:
    """Know nothing of *series* series; to join them to those of *beside*, put the packed rows of both together."""
    zeros = np.zeros(series)
    channels = len(profile.channels) + (profile.volatility is not None)
    tables = tuple((zeros,) * bins for bins in table_sizes(profile))
    return State(
        steps=0 if beside is None else beside.steps,
        block=-1 if beside is None else beside.block,
        seen=zeros,
        level=zeros,
        recent=zeros,
        scale=zeros,
        seasons=tables,
        visits=tables,
        local=tables[0] if profile.local and tables else (),
        ring=(zeros,) * (profile.longest if profile.longest > 1 else 0),
        sums=np.zeros((len(profile.channels), series)),
        spread=np.zeros((channels, series)),
        record=np.zeros((2, channels, series)),
        young=np.zeros((2, channels, series)),
        last=np.zeros((2, channels, series)),
        now=np.zeros((2, channels, series)),
        moves=np.zeros((3, series)),
    )


def table_sizes(profile: Profile) -> tuple[int, ...]:
    """Count the bins of each seasonal table."""
    of_day = profile.day_bins * (2 if profile.by_weekend else 1)
    return (of_day,) * (profile.day > 1) + (profile.week,) * profile.by_week


def unpack(profile: Profile, stored: FloatArray) -> State:
    """Read states that ``pack`` laid out.

    Args:
        profile: The one they were made with.
        stored: Shape ``(series, numbers)``, of series that have taken the same steps.

    Raises:
        ValueError: The rows are of another profile, or of series at different steps.
    """
    empty = begin(profile, len(stored))
    sizes = [np.asarray(part).size // max(len(stored), 1) for part in _flat(empty)]
    if stored.shape[1] != 2 + sum(sizes) or np.ptp(stored[:, :2], axis=0).any():
        msg = f"states of shape {stored.shape}, not {2 + sum(sizes)} numbers each of {profile.name!r} at one step"
        raise ValueError(msg)
    pieces = iter(np.split(np.ascontiguousarray(stored.T[2:]), np.cumsum(sizes)[:-1]))
    return State(int(stored[0, 0]), int(stored[0, 1]), *(_filled(part, pieces) for part in empty[2:]))


def of_leaves(profile: Profile, steps: int, block: int, leaves: list[FloatArray]) -> State:
    """Put a state together again from what ``leaves`` gave; arrays may be flat."""
    pieces = iter(leaves)
    series = len(leaves[0])
    return State(steps, block, *(_filled(part, pieces) for part in begin(profile, series)[2:]))


def leaf_sizes(profile: Profile) -> list[int]:
    """Say how many numbers of each series the leaves hold."""
    return [np.asarray(leaf).size for leaf in _flat(begin(profile, 1))]


def _flat(state: State) -> Iterator[FloatArray]:
    for part in state[2:]:
        yield from _leaves(part)


def _leaves(part: Nested) -> Iterator[FloatArray]:
    if isinstance(part, np.ndarray):
        yield part
    else:
        for each in part:
            yield from _leaves(each)


def _filled(part: Nested, pieces: Iterator[FloatArray]) -> Nested:
    if isinstance(part, np.ndarray):
        return next(pieces).reshape(part.shape)
    return tuple(_filled(each, pieces) for each in part)
