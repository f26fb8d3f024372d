"""A look in, anomalies by what is to be done about them out; and how far the search has got, where there are none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from dashboard.data import Look
from usage_plugin.analysis.memory import SPEND_BY_HOUR
from usage_plugin.store import read
from usage_plugin.store.analysis_tables import AnomalyRow
from usage_plugin.store.anomalies import State, anomalies
from usage_plugin.store.jobs import last_runs
from usage_plugin.store.read import Granularity, Question

LISTED: Final = 200
MERGED: Final = 2000
LEARNING_DAYS: Final = SPEND_BY_HOUR.learning // SPEND_BY_HOUR.day
"""Hours are judged from here on, days a week later."""
JOB: Final = "detect"


class Segment(StrEnum):
    """What is to be done about anomalies."""

    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


STATES: Final[dict[Segment, tuple[State, ...]]] = {
    Segment.ACTIVE: (State.OPEN,),
    Segment.ACKNOWLEDGED: (State.ACKNOWLEDGED,),
    Segment.RESOLVED: (State.RESOLVED, State.EXPECTED, State.FALSE_ALARM, State.TOO_SMALL),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """An anomaly and those that it explains."""

    anomaly: AnomalyRow
    merged: tuple[AnomalyRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """How far the search for anomalies has got."""

    has_run: bool
    last_run_at: datetime | None
    days_to_learn: int
    """How many more days of calls it takes before hours are judged; 0 where they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """What the page shows."""

    now: datetime
    zone: ZoneInfo
    segment: Segment
    entries: tuple[Entry, ...]
    counts: dict[Segment, int]
    searched: Searched
    is_empty: bool
    """Whether there is no call at all."""

    @property
    def at_stake_nano_usd(self) -> int:
        """Dollars that the entries cost beyond what was expected."""
        return sum(max(entry.anomaly.at_stake_nano_usd or 0, 0) for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Open:
    """How many anomalies wait for somebody, and what they have cost."""

    number: int
    at_stake_nano_usd: int
    has_run: bool


def inbox(look: Look, segment: Segment) -> Inbox:
    """Give the anomalies of a segment, the dearest first."""
    found = {each: look.ask_found(anomalies, states=states, limit=LISTED) for each, states in STATES.items()}
    merged = look.ask_found(anomalies, merged=True, limit=MERGED) if found[segment] else []
    return Inbox(
        now=look.now,
        zone=look.zone,
        segment=segment,
        entries=tuple(_entry(each, merged) for each in found[segment]),
        counts={each: len(rows) for each, rows in found.items()},
        searched=searched(look, has_found=any(found.values())),
        is_empty=not look.newest.row_id,
    )


def open_anomalies(look: Look) -> Open:
    """Count what waits for somebody."""
    rows = look.ask_found(anomalies, states=STATES[Segment.ACTIVE], limit=LISTED)
    stake = sum(max(row.at_stake_nano_usd or 0, 0) for row in rows)
    return Open(len(rows), stake, has_run=bool(rows) or _last_run_at(look) is not None)


def searched(look: Look, *, has_found: bool) -> Searched:
    """Say how far the search has got."""
    last = _last_run_at(look)
    return Searched(
        has_run=last is not None or has_found,
        last_run_at=last,
        days_to_learn=0 if has_found else _days_to_learn(look),
    )


def segment_in(fragment: str | None) -> Segment:
    """Read which segment an address means."""
    name = (fragment or "").lstrip("#")
    return Segment(name) if name in set(Segment) else Segment.ACTIVE


def _entry(anomaly: AnomalyRow, merged: list[AnomalyRow]) -> Entry:
    return Entry(anomaly, tuple(each for each in merged if each.merged_into_id == anomaly.id))


def _last_run_at(look: Look) -> datetime | None:
    runs = (run.ended_at for run in look.ask_found(last_runs) if run.job == JOB and run.ended_at is not None)
    return max(runs, default=None)


def _days_to_learn(look: Look) -> int:
    """Count from the first call on."""
    end = Granularity.DAY.after(look.now, look.zone)
    start = end - timedelta(days=LEARNING_DAYS + 1)
    asked = Question(start=start, end=end, granularity=Granularity.DAY, zone=look.zone, as_kept=True)
    called = np.flatnonzero(look.ask_heavy(read.cost_series, asked).called)
    known = len(read.bucket_starts(asked)) - 1 - int(called[0]) if called.size else 0
    return max(LEARNING_DAYS - known, 0)
