"""Reports in, what the holding side asks of them out: their events, their request, what stands in for a missing one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from usage_plugin.capture.identity import event_key
from usage_plugin.capture.normalise import Normaliser
from usage_plugin.capture.report import Outcome
from usage_plugin.capture.streams import Noted, left
from usage_plugin.capture.tokens import tokens_of_text
from usage_plugin.clock import utc_now
from usage_plugin.event import NOT_REPORTED, UsageEvent
from usage_plugin.hold.in_flight import Request
from usage_plugin.hold.lines import Report, read_line

KILLED = "ProxyKilled"


@dataclass(frozen=True, slots=True)
class ReportMeaning:
    """Implements ``hold.reports.Reports``.

    Args:
        normaliser: Understands LiteLLM's values.
    """

    normaliser: Normaliser

    def understand(self, report: Report) -> list[UsageEvent]:
        """Turn a report into events.

        Raises:
            Exception: Whatever a strange payload brings about.
        """
        return self.normaliser.events(report)

    def key_of_line(self, line: bytes) -> str:
        """Name the request that a spooled report is about; empty for what is no report."""
        try:
            return str(read_line(line).get("key"))
        except ValueError:
            return ""

    def of_killed(self, note: bytes, last_sign: datetime) -> Report:
        """Report a request whose process was killed."""
        return _unreported(read_line(note), KILLED, last_sign)

    def row_key(self, request_key: str) -> str:
        """Name the row that stands in for a request."""
        return _row_key(request_key)

    def of_unreported(self, request: Request) -> Report:
        """Report a request that is over, and of which LiteLLM has said nothing but, maybe, that an attempt failed."""
        seen = left(request.witness) if isinstance(request.witness, Noted) else {}
        if request.failure is not None:
            used = {
                "prompt_tokens": tokens_of_text(request.report.get("prompt_characters")),
                "completion_tokens": tokens_of_text(seen.get("characters")),
            }
            return {"until_then": used, **request.failure, "row_key": _row_key(request.key)}
        report = _unreported(request.report, NOT_REPORTED, utc_now() - timedelta(seconds=request.over_for_s()))
        return {**report, "stream_left": seen or report.get("stream_left")}


def _unreported(started: Report, why: str, ended_at: datetime) -> dict[str, Any]:
    return {
        **started,
        "outcome": Outcome.UNREPORTED,
        "row_key": _row_key(started["key"]),
        "error": {"class": why},
        "ended_at": ended_at,
    }


def _row_key(request_key: str) -> str:
    return event_key("unreported", request_key)
