"""What goes wrong at the generated company: each anomaly changes the calls of one workload for a while, up to now."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from usage_plugin.demo.models import GPT_41, DemoModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """A change of one workload.

    Attributes:
        kind: Its name.
        feature: The workload that it happens to.
        first_hour_ago: When it begins, in hours before the last hour.
        hours: How long it lasts; 0: until now.
        of_day: Hours of the day (UTC) to which it is limited; empty: all.
        calls: Factor on the number of calls.
        extra_calls: Calls an hour on top.
        prompt_growth_a_day: Factor by which prompts grow each day.
        model: What it calls instead.
        failing: Share of its calls that fail.
        by: One person who makes all of its extra calls.
    """

    kind: str
    feature: str
    first_hour_ago: int
    hours: int = 0
    of_day: tuple[int, ...] = ()
    calls: float = 1.0
    extra_calls: float = 0.0
    prompt_growth_a_day: float = 1.0
    model: DemoModel | None = None
    failing: float = 0.0
    by: str | None = None

    def active(self, hours_ago: NDArray[np.int64], hour_of_day: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say for each hour whether it goes on."""
        last_hour_ago = self.first_hour_ago - self.hours + 1 if self.hours else 0
        on = (hours_ago <= self.first_hour_ago) & (hours_ago >= last_hour_ago)
        return on & np.isin(hour_of_day, self.of_day) if self.of_day else on


_DAY = 24
ANOMALIES = (
    Anomaly(kind="spike day", feature="campaign-writer", first_hour_ago=23 * _DAY, hours=_DAY, calls=9.0),
    Anomaly(
        kind="provider outage", feature="answer-box", first_hour_ago=17 * _DAY + 5, hours=5, calls=1.4, failing=0.6
    ),
    Anomaly(kind="model switch", feature="support-bot", first_hour_ago=12 * _DAY, model=GPT_41),
    Anomaly(kind="slow leak", feature="call-notes", first_hour_ago=14 * _DAY, prompt_growth_a_day=1.09),
    Anomaly(
        kind="night traffic",
        feature="notebooks",
        first_hour_ago=5 * _DAY,
        of_day=(0, 1, 2, 3),
        extra_calls=16,
        by="mona",
    ),
    Anomaly(kind="runaway", feature="coding-agent", first_hour_ago=30, hours=6, extra_calls=75, by="leo"),
)
