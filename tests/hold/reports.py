"""Reports that hold an event as it is: for tests of what becomes of any report."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from usage_plugin.event import UsageEvent
from usage_plugin.guard import Guard
from usage_plugin.hold.codec import decode, encode
from usage_plugin.hold.in_flight import Request
from usage_plugin.hold.lines import Report, read_line
from usage_plugin.hold.recorder import Recorder
from usage_plugin.settings import Settings


def report_of(event: UsageEvent, request: str | None = None) -> Report:
    """Wrap an event up, with the name of its request."""
    return {"key": request or event.event_key, "event": json.loads(encode(event))}


class EventReports:
    """Unwraps events; implements ``hold.reports.Reports``."""

    def understand(self, report: Report) -> list[UsageEvent]:
        """Unwrap; a report without an event is strange."""
        event = {**report["event"], "replaces": report.get("replaces")}
        return [decode(json.dumps(event).encode())]

    def key_of_line(self, line: bytes) -> str:
        """Give the name of a spooled report's request."""
        return str(read_line(line)["key"])

    def of_killed(self, note: bytes, last_sign: datetime) -> Report:
        """Take the note's event for the request's."""
        return self._interrupted(read_line(note))

    def row_key(self, request_key: str) -> str:
        """Have one row for a request."""
        return request_key

    def of_unreported(self, request: Request) -> Report:
        """Take the note's event for the request's."""
        return self._interrupted(request.report)

    @staticmethod
    def _interrupted(report: dict[str, Any]) -> Report:
        event = {**report["event"], "status": "interrupted", "event_key": report["key"]}
        return {**report, "event": event, "row_key": report["key"]}


def make_recorder(settings: Settings, guard: Guard | None = None) -> Recorder:
    """Make a recorder that understands them."""
    return Recorder(settings, EventReports(), role="proxy", guard=guard or Guard())


def put(recorder: Recorder, event: UsageEvent) -> None:
    """Report an event; LiteLLM may report it twice."""
    recorder.put(report_of(event), twin=event.event_key)


def wait_for(what: Callable[[], bool], timeout_s: float = 60) -> None:
    """Wait until something is so, at most for a while."""
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
