"""A look and an anomaly in, the series that it is of, with what was expected of it and without its driver, out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
from sqlalchemy import Engine

from dashboard.data import Look
from dashboard.frames import FloatArray, Stretch, Watched
from dashboard.metrics import metric_of
from usage_plugin.analysis.memory import Profile, run
from usage_plugin.analysis.why import without
from usage_plugin.detect import Part, Split, Why
from usage_plugin.detect.series import TOTAL, Metric, Scope, Series, watch_of
from usage_plugin.detect.table import tabulate, with_latency
from usage_plugin.detect.times import HISTORY, TIMED_HISTORY, slots
from usage_plugin.store import read
from usage_plugin.store.analysis_tables import AnomalyRow
from usage_plugin.store.calendar import planned_events
from usage_plugin.store.read import Dimension, Granularity, Question

BEFORE: Final = {Granularity.HOUR: timedelta(days=7), Granularity.DAY: timedelta(days=42)}
AFTER: Final = {Granularity.HOUR: timedelta(days=1), Granularity.DAY: timedelta(days=7)}
MOST_DRIVERS: Final = 5
MOST_REMEMBERED: Final = 64
LEAST_SCORE: Final = 0.1
"""A dimension that explains less says only that all changed alike."""


@dataclass(frozen=True, slots=True)
class _Driver:
    name: str
    values: FloatArray
    """Of all drivers together, shape ``(buckets,)``."""


def watched(look: Look, row: AnomalyRow, why: Why | None) -> Watched | None:
    """Give the series around an anomaly; ``None`` where it has none, as a novelty."""
    series = series_in(row)
    if series is None:
        return None
    question, metric = _history(look, row, series), metric_of(row.metric)
    buckets, length = read.bucket_starts(question), series.granularity.length
    (values,) = look.ask_heavy(values_of, series.metric, (series.scope,), question)
    partial = next(
        (at for at, each in enumerate(buckets) if each == series.granularity.floor(look.now, look.zone)), None
    )
    driver = _driver(look, series, why, question) if metric.adds_up else None
    drawn = [values] if driver is None else [values, driver.values]
    expected, lower, upper = _bands(series, drawn, question, partial)
    redrawn = None if driver is None else _redrawn(values, driver.values, expected[1], buckets, row)
    start = _first_shown(row, buckets, series.granularity)
    return Watched(
        name=metric.name,
        unit=metric.unit,
        buckets=buckets[start:],
        bucket_length=length,
        values=values[start:],
        lower=lower[0, start:],
        expected=expected[0, start:],
        upper=upper[0, start:],
        anomaly=Stretch(row.kind, row.started_at, row.ended_at),
        without=None if redrawn is None else redrawn[start:],
        driver="" if driver is None else driver.name,
        planned=_planned(look, row, series.scope, (buckets[start], buckets[-1] + length)),
        zone=look.zone,
        partial=None if partial is None else partial - start,
    )


def series_in(row: AnomalyRow) -> Series | None:
    """Give the series that an anomaly is of; a novelty is of none, nor is what this version does not watch."""
    if row.metric == Metric.USE or row.granularity not in set(Granularity):
        return None
    scope = Scope(row.dimension, row.member, row.second_dimension, row.second_member)
    series = Series(Metric(row.metric), Granularity(row.granularity), scope)
    try:
        watch_of(series)
        _ = scope.choices
    except (KeyError, ValueError):
        return None
    return series


def values_of(engine: Engine, metric: Metric, scopes: tuple[Scope, ...], question: Question) -> FloatArray:
    """Give a metric of some scopes as the detector takes it, NaN before the first call of each.

    Returns:
        Dollars, counts, milliseconds or shares, shape ``(scopes, buckets)``.
    """
    table = tabulate(engine, scopes, question)
    if metric is Metric.LATENCY_P95:
        table = with_latency(engine, table, scopes, question)
    found: FloatArray = np.where(np.cumsum(table.calls, axis=1) == 0, np.nan, table.values(metric))
    return found


def drivers_of(why: Why | None) -> tuple[Split, tuple[Part, ...]] | None:
    """Give who drove a change: those of the dimension that explains it best."""
    best = next(iter(why.splits), None) if why is not None else None
    if best is None or best.score < LEAST_SCORE or best.dimension not in set(Dimension):
        return None
    driving = best.driving[:MOST_DRIVERS]
    return (best, driving) if driving else None


def _driver(look: Look, series: Series, why: Why | None, question: Question) -> _Driver | None:
    found = drivers_of(why)
    if found is None:
        return None
    split, parts = found
    scopes = tuple(each for part in parts if (each := _narrower(series.scope, split.dimension, part)) is not None)
    if not scopes:
        return None
    values = look.ask_heavy(values_of, series.metric, scopes, question)
    name = parts[0].label or f"calls without {split.dimension.replace('_', ' ')}"
    others = f" and {len(parts) - 1} more" if len(parts) > 1 else ""
    known = np.isfinite(values).any(axis=0)
    return _Driver(f"{name}{others}", np.where(known, np.nansum(values, axis=0), np.nan))


def _narrower(scope: Scope, dimension: str, part: Part) -> Scope | None:
    """Give a member's part of a scope; of a pair there is no narrower one, nor of the dimension itself."""
    if scope.dimension == TOTAL:
        return Scope(dimension, part.member)
    if scope.second_dimension is not None or scope.dimension == dimension:
        return None
    return Scope(scope.dimension, scope.member, dimension, part.member)


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
    series: Series, drawn: list[FloatArray], question: Question, partial: int | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Step through the history again, as the detector did; nothing is expected before it has learnt."""
    ended = np.stack(drawn)
    if partial is not None:
        ended[:, partial] = np.nan
    places = slots(series.granularity, read.bucket_starts(question), question.zone)
    return _stepped(watch_of(series).profile, ended.tobytes(), tuple(places.tolist()))


@lru_cache(MOST_REMEMBERED)
def _stepped(profile: Profile, series: bytes, places: tuple[int, ...]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Remember what a second or two of steps say: a past that is over stays as it was."""
    values = np.frombuffer(series, dtype=np.float64).reshape(-1, len(places))
    scores = run(profile, values, places)
    learnt = np.cumsum(np.isfinite(values), axis=1) > profile.learning
    bands = (scores.expected, np.maximum(scores.lower, 0.0), scores.upper)
    expected, lower, upper = (np.where(learnt, band.astype(np.float64), np.nan) for band in bands)
    return expected, lower, upper


def _history(look: Look, row: AnomalyRow, series: Series) -> Question:
    zone, granularity = look.zone, series.granularity
    known = TIMED_HISTORY if series.metric is Metric.LATENCY_P95 else HISTORY
    start = granularity.floor(row.started_at - known[granularity], zone)
    latest = granularity.after(look.now, zone)
    end = min(granularity.ceil(row.ended_at + AFTER[granularity], zone), latest)
    end = max(end, granularity.after(start, zone))
    return Question(start=start, end=end, granularity=granularity, zone=zone, as_kept=True)


def _first_shown(row: AnomalyRow, buckets: tuple[datetime, ...], granularity: Granularity) -> int:
    lasted = row.ended_at - row.started_at
    begin = row.started_at - max(BEFORE[granularity], lasted)
    return next((at for at, bucket in enumerate(buckets) if bucket >= begin), 0)


def _planned(look: Look, row: AnomalyRow, scope: Scope, shown: tuple[datetime, datetime]) -> tuple[Stretch, ...]:
    """Give the events of the calendar that concern these calls, and that which the anomaly was expected for."""
    own = {(dimension.value, member) for dimension, member in scope.choices.items()}
    events = look.ask_found(planned_events, start=shown[0], end=shown[1])
    concerned = [
        each
        for each in events
        if each.dimension == TOTAL or (each.dimension, each.member) in own or each.id == row.planned_event_id
    ]
    return tuple(Stretch(each.name, each.starts_at, each.ends_at) for each in concerned)
