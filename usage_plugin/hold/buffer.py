"""Reports in, batches out: a bounded queue for what the disk did not take, that says yes or no and never waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from usage_plugin.hold.spool import Kind


class Kept(NamedTuple):
    """A line that is in no spool."""

    kind: Kind
    payload: bytes


class Buffer:
    """Keeps lines in order until they are written.

    ``put`` is called on the proxy's event loop: a deque's own append is atomic, so it needs no lock.

    Args:
        size: Most lines kept; one more is refused.
    """

    def __init__(self, size: int) -> None:
        self._lines: deque[Kept] = deque()
        self._size = size

    def __len__(self) -> int:
        return len(self._lines)

    def is_half_full(self) -> bool:
        """Say whether it is time to make room."""
        return len(self._lines) * 2 >= self._size

    def put(self, line: Kept) -> bool:
        """Take a line, or say that there is no room."""
        if len(self._lines) >= self._size:
            return False
        self._lines.append(line)
        return True

    def take(self, most: int) -> list[Kept]:
        """Give the oldest lines, at most *most*; one thread only."""
        return [self._lines.popleft() for _ in range(min(most, len(self._lines)))]

    def put_back(self, lines: Iterable[Kept]) -> None:
        """Return lines that could not be written to the front, in order; they had room already."""
        self._lines.extendleft(reversed(list(lines)))
