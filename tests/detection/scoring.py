"""Flagged points and labelled events in; recall by kind, F1 and false alarms per series and month out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tests.detection.spend import Event, Label
from usage_plugin.analysis.arrays import BoolArray

DAYS_A_MONTH = 30.44


class Alarms(NamedTuple):
    """What a detector says; arrays of shape ``(series, time)``."""

    off: BoolArray
    """The points that are said to be off."""
    told: BoolArray
    """When somebody is told: of a day when it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How a detector did on labelled series."""

    months: float
    """Of all series together."""
    false: int
    recall: dict[Event, tuple[int, int]]
    """Found and all, by kind."""
    delays: dict[Event, list[int]]
    """Points from an event's begin to its first alarm, by kind."""

    @classmethod
    def of(cls, scores: Sequence[Score]) -> Score:
        """Add up."""
        recall: dict[Event, tuple[int, int]] = defaultdict(lambda: (0, 0))
        delays: dict[Event, list[int]] = defaultdict(list)
        for each in scores:
            for event, (found, events) in each.recall.items():
                recall[event] = (recall[event][0] + found, recall[event][1] + events)
                delays[event] += each.delays[event]
        return cls(
            months=sum(each.months for each in scores),
            false=sum(each.false for each in scores),
            recall=dict(recall),
            delays=dict(delays),
        )

    @property
    def f1(self) -> float:
        """Harmonic mean of recall (of events) and precision (events found against these and false alarms)."""
        found, events = (sum(pair[at] for pair in self.recall.values()) for at in (0, 1))
        return 2 * found / max(found + self.false + events, 1)

    @property
    def false_alarms(self) -> float:
        """False alarms per series and month."""
        return self.false / self.months

    @property
    def delay(self) -> dict[Event, float]:
        """Median delay by kind, of what was found."""
        return {event: float(np.median(each)) for event, each in self.delays.items() if each}


def episodes(flagged: BoolArray, gap: int) -> list[tuple[int, int, int]]:
    """Make one of flags of a series that are at most *gap* points apart: series, first and last point."""
    found: list[tuple[int, int, int]] = []
    for series, at in np.argwhere(flagged).tolist():
        if found and found[-1][0] == series and at - found[-1][2] <= gap:
            found[-1] = (series, found[-1][1], at)
        else:
            found.append((series, at, at))
    return found


def score(
    flagged: BoolArray | Alarms,
    labels: Sequence[Label],
    others: Iterable[Label],
    *,
    first: int,
    gap: int,
    grace: int,
    points_a_day: int,
) -> Score:
    """Compare flags with events.

    Args:
        flagged: Shape ``(series, time)``; where it is told later than it is off, both.
        labels: Events that should be found: by a flag between an event's begin and *grace* points after its end.
        others: Events that need not be found; flags at them are not false.
        first: Flags before this point are not looked at.
        gap: Flags that are at most so far apart are one alarm; an alarm that touches no event is a false one.
        grace: An alarm that comes so late after the end is still one of the event.
        points_a_day: Points of a day.
    """
    off, told = flagged if isinstance(flagged, Alarms) else (flagged, flagged)
    judged = off.copy()
    judged[:, :first] = False
    covered = np.zeros_like(judged)
    for each in (*labels, *others):
        covered[each.series, each.start : each.end + grace] = True
    false = sum(not covered[series, start : end + 1].any() for series, start, end in episodes(judged, gap))
    recall: dict[Event, tuple[int, int]] = defaultdict(lambda: (0, 0))
    delays: dict[Event, list[int]] = defaultdict(list)
    for each in labels:
        is_found = bool(judged[each.series, each.start : each.end + grace].any())
        found, events = recall[each.event]
        recall[each.event] = (found + is_found, events + 1)
        delays[each.event] += np.flatnonzero(told[each.series, each.start :])[:is_found].tolist()
    return Score(
        months=off.shape[0] * (off.shape[1] - first) / points_a_day / DAYS_A_MONTH,
        false=false,
        recall=dict(recall),
        delays=dict(delays),
    )
