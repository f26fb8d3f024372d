"""What the holding side has to know of reports, told by the side that makes them: hold knows no LiteLLM."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from usage_plugin.event import UsageEvent
from usage_plugin.hold.in_flight import Request
from usage_plugin.hold.lines import Report


class Reports(Protocol):
    """Knows what reports mean."""

    def understand(self, report: Report) -> list[UsageEvent]:
        """Turn a report into events.

        Raises:
            Exception: Whatever a strange payload brings about.
        """

    def key_of_line(self, line: bytes) -> str:
        """Name the request that a spooled report is about; empty for what is no report."""

    def of_killed(self, note: bytes, last_sign: datetime) -> Report:
        """Report a request whose process was killed.

        Args:
            note: The report of its begin, as spooled.
            last_sign: When the process was last heard of.
        """

    def row_key(self, request_key: str) -> str:
        """Name the row that stands in for a request which is not reported."""

    def of_unreported(self, request: Request) -> Report:
        """Report a request that is over, and of which LiteLLM has said nothing."""
