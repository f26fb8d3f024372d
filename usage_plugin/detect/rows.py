"""What was found in, rows out: each in the place of what is kept of it, with what people said, and what they taught."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from usage_plugin.detect.evidence import Evidence
from usage_plugin.detect.explanation import Why
from usage_plugin.detect.find import Found, longest_gap, series_of
from usage_plugin.detect.novelty import PROFILE
from usage_plugin.detect.planned import concerns, during, scope_of
from usage_plugin.detect.scan import Setting
from usage_plugin.detect.series import KEY_BYTES, Metric, Scope, Series
from usage_plugin.store.analysis_tables import AnomalyRow, PlannedEvent, SeriesTuning
from usage_plugin.store.anomalies import State
from usage_plugin.store.read import Granularity, Use

HALF: Final = 0.5
NANO_PER_USD: Final = 1_000_000_000
_KEPT: Final = (
    "id",
    "anomaly_key",
    "found_at",
    "told_at",
    "state",
    "state_by",
    "state_at",
    "note",
    "planned_event_id",
    "headline",
    "explanation",
    "merged_into_id",
    "updated_at",
)
"""What a new look at an anomaly does not change by itself."""
_PUT_ASIDE: Final = (State.RESOLVED, State.EXPECTED, State.FALSE_ALARM, State.TOO_SMALL)


def row_of(found: Found, now: datetime) -> AnomalyRow:
    """Lay out a new anomaly."""
    scope = found.series.scope
    return AnomalyRow(
        anomaly_key=_key(found.series, found.start, now),
        series_key=found.series.key,
        metric=found.series.metric.value,
        granularity=found.series.granularity.value,
        dimension=scope.dimension,
        member=scope.member,
        label=found.label or None,
        second_dimension=scope.second_dimension,
        second_member=scope.second_member,
        kind=found.kind,
        started_at=found.start,
        peak_at=found.peak,
        ended_at=found.end,
        is_over=found.is_over,
        expected=found.expected,
        actual=found.actual,
        peak_actual=found.peak_actual,
        z=found.z,
        severity=found.severity,
        at_stake_nano_usd=found.amounts.at_stake_nano_usd,
        headline="",
        explanation=Why(unit="requests", expected=0, actual=round(found.amounts.affected)).to_json(),
        state=State.OPEN.value,
        found_at=now,
        updated_at=now,
    )


def row_of_use(use: Use, setting: Setting) -> AnomalyRow:
    """Lay out what a key used for the first time."""
    scope = Scope("key", use.key, use.attribute, use.value)
    series = Series(Metric.USE, Granularity.HOUR, scope)
    start = Granularity.HOUR.floor(use.first_used_at, setting.zone)
    end = Granularity.HOUR.after(use.last_used_at, setting.zone)
    unpriced = 0 if use.cost_nano_usd is None else use.cost_nano_usd
    is_small = use.attribute in ("model", "provider") and unpriced < setting.options.least_usd * NANO_PER_USD
    return AnomalyRow(
        anomaly_key=_key(series, start, None),
        series_key=series.key,
        metric=Metric.USE.value,
        granularity=Granularity.HOUR.value,
        dimension=scope.dimension,
        member=use.key,
        label=use.label,
        second_dimension=use.attribute,
        second_member=use.value,
        kind=PROFILE,
        started_at=start,
        peak_at=start,
        ended_at=end,
        is_over=True,
        expected=0.0,
        actual=float(use.calls),
        peak_actual=float(use.calls),
        z=0.0,
        severity=1.0,
        at_stake_nano_usd=use.cost_nano_usd,
        headline="",
        explanation=Why(unit="requests", expected=0, actual=use.calls).to_json(),
        state=(State.TOO_SMALL if is_small else State.OPEN).value,
        found_at=setting.now,
        updated_at=setting.now,
    )


def matched(found: Sequence[Found], stored: Iterable[AnomalyRow], setting: Setting) -> list[tuple[Found, AnomalyRow]]:
    """Lay out what was found, each in the place of what is kept of it: of the same series at about the same time."""
    by_series = dict[str, list[AnomalyRow]]()
    for row in stored:
        by_series.setdefault(row.series_key, []).append(row)
    result = []
    for each in sorted(found, key=lambda one: (one.start, one.series.key)):
        row, kept = row_of(each, setting.now), by_series.get(each.series.key, [])
        before = next((other for other in kept if _is_same(each, other)), None)
        if before is not None:
            kept.remove(before)
            row = _in_place_of(before, row, each, setting)
        result.append((each, row))
    return result


def judge(
    row: AnomalyRow, tuning: SeriesTuning | None, events: Collection[PlannedEvent], evidence: Evidence, now: datetime
) -> None:
    """Put aside what was planned, or what somebody said is nothing; nobody's word is overruled."""
    if row.state_by is not None or row.state not in (State.OPEN, State.EXPECTED, State.TOO_SMALL):
        return
    event = next((each for each in events if _explains(each, row, evidence)), None)
    row.planned_event_id = None if event is None else event.id
    if event is not None or (tuning is not None and _is_barred(row, tuning, now)):
        row.state = State.EXPECTED.value
    elif tuning is not None and abs(row.at_stake_nano_usd or 0) <= (tuning.least_nano_usd or -1):
        row.state = State.TOO_SMALL.value
    elif row.metric != Metric.USE:
        row.state = State.OPEN.value


def differs(row: AnomalyRow, before: AnomalyRow | None) -> bool:
    """Say whether a row is other than what is kept of it."""
    if before is None:
        return True
    return row.model_dump(exclude={"updated_at"}) != before.model_dump(exclude={"updated_at"})


def _key(series: Series, start: datetime, found_at: datetime | None) -> str:
    """Name an anomaly. What was found of the same series at another time is another one, unless it is put in its place.

    A first use is the same one whenever it is found.
    """
    moments = f"{start.isoformat()} {'' if found_at is None else found_at.isoformat()}"
    return hashlib.blake2b(f"{series.key} {moments}".encode(), digest_size=KEY_BYTES).hexdigest()


def _is_same(found: Found, row: AnomalyRow) -> bool:
    gap = longest_gap(series_of(row))
    return (
        found.start <= row.ended_at + gap and row.started_at <= found.end + gap and found.is_high == (row.severity > 0)
    )


def _in_place_of(before: AnomalyRow, row: AnomalyRow, found: Found, setting: Setting) -> AnomalyRow:
    for name in _KEPT:
        setattr(row, name, getattr(before, name))
    row.label = row.label or before.label
    worse = len(found.told) > 1 and found.told[-1] >= before.ended_at
    if worse:
        row.told_at = setting.now
        if row.state in _PUT_ASIDE:
            row.state, row.state_by, row.state_at = State.OPEN.value, None, setting.now
    return row


def _explains(event: PlannedEvent, row: AnomalyRow, evidence: Evidence) -> bool:
    if not during(event, row.started_at, row.ended_at):
        return False
    scope = Scope(row.dimension, row.member)
    return concerns(event, scope) or evidence.share(row, scope_of(event)) >= HALF


def _is_barred(row: AnomalyRow, tuning: SeriesTuning, now: datetime) -> bool:
    if tuning.bars_until is None or now >= tuning.bars_until:
        return False
    if row.actual >= row.expected:
        return tuning.bar_high is not None and row.peak_actual <= tuning.bar_high
    return tuning.bar_low is not None and row.peak_actual >= tuning.bar_low
