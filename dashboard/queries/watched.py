"""A look and an anomaly in, the series that it is of, with what was expected of it and without its driver, out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from dashboard.data import Look
from dashboard.frames import FloatArray, Stretch, Watched
from dashboard.metrics import metric_of
from dashboard.scopes import TOTAL
from usage_plugin.analysis.memory import (
    PER_CALL_BY_DAY,
    SPEND_BY_DAY,
    SPEND_BY_HOUR,
    Profile,
    metric_every,
    run,
)
from usage_plugin.analysis.why import without
from usage_plugin.detect import Part, Split, Why
from usage_plugin.store import read
from usage_plugin.store.analysis_tables import AnomalyRow
from usage_plugin.store.calendar import planned_events
from usage_plugin.store.read import Choice, Dimension, Granularity, Question, Usage

HISTORY: Final = {Granularity.HOUR: timedelta(days=63), Granularity.DAY: timedelta(days=200)}
BEFORE: Final = {Granularity.HOUR: timedelta(days=7), Granularity.DAY: timedelta(days=42)}
AFTER: Final = {Granularity.HOUR: timedelta(days=1), Granularity.DAY: timedelta(days=7)}
MONDAY: Final = datetime(2018, 1, 1, tzinfo=UTC)
"""As good as any other."""
MOST_DRIVERS: Final = 5
MOST_REMEMBERED: Final = 64
LEAST_SCORE: Final = 0.1
"""A dimension that explains less says only that all changed alike."""

READERS: Final[dict[str, Callable[[Usage], float | None]]] = {
    "cost": lambda usage: usage.cost_nano_usd if usage.cost_nano_usd is not None else _none_called(usage),
    "tokens": lambda usage: usage.total_tokens,
    "requests": lambda usage: usage.requests,
    "cost_per_request": lambda usage: _ratio(usage.cost_nano_usd, usage.requests - usage.unpriced_requests),
    "tokens_per_request": lambda usage: _ratio(usage.total_tokens, usage.requests),
    "error_rate": lambda usage: usage.error_rate,
    "cache_hit_rate": lambda usage: _ratio(usage.cached_requests, usage.requests),
    "unpriced_share": lambda usage: _ratio(usage.unpriced_requests, usage.requests),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose calls: pairs of a dimension and a value of it."""

    choices: tuple[tuple[Dimension, Choice], ...] = ()

    @classmethod
    def of(cls, row: AnomalyRow) -> Scope:
        """Take an anomaly's; what is no dimension of calls narrows nothing."""
        named = ((row.dimension, row.member), (row.second_dimension, row.second_member))
        return cls(tuple((Dimension(name), member) for name, member in named if name in set(Dimension)))

    def and_of(self, dimension: Dimension, members: tuple[Choice, ...], question: Question) -> Question:
        """Narrow a question down further."""
        chosen: dict[str, Any] = {known.value: (member,) for known, member in self.choices}
        return _with(question, {**chosen, dimension.value: members})

    def asked(self, question: Question) -> Question:
        """Narrow a question down."""
        return _with(question, {known.value: (member,) for known, member in self.choices})


def watched(look: Look, row: AnomalyRow, why: Why | None) -> Watched | None:
    """Give the series around an anomaly; ``None`` where it has none, as a novelty."""
    if row.metric not in (*READERS, "latency_p95"):
        return None
    granularity = Granularity.DAY if row.granularity == Granularity.DAY.value else Granularity.HOUR
    question = _history(look, row, granularity)
    scope, metric = Scope.of(row), metric_of(row.metric)
    values = series_of(look, row.metric, scope.asked(question)) / metric.shown_per
    buckets = read.bucket_starts(question)
    partial = _in_progress(buckets, look, granularity)
    driver = _driver(look, row, why, scope, question) if metric.adds_up else None
    drove = None if driver is None else driver.values / metric.shown_per
    expected, lower, upper = _bands(row.metric, [values] if drove is None else [values, drove], question, partial)
    redrawn = None if drove is None else _redrawn(values, drove, expected[1], buckets, row)
    start = _first_shown(row, buckets, granularity)
    shown_from, shown_to = buckets[start], buckets[-1] + granularity.length
    return Watched(
        name=metric.name,
        unit=metric.unit,
        buckets=buckets[start:],
        bucket_length=granularity.length,
        values=values[start:],
        lower=lower[0, start:],
        expected=expected[0, start:],
        upper=upper[0, start:],
        anomaly=Stretch(row.kind, row.started_at, row.ended_at),
        without=None if redrawn is None else redrawn[start:],
        driver="" if driver is None else driver.name,
        planned=_planned(look, scope, shown_from, shown_to),
        zone=look.zone,
        partial=None if partial is None else partial - start,
    )


def series_of(look: Look, metric: str, question: Question) -> FloatArray:
    """Give a metric per bucket in the store's units, NaN where unknown and before the first call."""
    if metric == "latency_p95":
        found = look.ask_heavy(read.latency_p95_series, question).p95_ms
        return np.array([np.nan if each is None else each for each in found], dtype=np.float64)
    usage = look.ask_heavy(read.series, question).usage
    values = np.array([_known(READERS[metric](each)) for each in usage], dtype=np.float64)
    called = np.flatnonzero([not each.is_empty for each in usage])
    first = called[0] if called.size else values.size
    return np.where(np.arange(values.size) < first, np.nan, values)


def profile_of(metric: str, granularity: Granularity) -> Profile:
    """Give the detector that judges a metric."""
    daily = granularity is Granularity.DAY
    if metric in ("cost", "tokens", "requests"):
        return SPEND_BY_DAY if daily else SPEND_BY_HOUR
    if metric in ("cost_per_request", "tokens_per_request") and daily:
        return PER_CALL_BY_DAY
    return metric_every(24 * 60 if daily else 60)


def slots_of(buckets: tuple[datetime, ...], zone: ZoneInfo, length: timedelta) -> list[int]:
    """Count points since a Monday's midnight on a zone's clocks."""
    return [(bucket.astimezone(zone).replace(tzinfo=UTC) - MONDAY) // length for bucket in buckets]


def drivers_of(why: Why | None) -> tuple[Split, tuple[Part, ...]] | None:
    """Give who drove a change: those of the dimension that explains it best."""
    best = next(iter(why.splits), None) if why is not None else None
    if best is None or best.score < LEAST_SCORE or best.dimension not in set(Dimension):
        return None
    driving = best.driving[:MOST_DRIVERS]
    return (best, driving) if driving else None


@dataclass(frozen=True, slots=True)
class _Driver:
    name: str
    values: FloatArray


def _driver(look: Look, row: AnomalyRow, why: Why | None, scope: Scope, question: Question) -> _Driver | None:
    found = drivers_of(why)
    if found is None:
        return None
    split, parts = found
    dimension = Dimension(split.dimension)
    if any(known is dimension for known, _ in scope.choices):
        return None
    asked = scope.and_of(dimension, tuple(part.member for part in parts), question)
    name = parts[0].label or f"calls without {dimension.value}"
    others = f" and {len(parts) - 1} more" if len(parts) > 1 else ""
    return _Driver(f"{name}{others}", series_of(look, row.metric, asked))


def _redrawn(
    values: FloatArray, driver: FloatArray, usual: FloatArray, buckets: tuple[datetime, ...], row: AnomalyRow
) -> FloatArray:
    """Take away what drove it beyond what is usual of it, while the anomaly lasts and one point around it."""
    # Before a driver has a past of its own nothing is usual of it.
    redrawn = without(values, driver, np.nan_to_num(np.minimum(usual, np.nan_to_num(driver))))
    within = np.array([row.started_at <= bucket < row.ended_at for bucket in buckets])
    around = within | np.append(within[1:], values=False) | np.insert(within[:-1], 0, values=False)
    return np.where(within, redrawn, np.where(around, values, np.nan))


def _bands(
    metric: str, series: list[FloatArray], question: Question, partial: int | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Step through the history again, as the detector did; nothing is expected before it has learnt."""
    ended = np.stack(series)
    if partial is not None:
        ended[:, partial] = np.nan
    profile = profile_of(metric, question.granularity)
    slots = slots_of(read.bucket_starts(question), question.zone, question.granularity.length)
    return _stepped(profile, ended.tobytes(), tuple(slots))


@lru_cache(MOST_REMEMBERED)
def _stepped(profile: Profile, series: bytes, slots: tuple[int, ...]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Remember what a second or two of steps say: a past that is over stays as it was."""
    values = np.frombuffer(series, dtype=np.float64).reshape(-1, len(slots))
    scores = run(profile, values, slots)
    learnt = np.cumsum(np.isfinite(values), axis=1) > profile.learning
    bands = (scores.expected, np.maximum(scores.lower, 0.0), scores.upper)
    expected, lower, upper = (np.where(learnt, band.astype(np.float64), np.nan) for band in bands)
    return expected, lower, upper


def _history(look: Look, row: AnomalyRow, granularity: Granularity) -> Question:
    zone = look.zone
    start = granularity.floor(row.started_at - HISTORY[granularity], zone)
    latest = granularity.after(look.now, zone)
    end = min(granularity.ceil(row.ended_at + AFTER[granularity], zone), latest)
    return Question(start=start, end=max(end, granularity.after(start, zone)), granularity=granularity, zone=zone)


def _first_shown(row: AnomalyRow, buckets: tuple[datetime, ...], granularity: Granularity) -> int:
    lasted = row.ended_at - row.started_at
    begin = row.started_at - max(BEFORE[granularity], lasted)
    return next((at for at, bucket in enumerate(buckets) if bucket >= begin), 0)


def _in_progress(buckets: tuple[datetime, ...], look: Look, granularity: Granularity) -> int | None:
    current = granularity.floor(look.now, look.zone)
    return next((at for at, bucket in enumerate(buckets) if bucket == current), None)


def _planned(look: Look, scope: Scope, start: datetime, end: datetime) -> tuple[Stretch, ...]:
    """Give the events of the calendar that concern these calls."""
    own = {(dimension.value, member) for dimension, member in scope.choices}
    events = look.ask_found(planned_events, start=start, end=end)
    concerned = [each for each in events if each.dimension == TOTAL or (each.dimension, each.member) in own]
    return tuple(Stretch(each.name, each.starts_at, each.ends_at) for each in concerned)


def _with(question: Question, chosen: dict[str, Any]) -> Question:
    return Question(
        start=question.start, end=question.end, granularity=question.granularity, zone=question.zone, **chosen
    )


def _none_called(usage: Usage) -> float | None:
    return 0.0 if usage.is_empty else None


def _ratio(part: float | None, whole: float) -> float | None:
    return None if part is None or whole <= 0 else part / whole


def _known(value: float | None) -> float:
    return np.nan if value is None else float(value)
