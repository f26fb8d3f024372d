"""Requests that began in, those that ended without a report out.

A request is in flight from its first hook until it is reported. Its note lies in the spool, for the case that the
process is killed, and here, for the case that LiteLLM never reports it: the web server's task of the request tells when
it is over.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Any

# Streams whose chunks are kept until they are reported; about 100 kB each.
MOST_WITNESSES = 1024
# No call takes longer; what runs for so long has been forgotten by everybody.
LONGEST_S = 2 * 3600.0
# Requests that were given up, in case they are reported after all.
MOST_GIVEN_UP = 4096


class Request:
    """One request between its first hook and its report."""

    __slots__ = ("began_at", "ended", "failure", "key", "line", "over_since", "report", "witness")

    def __init__(self, key: str, report: dict[str, Any], line: bytes, ended: Callable[[Request], None]) -> None:
        self.key, self.report, self.line, self.ended = key, report, line, ended
        self.began_at = time.monotonic()
        self.over_since: float | None = None
        self.witness: Any = None
        """Its stream, which knows what was said until a client left."""
        self.failure: dict[str, Any] | None = None
        """The report of an attempt that failed; the request may still succeed."""

    def over_for_s(self) -> float:
        """Say for how long it has been over."""
        return 0.0 if self.over_since is None else time.monotonic() - self.over_since

    def is_over(self, _task: object = None) -> None:
        """Note that the web server is done with it; made to be a task's callback."""
        self.over_since = time.monotonic()
        self.ended(self)


class InFlight:
    """All requests of this process that are not reported yet.

    Its methods are called on the event loop and in LiteLLM's threads; each is one operation on a dict.

    Args:
        report_within_s: A request that is over for longer is given up.
    """

    def __init__(self, report_within_s: float) -> None:
        self._report_within_s = report_within_s
        self._requests: dict[str, Request] = {}
        self._over: deque[Request] = deque()
        self._witnesses: OrderedDict[str, Request] = OrderedDict()
        self._given_up: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._requests)

    def begin(self, key: str, report: dict[str, Any], line: bytes) -> Request:
        """Note a request."""
        request = Request(key, report, line, self._over.append)
        self._requests[key] = request
        return request

    def find(self, key: str) -> Request | None:
        """Give a request that is not reported yet."""
        return self._requests.get(key)

    def witness(self, key: str, stream: object) -> None:
        """Keep a request's stream until it is reported."""
        request = self._requests.get(key)
        if request is None:
            return
        request.witness = stream
        self._witnesses[key] = request
        if len(self._witnesses) > MOST_WITNESSES:
            _, oldest = self._witnesses.popitem(last=False)
            oldest.witness = None

    def reported(self, key: str) -> Request | None:
        """Forget a request that is reported, and give it."""
        request = self._requests.pop(key, None)
        self._witnesses.pop(key, None)
        return request

    def lines(self) -> Iterator[bytes]:
        """Give the notes of all that are still in flight."""
        return (request.line for request in list(self._requests.values()))

    def overdue(self, *, all_of_them: bool = False) -> Iterator[Request]:
        """Give up requests that are over for long, and give them; one thread only.

        Args:
            all_of_them: Also those that are not over: the process ends.
        """
        latest = time.monotonic() - self._report_within_s
        while self._over and (all_of_them or (self._over[0].over_since or 0.0) <= latest):
            request = self._over.popleft()
            if self._requests.get(request.key) is request and self.reported(request.key):
                yield request
        forgotten = time.monotonic() - LONGEST_S
        while (oldest := next(iter(self._requests.values()), None)) and (all_of_them or oldest.began_at < forgotten):
            if self.reported(oldest.key):
                yield oldest

    def give_up(self, key: str, event_key: str) -> None:
        """Remember the row that stands for a request which was given up."""
        self._given_up[key] = event_key
        if len(self._given_up) > MOST_GIVEN_UP:
            self._given_up.popitem(last=False)

    def row_given_up(self, key: str) -> str | None:
        """Give the row that a late report replaces."""
        return self._given_up.pop(key, None)
