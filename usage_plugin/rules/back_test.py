"""A rule in, when it fires now, and when it would have fired, with the dollars, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Engine

from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.detect.series import Metric, Scope
from usage_plugin.money import NANO_PER_USD
from usage_plugin.rules.evaluate import HOUR, Fired, evaluate, lookback
from usage_plugin.rules.minutes import Recent
from usage_plugin.rules.rule import BurnRate, Detector, NoData, Rule, Threshold, row_of
from usage_plugin.rules.watched import Watched, by_minute, known_cost, oldest, watched

DAYS: Final = 90
DAYS_BY_MINUTE: Final = 14
# What comes and goes within minutes is one firing, as it is one alert.
SETTLED_AFTER: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """A stretch of time in which a rule fires for somebody."""

    scope: Scope
    label: str
    start: datetime
    """Begin of the first point at which it does."""
    end: datetime
    value: float
    """The worst, in the metric's own unit; of silence its hours."""
    limit: float | None
    """At that point; ``None`` where there is none."""
    at_stake_nano_usd: int | None
    """Cost beyond what is allowed or expected; ``None`` where the metric is no cost."""
    spent_nano_usd: int | None
    """What was spent meanwhile; ``None`` where there were calls, and the price of none is known."""
    unpriced_requests: int = 0
    """Calls without a known price in what the value is of: a cost is the cost of the others."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Somebody of whom a rule about silence fired, since when."""

    scope: Scope
    label: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a rule looked at, to be drawn."""

    scope: Scope
    label: str
    values: FloatArray
    limits: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class BackTest:
    """When a rule would have fired."""

    rule: Rule
    since: datetime
    until: datetime
    firings: tuple[Firing, ...]
    """The newest first."""
    buckets: tuple[datetime, ...]
    """Begins of the points of the lines."""
    lines: tuple[Line, ...]
    """Those that fired most first, then the largest."""
    unpriced_requests: int = 0
    """Of all that were looked at: no dollars hold them."""

    @property
    def at_stake_nano_usd(self) -> int | None:
        """All dollars together; ``None`` where the metric is no cost."""
        known = [each.at_stake_nano_usd for each in self.firings if each.at_stake_nano_usd is not None]
        return sum(known) if known or not self.firings else None


def firing_now(
    engine: Engine,
    rule: Rule,
    now: datetime,
    zone: ZoneInfo,
    *,
    recent: Recent | None = None,
    missed: Sequence[Missed] = (),
) -> list[Firing]:
    """Say for whom a rule fires at this moment, and since when.

    Args:
        engine: Of a migrated database.
        rule: What is asked for.
        now: The present moment.
        zone: Whose hours and days.
        recent: The last two days by the minute, up to date, for rules that look at minutes.
        missed: Who was silent when last looked, of a rule about silence: they are until a call comes.

    Raises:
        StoreError: The database does not answer, or only pruned calls could tell.
    """
    if rule.is_by_minute and recent is not None:
        seen = by_minute(rule, recent)
    else:
        also = {each.scope: each.label for each in missed}
        seen = watched(engine, rule, now - lookback(rule) - timedelta(days=1), now, zone, also=also)
    if not seen.starts or not seen.scopes:
        return []
    fired = evaluate(rule, seen.arrays)
    last = _last_judged(rule, seen)
    found = [each for each in _firings(rule, seen, fired, 0) if each.end >= seen.ends[last]]
    return found + _silent_still(rule, seen, missed)


def _silent_still(rule: Rule, seen: Watched, missed: Sequence[Missed]) -> list[Firing]:
    """Give those of whom there is no call as far as one looks back."""
    given = rule.settings
    if not isinstance(given, NoData):
        return []
    heard = {scope for scope, calls in zip(seen.scopes, seen.arrays.values, strict=True) if calls.any()}
    return [
        Firing(
            scope=each.scope,
            label=each.label,
            start=each.since,
            end=seen.ends[-1],
            # It began to fire with the hour that made it too long.
            value=given.hours - 1 + (seen.ends[-1] - each.since) / HOUR,
            limit=float(given.hours),
            at_stake_nano_usd=None,
            spent_nano_usd=0,
        )
        for each in missed
        if each.scope not in heard
    ]


def back_test(engine: Engine, rule: Rule, now: datetime, zone: ZoneInfo, days: int = DAYS) -> BackTest:
    """Say when a rule would have fired, by the code that decides it each minute.

    Rules by the minute are tested over two weeks at most, and none before the first call.

    Args:
        engine: Of a migrated database.
        rule: What is asked for; it need not be kept yet.
        now: The present moment.
        zone: Whose hours and days.
        days: How far back.

    Raises:
        InputError: The rule asks for what cannot be.
        StoreError: The database does not answer, or only pruned calls could tell.
    """
    row_of(rule)
    since = oldest(now, days, rule, DAYS_BY_MINUTE)
    seen = watched(engine, rule, since - lookback(rule), now, zone)
    if not seen.starts or not seen.scopes:
        return BackTest(rule=rule, since=since, until=now, firings=(), buckets=(), lines=())
    fired = evaluate(rule, seen.arrays)
    first = next((at for at, end in enumerate(seen.ends) if end > since), len(seen.ends))
    firings = sorted(_firings(rule, seen, fired, first), key=lambda each: each.start, reverse=True)
    lines = tuple(
        Line(scope=scope, label=label, values=fired.shown[at, first:], limits=fired.limit[at, first:])
        for at, (scope, label) in enumerate(zip(seen.scopes, seen.labels, strict=True))
    )
    order = np.argsort(-fired.fires[:, first:].sum(axis=1), kind="stable").tolist()
    return BackTest(
        rule=rule,
        since=max(since, seen.starts[first] if first < len(seen.starts) else since),
        until=now,
        firings=tuple(firings),
        buckets=seen.starts[first:],
        lines=tuple(lines[at] for at in order),
        unpriced_requests=round(float(seen.unpriced[:, first:].sum())),
    )


def _last_judged(rule: Rule, seen: Watched) -> int:
    """Give the last point that says something: what is too low, or an anomaly, is judged when its time is over."""
    waits = isinstance(rule.settings, Detector) or getattr(rule.settings, "below", None) is not None
    judged = np.flatnonzero(seen.arrays.is_over)
    if not waits or not judged.size:
        return len(seen.ends) - 1
    return int(judged[-1])


def _firings(rule: Rule, seen: Watched, fired: Fired, first: int) -> list[Firing]:
    found, pause = list[Firing](), max(SETTLED_AFTER // seen.arrays.step, 1)
    for at in range(len(seen.scopes)):
        places = first + np.flatnonzero(fired.fires[at, first:])
        groups = np.split(places, np.flatnonzero(np.diff(places) > pause) + 1)
        found += [_firing(rule, seen, fired, at, group) for group in groups if group.size]
    return found


def _firing(
    rule: Rule, seen: Watched, fired: Fired, at: int, places: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> Firing:
    begin, end = int(places[0]), int(places[-1])
    shown = fired.shown[at, places]
    is_low = getattr(rule.settings, "below", None) is not None
    worst = int(places[int(np.nanargmin(shown) if is_low else np.nanargmax(shown))])
    limit = float(fired.limit[at, worst])
    has_stake = rule.metric == Metric.COST and not is_low and not isinstance(rule.settings, NoData)
    excess = float(fired.excess[at, begin : end + 1].sum())
    return Firing(
        scope=seen.scopes[at],
        label=seen.labels[at],
        start=seen.starts[begin],
        end=seen.ends[end],
        value=float(fired.shown[at, worst]),
        limit=None if np.isnan(limit) else limit,
        at_stake_nano_usd=round(excess * NANO_PER_USD) if has_stake else None,
        spent_nano_usd=_spent_nano_usd(seen, at, slice(begin, end + 1)),
        unpriced_requests=round(float(seen.unpriced[at, _reach(rule, seen, begin) : end + 1].sum())),
    )


def _spent_nano_usd(seen: Watched, at: int, stretch: slice) -> int | None:
    parts = (np.array(float(each[at, stretch].sum())) for each in (seen.cost_usd, seen.calls, seen.unpriced))
    spent = float(known_cost(*parts))
    return None if np.isnan(spent) else round(spent * NANO_PER_USD)


def _reach(rule: Rule, seen: Watched, begin: int) -> int:
    """Give the first point that the value of a point is of: of its hour or day, or of the longest window."""
    given = rule.settings
    if isinstance(given, BurnRate):
        longest = max(each.length for each in given.windows)
        return max(begin + 1 - round(longest / seen.arrays.step), 0)
    before = np.flatnonzero(seen.arrays.is_over[:begin])
    return int(before[-1]) + 1 if isinstance(given, Threshold) and before.size else begin
