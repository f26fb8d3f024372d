"""Reports in on the event loop; the same ones on disk, or in memory where the disk does not take them, out."""

from __future__ import annotations

import threading
from enum import Enum, auto
from pathlib import Path

from usage_plugin.guard import describe
from usage_plugin.hold.buffer import Buffer, Kept
from usage_plugin.hold.in_flight import InFlight, Request
from usage_plugin.hold.lines import Report, write_line
from usage_plugin.hold.recent import Recent
from usage_plugin.hold.spool import SEGMENT_BYTES, Kind, Spool
from usage_plugin.logs import get_logger
from usage_plugin.settings import Settings

_log = get_logger(__name__)
SPOOL_ATTEMPTS = 3
# A spool is counted together by whole segments, so that a small one needs small ones.
SEGMENTS_PER_SPOOL = 16


class Taken(Enum):
    """Where a report is now."""

    SPOOLED = auto()
    BUFFERED = auto()
    TWIN = auto()
    """It was here a moment ago."""
    LOST = auto()


class Intake:
    """Takes reports without waiting: one write to a file.

    Args:
        settings: Sizes.
        root: Folder of all processes' spools.
    """

    def __init__(self, settings: Settings, root: Path) -> None:
        self.buffer = Buffer(settings.buffer_size)
        self.in_flight = InFlight(settings.unreported_after_s)
        self.spool: Spool | None = None
        self._root = root
        self._segment_bytes = min(SEGMENT_BYTES, settings.spool_bytes // SEGMENTS_PER_SPOOL)
        self._recent = Recent()
        self._twins = threading.Lock()

    def open(self) -> bool:
        """Make this process's spool; says whether the disk takes it."""
        for attempt in range(SPOOL_ATTEMPTS):
            try:
                self.spool = Spool(self._root, self._segment_bytes, self.in_flight.lines)
            except OSError as error:  # also when another process took the new folder for an orphan's
                if attempt == SPOOL_ATTEMPTS - 1:
                    _log.warning("calls_are_kept_in_memory_only", reason=describe(error))
            else:
                return True
        return False

    def begin(self, report: Report) -> Request:
        """Note a request that begins; a note that the disk does not take is only kept in memory."""
        request = self.in_flight.begin(report)  # first: a segment that begins meanwhile has it, too
        if self.spool is not None:
            self.spool.append(Kind.STARTED, write_line(report))
        return request

    def take(self, report: Report, twin: object = None) -> Taken:
        """Keep a report of a request's end.

        Args:
            report: Plain values.
            twin: What is the same in the other report of the same end, where LiteLLM may make two.
        """
        if twin is not None:
            with self._twins:
                if self._recent.seen_before(twin):
                    return Taken.TWIN
        key = report["key"]
        self.in_flight.reported(key)
        if "row_key" not in report and (given_up := self.in_flight.row_given_up(key)) is not None:
            report["replaces"] = given_up
        line = write_line(report)
        if self.spool is not None and self.spool.append(Kind.REPORT, line):
            return Taken.SPOOLED
        return Taken.BUFFERED if self.buffer.put(Kept(Kind.REPORT, line)) else Taken.LOST
