"""Keys in, whether one was here a moment ago out: LiteLLM may report a call twice, a few milliseconds apart."""

from __future__ import annotations

from collections import deque

REMEMBERED = 4096


class Recent:
    """Remembers the last keys. What it forgets the store still knows, so it only spares work and keeps counts honest.

    Args:
        size: Keys remembered.
    """

    def __init__(self, size: int = REMEMBERED) -> None:
        self._order: deque[object] = deque(maxlen=size)
        self._keys: set[object] = set()

    def seen_before(self, key: object) -> bool:
        """Say whether a key came lately, and remember it."""
        if key in self._keys:
            return True
        if len(self._order) == self._order.maxlen:
            self._keys.discard(self._order[0])
        self._order.append(key)
        self._keys.add(key)
        return False
