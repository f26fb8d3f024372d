"""Requests that began in, those that ended without a report out.

A request is in flight from its first hook until it is reported. Its note lies in the spool, for the case that the
process is killed, and here, for the case that LiteLLM never reports it: the web server's task of the request tells when
it is over.
"""

from __future__ import annotations

import itertools
import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from usage_plugin.hold.lines import Report, write_line

# Streams whose chunks are kept until they are reported; about 100 kB each.
MOST_WITNESSES = 1024
# No call takes longer; what runs for so long has been forgotten by everybody.
LONGEST_S = 2 * 3600.0
OLDEST = 100
# Requests that were given up, in case they are reported after all.
MOST_GIVEN_UP = 4096


class Request:
    """One request between its first hook and its report."""

    __slots__ = ("_of", "began_at", "failure", "key", "over_since", "report", "witness")

    def __init__(self, key: str, report: Report, of: InFlight) -> None:
        self.key, self.report, self._of = key, report, of
        self.began_at = time.monotonic()
        self.over_since: float | None = None
        self.witness: Any = None
        """Its stream, which knows what was said until a client left."""
        self.failure: Report | None = None
        """The report of an attempt that failed; the request may still succeed."""

    def over_for_s(self) -> float:
        """Say for how long it has been over."""
        return 0.0 if self.over_since is None else time.monotonic() - self.over_since

    def is_over(self, _task: object = None) -> None:
        """Note that the web server is done with it; made to be a task's callback."""
        self.over_since = time.monotonic()
        self._of.over(self)


class InFlight:
    """All requests of this process that are not reported yet.

    Its methods are called on the event loop and in LiteLLM's threads; each is one operation on a dict.

    Args:
        report_within_s: A request that is over for longer is given up.
    """

    def __init__(self, report_within_s: float) -> None:
        self._report_within_s = report_within_s
        self._requests: dict[str, Request] = {}
        self._over: dict[str, Request] = {}
        self._witnesses: OrderedDict[str, Request] = OrderedDict()
        self._given_up: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._requests)

    def begin(self, report: Report) -> Request:
        """Note a request."""
        request = Request(report["key"], report, self)
        self._requests[request.key] = request
        return request

    def over(self, request: Request) -> None:
        """Note that a request is over; one that is reported already is of no interest."""
        if self._requests.get(request.key) is request:
            self._over[request.key] = request

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
        self._over.pop(key, None)
        self._witnesses.pop(key, None)
        return self._requests.pop(key, None)

    def lines(self) -> Iterator[bytes]:
        """Give the notes of all that are still in flight."""
        return (write_line(request.report) for request in list(self._requests.values()))

    def overdue(self, *, all_of_them: bool = False) -> Iterator[Request]:
        """Give requests that are over for long.

        Args:
            all_of_them: Also those that are not over: the process ends.
        """
        now = time.monotonic()
        for request in list(self._requests.values() if all_of_them else self._over.values()):
            if all_of_them or (request.over_since or now) <= now - self._report_within_s:
                yield request
        for request in list(itertools.islice(list(self._requests.values()), OLDEST)):
            if request.began_at < now - LONGEST_S:
                yield request

    def give_up(self, key: str, row_key: str) -> bool:
        """Remember the row that will stand for a request; ``False`` where its report comes in this very moment.

        The row's key is there first: whoever reports the request from now on replaces the row.
        """
        self._given_up[key] = row_key
        if self.reported(key) is None:
            self._given_up.pop(key, None)
            return False
        if len(self._given_up) > MOST_GIVEN_UP:
            self._given_up.popitem(last=False)
        return True

    def row_given_up(self, key: str) -> str | None:
        """Give the row that a late report replaces."""
        return self._given_up.pop(key, None)
