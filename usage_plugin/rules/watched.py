"""A rule and a time in, the arrays that it looks at out, with whose they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Engine

from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.detect.series import TOTAL, Metric, Scope, Series, watch_of
from usage_plugin.detect.table import LEAST_REQUESTS, Table, tabulate, with_latency
from usage_plugin.detect.times import slots
from usage_plugin.money import NANO_PER_USD
from usage_plugin.rules import minutes
from usage_plugin.rules.evaluate import HOUR, Arrays
from usage_plugin.rules.minutes import MINUTE, Recent
from usage_plugin.rules.rule import UNPRICED_SHARE, Detector, NoData, Rule, Threshold
from usage_plugin.store import read
from usage_plugin.store.dimensions import LABELS
from usage_plugin.store.read import Dimension, Granularity, Question

# A rule for each member watches those with the most spend; of latencies each is a question of its own.
MOST_MEMBERS: Final = 50
MOST_TIMED: Final = 10
NOBODY: Final[Mapping[Scope, str]] = {}
_SUMS: Final = {
    Metric.TOKENS.value: "total_tokens",
    Metric.REQUESTS.value: "requests",
}
_RATES: Final = {
    Metric.ERROR_RATE.value: ("failed_requests", "let_in"),
    Metric.CACHE_HIT_RATE.value: ("cached_requests", "let_in"),
    UNPRICED_SHARE: ("unpriced_requests", "calls"),
    Metric.COST_PER_REQUEST.value: ("cost_nano_usd", "priced"),
    Metric.TOKENS_PER_REQUEST.value: ("total_tokens", "requests"),
}


@dataclass(frozen=True, slots=True)
class Watched:
    """What a rule looks at."""

    scopes: tuple[Scope, ...]
    labels: tuple[str, ...]
    starts: tuple[datetime, ...]
    ends: tuple[datetime, ...]
    """Of the points; the last is the present moment where it is not over."""
    arrays: Arrays
    cost_usd: FloatArray
    """What was spent in each point, as far as prices are known."""
    calls: FloatArray
    unpriced: FloatArray
    """How many of the calls have no known price."""


def watched(
    engine: Engine, rule: Rule, start: datetime, now: datetime, zone: ZoneInfo, *, also: Mapping[Scope, str] = NOBODY
) -> Watched:
    """Read what a rule looks at.

    Args:
        engine: Of a migrated database.
        rule: What is asked for.
        start: From then on, in whole hours or days.
        now: Up to here: the last hour or day goes on.
        zone: Whose hours and days.
        also: Who is looked at whether or not there were calls, with the names that people know them by.

    Raises:
        StoreError: The database does not answer, or only pruned calls could tell.
    """
    if rule.is_by_minute:
        recent = Recent(engine, kept=now - start)
        recent.catch_up(now)
        return by_minute(rule, recent)
    step = _step(rule)
    asked = Question(start=step.floor(start, zone), end=now, granularity=step, zone=zone, as_kept=True)
    scopes = {**_scopes(engine, rule, asked), **also}
    table = tabulate(engine, tuple(scopes), asked)
    if rule.metric == Metric.LATENCY_P95:
        table = with_latency(engine, table, scopes, asked)
    return _by_bucket(rule, table, scopes, now, zone)


def by_minute(rule: Rule, recent: Recent) -> Watched:
    """Give the same from minutes that are read already; the one that goes on is none of them."""
    known = [minutes.TOTAL] if rule.dimension == TOTAL else _spenders(rule, recent)
    cost_usd, calls, unpriced = recent.dollars(known), recent.requests(known), recent.unpriced(known)
    starts = tuple(recent.start + number * MINUTE for number in range(recent.points))
    return Watched(
        scopes=tuple(Scope(each.dimension, each.member) for each in known),
        labels=tuple(recent.label(each) or "" for each in known),
        starts=starts,
        ends=tuple(each + MINUTE for each in starts),
        arrays=Arrays(
            values=calls if rule.metric == Metric.REQUESTS else known_cost(cost_usd, calls, unpriced),
            step=MINUTE,
            lengths_h=np.full(len(starts), MINUTE / HOUR),
            is_over=np.ones(len(starts), np.bool_),
            slots=np.arange(len(starts)),
        ),
        cost_usd=cost_usd,
        calls=calls,
        unpriced=unpriced,
    )


def known_cost(cost_usd: FloatArray, calls: FloatArray, unpriced: FloatArray) -> FloatArray:
    """Give costs where anybody can say them: NaN where there were calls, and the price of none is known."""
    known: FloatArray = np.where((unpriced > 0) & (unpriced >= calls) & (cost_usd <= 0), np.nan, cost_usd)
    return known


def _spenders(rule: Rule, recent: Recent) -> list[minutes.Scope]:
    if rule.member is not None:
        return [minutes.Scope(rule.dimension, rule.member)]
    found = recent.scopes(recent.points)
    mine = [each for each in found if each.dimension == rule.dimension]
    return sorted(mine, key=lambda each: (-found[each], each))[:MOST_MEMBERS]


def _step(rule: Rule) -> Granularity:
    """Say what a point is: an hour, unless what is asked for is known by the day only."""
    given = rule.settings
    is_by_day = isinstance(given, Detector | Threshold) and given.period == Granularity.DAY
    is_latency = rule.metric == Metric.LATENCY_P95
    return Granularity.DAY if is_by_day and (is_latency or isinstance(given, Detector)) else Granularity.HOUR


def _scopes(engine: Engine, rule: Rule, asked: Question) -> dict[Scope, str]:
    """Give whose calls are looked at, with the names that people know them by."""
    if rule.dimension == TOTAL:
        return {Scope(): ""}
    dimension = Dimension(rule.dimension)
    if rule.member is not None and dimension not in LABELS:
        return {Scope(rule.dimension, rule.member): rule.member}
    names = {member.value: member.label for member, _ in read.members(engine, asked.grouped_by(dimension))}
    if rule.member is not None:
        return {Scope(rule.dimension, rule.member): names.get(rule.member, rule.member)}
    most = MOST_TIMED if rule.metric == Metric.LATENCY_P95 else MOST_MEMBERS
    known = [(member, name) for member, name in names.items() if member is not None]
    return {Scope(rule.dimension, member): name for member, name in known[:most]}


def _by_bucket(rule: Rule, table: Table, labels: Mapping[Scope, str], now: datetime, zone: ZoneInfo) -> Watched:
    step, starts = table.granularity, table.buckets
    ends = tuple(min(step.after(each, zone), now) for each in starts)
    closed = np.array([step.after(each, zone) <= now for each in starts], np.bool_)
    period = Granularity(rule.settings.period) if isinstance(rule.settings, Threshold) else step
    groups = _groups(starts, period, zone)
    lasts = np.append(np.diff(groups) > 0, _ends_with(period, starts, now, zone)) if starts else closed
    arrays = Arrays(
        values=_values(rule, table, groups),
        step=step.length,
        lengths_h=np.array([(end - start) / HOUR for start, end in zip(starts, ends, strict=True)]),
        is_over=closed & (lasts if isinstance(rule.settings, Threshold) else True),
        slots=slots(step, starts, zone),
    )
    if isinstance(rule.settings, Detector):
        arrays = replace(arrays, profile=watch_of(Series(Metric(rule.metric), step, Scope())).profile)
    names = tuple(labels[each] for each in table.scopes)
    cost_usd, unpriced = _measure(table, "cost_nano_usd"), table.measures["unpriced_requests"]
    return Watched(table.scopes, names, starts, ends, arrays, cost_usd, table.calls, unpriced)


def _ends_with(period: Granularity, starts: Sequence[datetime], now: datetime, zone: ZoneInfo) -> bool:
    return period.after(starts[-1], zone) <= now


def _groups(
    starts: Sequence[datetime], period: Granularity, zone: ZoneInfo
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Number the hours or days that points are in."""
    floors = [period.floor(each, zone) for each in starts]
    numbers = {floor: number for number, floor in enumerate(dict.fromkeys(floors))}
    return np.array([numbers[floor] for floor in floors], np.int64)


def _values(rule: Rule, table: Table, groups: np.ndarray[tuple[int], np.dtype[np.int64]]) -> FloatArray:
    """Give what is compared: of a threshold the value of its hour or day so far."""
    if isinstance(rule.settings, NoData):
        return table.calls
    if not isinstance(rule.settings, Threshold) or rule.metric == Metric.LATENCY_P95:
        return table.values(Metric(rule.metric))
    if rule.metric == Metric.COST:
        parts = (_measure(table, "cost_nano_usd"), table.calls, table.measures["unpriced_requests"])
        return known_cost(*(_so_far(each, groups) for each in parts))
    if rule.metric in _SUMS:
        return _so_far(_measure(table, _SUMS[rule.metric]), groups)
    above, below = (_so_far(_measure(table, name), groups) for name in _RATES[rule.metric])
    found = np.full(above.shape, np.nan)
    np.divide(above, below, out=found, where=below >= LEAST_REQUESTS[Granularity.HOUR])
    return found


def _measure(table: Table, name: str) -> FloatArray:
    if name in table.measures:
        return table.measures[name] / NANO_PER_USD if name == "cost_nano_usd" else table.measures[name]
    found: FloatArray = getattr(table, name)
    return found


def _so_far(values: FloatArray, groups: np.ndarray[tuple[int], np.dtype[np.int64]]) -> FloatArray:
    """Add points up from the begin of the hour or day that they are in."""
    sums = np.cumsum(values, axis=-1)
    firsts = np.flatnonzero(np.diff(groups, prepend=-1))
    before = (sums - values)[:, firsts]
    so_far: FloatArray = sums - before[:, groups]
    return so_far


def oldest(now: datetime, days: int, rule: Rule, by_minute_days: int) -> datetime:
    """Say from when on a back-test goes: by the minute not as far."""
    return now - timedelta(days=min(days, by_minute_days) if rule.is_by_minute else days)
