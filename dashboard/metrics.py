"""A metric of the detector in, its name for people, its unit and what its numbers are multiplied by out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dashboard.frames import Unit
from dashboard.theme import NANO_PER_USD, measured


@dataclass(frozen=True, slots=True)
class Metric:
    """How a metric is shown."""

    name: str
    unit: Unit
    shown_per: float = 1.0
    """What its numbers in the store are divided by: dollars are billionths there."""
    adds_up: bool = False
    """Whether those of members add up to the whole."""

    def shown(self, stored: float | None) -> str:
        """Write a number of the store."""
        return measured(None if stored is None else stored / self.shown_per, self.unit)


METRICS: Final[dict[str, Metric]] = {
    "cost": Metric("Cost", Unit.DOLLARS, NANO_PER_USD, adds_up=True),
    "tokens": Metric("Tokens", Unit.COUNT, adds_up=True),
    "requests": Metric("Requests", Unit.COUNT, adds_up=True),
    "cost_per_request": Metric("Cost per call", Unit.DOLLARS, NANO_PER_USD),
    "tokens_per_request": Metric("Tokens per call", Unit.COUNT),
    "latency_p95": Metric("Latency, p95", Unit.MILLISECONDS),
    "error_rate": Metric("Error rate", Unit.SHARE),
    "cache_hit_rate": Metric("Cache hit rate", Unit.SHARE),
    "unpriced_share": Metric("Unpriced share", Unit.SHARE),
    "use": Metric("New use", Unit.COUNT),
}


def metric_of(name: str) -> Metric:
    """Give a metric; one that this version does not know is shown as a count of its own name."""
    return METRICS.get(name) or Metric(name.replace("_", " ").capitalize(), Unit.COUNT)
