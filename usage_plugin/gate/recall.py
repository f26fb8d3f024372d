"""A key in, what was worked out for it before out: for what comes again and again between things that never do."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

PLACES: Final = 1024
"""A power of two."""
Known = TypeVar("Known")


class Recall(Generic[Known]):
    """Remembers what comes twice, at one place for each key, so that it never grows and need not be emptied.

    What comes only once is not remembered: to keep it, and to let go of something else for it, would cost as much as to
    work it out again.
    """

    __slots__ = ("_came", "_places")

    def __init__(self) -> None:
        self._came = [0] * PLACES
        self._places: list[tuple[Hashable, Known] | None] = [None] * PLACES

    def get(self, key: Hashable) -> Known | None:
        """Give what is remembered.

        Raises:
            TypeError: The key cannot be hashed.
        """
        place = self._places[hash(key) & (PLACES - 1)]
        return place[1] if place is not None and place[0] == key else None

    def put(self, key: Hashable, known: Known) -> None:
        """Remember what comes for the second time, in the place of something else."""
        name = hash(key)
        at = name & (PLACES - 1)
        if self._came[at] == name:
            self._places[at] = key, known
        else:
            self._came[at] = name
