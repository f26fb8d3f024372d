"""Series that alarmed in, their anomalies with begin, peak, end, expected and actual out: those that matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from usage_plugin.analysis.memory import Anomaly, Kind, Profile, Scores, anomalies, run
from usage_plugin.detect.scan import Scan, Setting, read_table, to_one_side, values_of
from usage_plugin.detect.series import Metric, Scope, Series, watch_of
from usage_plugin.detect.stake import Amounts, amounts, is_material, is_said_in_dollars
from usage_plugin.detect.table import NANO_PER_USD, FloatArray, Table
from usage_plugin.detect.times import slots, unrecorded
from usage_plugin.store import read
from usage_plugin.store.analysis_tables import AnomalyRow
from usage_plugin.store.read import Choice, Dimension, Granularity, Question

NAMED_WITHIN: Final = timedelta(days=14)
_LABELLED: Final = (Dimension.KEY, Dimension.TEAM)
_IN_DOLLARS: Final = (Metric.COST, Metric.COST_PER_REQUEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An anomaly of one series, in the units of its row."""

    series: Series
    label: str
    kind: str
    start: datetime
    peak: datetime
    end: datetime
    """End of the last point that is off."""
    alarms: tuple[datetime, ...]
    """Begins of the points at which a detector alarmed."""
    told: tuple[datetime, ...]
    """Those of them at which somebody should hear of it: the first, and those much worse than the one before."""
    is_over: bool
    expected: float
    actual: float
    peak_actual: float
    z: float
    severity: float
    amounts: Amounts

    @property
    def is_high(self) -> bool:
        """Whether it is too much."""
        return self.severity > 0


def find(setting: Setting, scan: Scan, going_on: Sequence[AnomalyRow]) -> list[Found]:
    """Describe what alarmed, and what goes on.

    Args:
        setting: Of the run.
        scan: Of a granularity.
        going_on: Anomalies of it that were not over.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    series = list(dict.fromkeys([*scan.severity, *(series_of(row) for row in going_on if row.metric != Metric.USE)]))
    if not series:
        return []
    table = _history(setting, scan, series)
    spent = dict(zip(table.scopes, table.measures["cost_nano_usd"].sum(axis=1) > 0, strict=True))
    series = [each for each in series if not (spent[each.scope] and is_said_in_dollars(each))]
    since = {series_of(row): row.started_at for row in going_on}
    found = list[Found]()
    for profile in {watch_of(each).profile for each in series}:
        mine = tuple(each for each in series if watch_of(each).profile == profile)
        judged = _judged(setting, scan, table, profile, mine)
        news = (judged.found(each) for each in judged.joined(anomalies(profile, judged.values, judged.scores)))
        found += [each for each in news if judged.is_news(each, since) and _matters(each, setting)]
    return _labelled(setting, found)


def _labelled(setting: Setting, found: Sequence[Found]) -> list[Found]:
    """Put in the names that people know members by."""
    if not found:
        return []
    # Who does nothing any more has a name from before.
    start, end = min(each.start for each in found) - NAMED_WITHIN, max(each.end for each in found)
    asked = Question(start=Granularity.DAY.floor(start, setting.zone), end=end, as_kept=True)
    known = dict[tuple[str, Choice], str]()
    for dimension in {each.series.scope.dimension for each in found} & {each.value for each in _LABELLED}:
        members = read.members(setting.engine, asked.grouped_by(Dimension(dimension)))
        known |= {(dimension, member.value): member.label for member, _ in members}
    names = [known.get((each.series.scope.dimension, each.series.scope.member), "") for each in found]
    return [replace(each, label=name) for each, name in zip(found, names, strict=True)]


def _matters(found: Found, setting: Setting) -> bool:
    return is_material(found.series, found.amounts, setting.options)


def series_of(row: AnomalyRow) -> Series:
    """Give the series that an anomaly is of."""
    scope = Scope(row.dimension, row.member, row.second_dimension, row.second_member)
    return Series(Metric(row.metric), Granularity(row.granularity), scope)


def _history(setting: Setting, scan: Scan, series: Sequence[Series]) -> Table:
    """Read the past of some series, unless it was read just now."""
    if scan.table is not None and {each.scope for each in series} <= set(scan.table.scopes):
        return scan.table
    return read_table(setting, series, setting.asked(scan.granularity, scan.history, scan.end))


@dataclass(frozen=True, slots=True)
class _Judged:
    """Series of one profile, and what all their points say."""

    scan: Scan
    table: Table
    profile: Profile
    series: tuple[Series, ...]
    values: FloatArray
    scores: Scores

    def joined(self, found: Sequence[Anomaly]) -> list[Anomaly]:
        """Make one of anomalies of a series and a side that overlap: each begins before it alarms."""
        result = list[Anomaly]()
        for each in sorted(found, key=lambda one: (one.series, one.severity > 0, one.start, one.end)):
            last = result[-1] if result else None
            if last and (last.series, last.severity > 0) == (each.series, each.severity > 0) and each.start <= last.end:
                result[-1] = self._union(last, each)
            else:
                result.append(each)
        return result

    def _union(self, one: Anomaly, other: Anomaly) -> Anomaly:
        worst, end = max(one, other, key=lambda each: abs(each.severity)), max(one.end, other.end)
        within = slice(one.start, end + 1)
        row, expected = self.values[one.series][within], self.scores.expected[one.series][within].astype(np.float64)
        known = np.isfinite(row)
        return replace(
            worst,
            start=one.start,
            end=end,
            told=tuple(sorted({*one.told, *other.told})),
            expected=float(expected[known].sum()),
            actual=float(row[known].sum()),
        )

    def found(self, each: Anomaly) -> Found:
        """Describe an anomaly in the units of its row."""
        series, row = self.series[each.series], self.values[each.series]
        within = slice(each.start, each.end + 1)
        there = max(int(np.isfinite(row[within]).sum()), 1)
        unit = NANO_PER_USD if series.metric in _IN_DOLLARS else 1.0
        scale = unit if series.metric.is_sum else unit / there
        quiet = len(self.table.buckets) - 1 - self._last(each)
        expected = self.scores.expected[each.series].astype(np.float64)
        return Found(
            series=series,
            label="",
            kind=each.kind.value,
            start=self.table.buckets[each.start],
            peak=self.table.buckets[each.peak],
            end=self._after(each.end),
            alarms=tuple(self.table.buckets[at] for at in self._alarms(each)),
            told=tuple(self.table.buckets[at] for at in each.told),
            is_over=quiet > self.profile.gap,
            expected=each.expected * scale,
            actual=each.actual * scale,
            peak_actual=float(np.nan_to_num(row[each.peak])) * unit,
            z=each.severity * self._threshold(each),
            severity=each.severity,
            amounts=amounts(series, self.table, within, row, expected),
        )

    def is_news(self, found: Found, since: Mapping[Series, datetime]) -> bool:
        """Say whether a new point is a part of it, or it is one that was going on."""
        if found.kind == Kind.VOLATILITY and found.series.metric is not Metric.LATENCY_P95:
            return False
        began, first = since.get(found.series), max(self.scan.begin, self.scan.tell_from)
        return any(alarm >= first for alarm in found.alarms) or (began is not None and found.end > began)

    def _last(self, each: Anomaly) -> int:
        return max(each.end, each.told[-1])

    def _alarms(self, each: Anomaly) -> list[int]:
        severity = self.scores.severity[each.series, each.start : self._last(each) + 1]
        found: list[int] = (np.flatnonzero(np.abs(severity) > 1) + each.start).tolist()
        return found

    def _threshold(self, each: Anomaly) -> float:
        """Give that of the channel of the worst alarm."""
        loudest = max(self._alarms(each), key=lambda at: abs(float(self.scores.severity[each.series, at])))
        return float(self.profile.thresholds[int(self.scores.channel[each.series, loudest]), 0])

    def _after(self, at: int) -> datetime:
        buckets = self.table.buckets
        return buckets[at + 1] if at + 1 < len(buckets) else self.scan.end


def _judged(setting: Setting, scan: Scan, table: Table, profile: Profile, series: tuple[Series, ...]) -> _Judged:
    """Score their past anew, and of new points take what was said of them, with all that was known of all series."""
    values = values_of(table, series)
    values[:, unrecorded(table, scan.known)] = np.nan
    scores = run(profile, values, slots(table.granularity, table.buckets, setting.zone))
    severity = scores.severity.astype(np.float64)
    to_one_side(severity, series)
    fresh = sum(1 for bucket in table.buckets if bucket >= scan.begin)
    first = severity.shape[1] - fresh
    severity[:, first:] = np.clip(severity[:, first:], -1.0, 1.0)
    for at, each in enumerate(series):
        if each in scan.severity:
            severity[at, first:] = scan.severity[each][-fresh:]
    return _Judged(scan, table, profile, series, values, replace(scores, severity=severity.astype(np.float32)))


def longest_gap(series: Series) -> timedelta:
    """Say how far apart two stretches may be that are one anomaly."""
    return watch_of(series).profile.gap * series.granularity.length if series.metric is not Metric.USE else timedelta()
