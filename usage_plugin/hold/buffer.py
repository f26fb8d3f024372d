"""Events in, batches out: a bounded queue that says yes or no and never waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from usage_plugin.event import UsageEvent


class Buffer:
    """Keeps events in order until they are written.

    ``put`` is called on the proxy's event loop: a deque's own append is atomic, so it needs no lock.

    Args:
        size: Most events kept; one more is refused.
    """

    def __init__(self, size: int) -> None:
        self._events: deque[UsageEvent] = deque()
        self._size = size

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: UsageEvent) -> bool:
        """Take an event, or say that there is no room."""
        if len(self._events) >= self._size:
            return False
        self._events.append(event)
        return True

    def take(self, most: int) -> list[UsageEvent]:
        """Give the oldest events, at most *most*; one thread only."""
        return [self._events.popleft() for _ in range(min(most, len(self._events)))]

    def put_back(self, events: Iterable[UsageEvent]) -> None:
        """Return events that could not be written to the front, in order; they had room already."""
        self._events.extendleft(reversed(list(events)))
