"""Hook arguments in, events out, by the way that they take through the proxy: report, line of the spool, normaliser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usage_plugin.capture.catalog import LoadedPriceMap
from usage_plugin.capture.normalise import Normaliser
from usage_plugin.capture.report import Call, Reporter
from usage_plugin.capture.streams import Noted
from usage_plugin.clock import Clock
from usage_plugin.event import UsageEvent
from usage_plugin.hold.lines import read_line, write_line
from usage_plugin.settings import Settings


class Reading:
    """Reports and reads.

    Args:
        catalog: Prices.
        clock: The time.
    """

    def __init__(self, catalog: LoadedPriceMap, clock: Clock) -> None:
        self.reporter = Reporter(catalog, clock)
        self.normaliser = Normaliser(Settings(), catalog, clock)

    def success(self, request: Mapping[str, Any], response: object, stream: Noted | None = None) -> UsageEvent:
        """Read what a success hook was given."""
        return self.read(self.reporter.success(Call.of(request, lambda _key: stream), response))[0]

    def failure(self, request: Mapping[str, Any], error: object) -> UsageEvent:
        """Read what a failure hook was given."""
        return self.read(self.reporter.failure(Call.of(request), error))[0]

    def read(self, report: dict[str, Any]) -> list[UsageEvent]:
        """Read a report as it comes back from the spool."""
        return self.normaliser.events(read_line(write_line(report)))
