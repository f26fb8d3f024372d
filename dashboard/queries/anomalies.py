"""A look and filters in, daily and hourly cost with its expected band and what fell outside of it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from dashboard.data import Look
from dashboard.filters import Filters
from dashboard.frames import Band, FloatArray
from dashboard.members import name_of
from dashboard.period import between, moved
from usage_plugin.analysis import DAILY, HOURLY, RollingZ, Verdict
from usage_plugin.store import read
from usage_plugin.store.read import CostSeries, Granularity, Question, Stack

HISTORY: Final = {Granularity.DAY: timedelta(days=120), Granularity.HOUR: timedelta(days=56)}
LEAST_SHOWN: Final = {Granularity.DAY: timedelta(days=30), Granularity.HOUR: timedelta(hours=24)}
MOST_SHOWN: Final = {Granularity.DAY: timedelta(days=3700), Granularity.HOUR: timedelta(days=92)}
DETECTORS: Final[dict[Granularity, RollingZ]] = {Granularity.DAY: DAILY, Granularity.HOUR: HOURLY}
MEMBERS_WATCHED: Final = 20
NANO_PER_USD: Final = 1e9
DRIVER_PAST: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One point that was not expected."""

    start: datetime
    end: datetime
    cost_usd: float
    expected_usd: float
    z: float
    driver: str = ""

    @property
    def at_stake_usd(self) -> float:
        """How far the cost is from what was expected."""
        return self.cost_usd - self.expected_usd


@dataclass(frozen=True, slots=True)
class Watch:
    """A series of cost under watch: its band, and what fell outside, newest first."""

    granularity: Granularity
    band: Band
    flags: tuple[Flag, ...]
    learns_for: int = 0
    """How many more buckets have to end before one can be judged; 0 where that is not what is missing."""

    @property
    def is_judged(self) -> bool:
        """Whether any point that is shown has a score."""
        return bool(np.isfinite(self.band.z).any())


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomalies:
    """What the page shows."""

    filters: Filters
    daily: Watch
    hourly: Watch
    is_empty: bool


def anomalies(look: Look, filters: Filters) -> Anomalies:
    """Watch the cost of the calls that match the filters, by day and by hour."""
    return Anomalies(
        filters=filters,
        daily=_watch(look, filters, Granularity.DAY),
        hourly=_watch(look, filters, Granularity.HOUR),
        is_empty=look.ask(read.totals, _shown(look, filters, Granularity.DAY)).is_empty,
    )


def _watch(look: Look, filters: Filters, granularity: Granularity) -> Watch:
    shown = _shown(look, filters, granularity)
    known = look.ask_heavy(read.cost_series, shown.between(_earlier(shown.start, HISTORY, shown), shown.end))
    band = _band(known, shown, look.now)
    flags = _flags(band, granularity)
    if flags:
        flags = _with_drivers(flags, look.ask_heavy(read.stack, shown, top=MEMBERS_WATCHED))
    return Watch(granularity, band, flags, _learns_for(known, shown, look.now, band))


def _shown(look: Look, filters: Filters, granularity: Granularity) -> Question:
    """Give the time to draw: the filters' own, within what a chart of this granularity can say."""
    asked = replace(filters.question(look.now, look.zone), granularity=granularity)
    whole = between(asked.start, asked.end, granularity, look.zone)
    length = min(max(whole, LEAST_SHOWN[granularity]), MOST_SHOWN[granularity])
    end = granularity.ceil(asked.end, look.zone)
    return asked.between(_earlier(end, {granularity: length}, asked), end)


def _earlier(moment: datetime, by: Mapping[Granularity, timedelta], asked: Question) -> datetime:
    """Go back to the begin of a bucket."""
    granularity = asked.granularity
    return granularity.floor(moved(moment, -by[granularity], granularity, asked.zone), asked.zone)


def _band(known: CostSeries, shown: Question, now: datetime) -> Band:
    """Score the series from its first call on, and cut off what is history only."""
    cost_usd, partial = _from_first_call(known), _in_progress(known, shown, now)
    found = DETECTORS[shown.granularity].detect(cost_usd, partial)
    first = next((at for at, bucket in enumerate(known.buckets) if bucket >= shown.start), 0)
    return Band(
        buckets=known.buckets[first:],
        bucket_length=shown.granularity.length,
        cost_usd=cost_usd[first:],
        lower=found.lower[0, first:],
        expected=np.where(np.isfinite(found.upper), found.expected, np.nan)[0, first:],
        upper=found.upper[0, first:],
        z=found.z[0, first:],
        flagged=found.flagged[0, first:],
        zone=shown.zone,
        verdict=_verdict(found.verdicts[0], cost_usd[first:][known.called[first:]], found.z[0, first:]).value,
        partial=None if partial is None else partial - first,
    )


def _in_progress(known: CostSeries, shown: Question, now: datetime) -> int | None:
    current = shown.granularity.floor(now, shown.zone)
    return next((at for at, bucket in enumerate(known.buckets) if bucket == current), None)


def _verdict(found: Verdict, cost_usd: FloatArray, z: FloatArray) -> Verdict:
    """Judge what is shown, by the cost of its calls: the detector took the time before and hours without calls in."""
    if found is Verdict.LEARNING or np.isfinite(z).any():
        return found
    present = cost_usd[np.isfinite(cost_usd)]
    if present.any():
        return Verdict.LEARNING
    return Verdict.ALL_ZERO if present.size else Verdict.EMPTY


def _learns_for(known: CostSeries, shown: Question, now: datetime, band: Band) -> int:
    """Count the buckets that a learner still needs: its detector's history, and one more that is judged by it."""
    if band.verdict != Verdict.LEARNING.value:
        return 0
    ended = np.isfinite(_from_first_call(known))
    partial = _in_progress(known, shown, now)
    if partial is not None:
        ended[partial] = False
    return max(DETECTORS[shown.granularity].config.min_history + 1 - int(ended.sum()), 0)


def _from_first_call(known: CostSeries) -> FloatArray:
    """Forget the time before the first call: nothing was watched then, which is not the same as nothing spent."""
    started = np.flatnonzero(known.called)
    first = started[0] if started.size else known.called.size
    return np.where(np.arange(known.called.size) < first, np.nan, known.cost_usd)


def _flags(band: Band, granularity: Granularity) -> tuple[Flag, ...]:
    return tuple(
        Flag(
            start=band.buckets[at],
            end=granularity.after(band.buckets[at], band.zone),
            cost_usd=float(band.cost_usd[at]),
            expected_usd=float(band.expected[at]),
            z=float(band.z[at]),
        )
        for at in reversed(np.flatnonzero(band.flagged).tolist())
    )


def _with_drivers(flags: tuple[Flag, ...], stack: Stack) -> tuple[Flag, ...]:
    """Name for each flag the member whose cost moved most against its own last buckets."""
    rows = [[cost or 0 for cost in row] for row in stack.cost_nano_usd]
    cost = np.array(rows, dtype=np.float64).reshape(len(rows), len(stack.buckets)) / NANO_PER_USD
    place = {bucket: at for at, bucket in enumerate(stack.buckets)}
    labels = [name_of(member) for member in stack.members]
    return tuple(replace(flag, driver=_driver(flag, cost, place[flag.start], labels)) for flag in flags)


def _driver(flag: Flag, cost: FloatArray, at: int, labels: list[str]) -> str:
    if not labels:
        return ""
    past = cost[:, max(at - DRIVER_PAST, 0) : at]
    usual = np.median(past, axis=1) if past.shape[1] else np.zeros(len(labels))
    moved = (cost[:, at] - usual) * np.sign(flag.at_stake_usd or 1)
    return labels[int(np.argmax(moved))]
