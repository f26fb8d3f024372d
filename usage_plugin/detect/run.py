"""A store and the present in, its anomalies found, explained, merged and kept out. A run costs what is new."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from usage_plugin.detect.because import because
from usage_plugin.detect.evidence import Evidence
from usage_plugin.detect.explanation import Why
from usage_plugin.detect.find import find
from usage_plugin.detect.memory import laid_out, profile_names
from usage_plugin.detect.merge import SAME_CAUSE, Case, merge
from usage_plugin.detect.novelty import PROFILE, Novelties, novelties
from usage_plugin.detect.options import Options
from usage_plugin.detect.rows import differs, judge, matched, row_of_use
from usage_plugin.detect.scan import Scan, Setting, scan
from usage_plugin.detect.series import Metric
from usage_plugin.detect.times import HISTORY
from usage_plugin.detect.words import headline
from usage_plugin.store.analysis_tables import AnomalyRow, PlannedEvent, SeriesState
from usage_plugin.store.anomalies import State, anomalies, keep, of_series, resolve_forgotten, unfinished
from usage_plugin.store.calendar import planned_events
from usage_plugin.store.database import changing
from usage_plugin.store.known_use import keep_uses
from usage_plugin.store.read import Granularity
from usage_plugin.store.series_states import keep_states
from usage_plugin.store.tuning import tunings

EXPLAINED: Final = 200
"""Anomalies that one run explains, those with the most at stake; the others have their first sentence only."""
FORGOTTEN: Final = timedelta(days=30)
"""What was over so long ago is resolved, where nobody said anything of it."""
NEIGHBOURS: Final = 5_000
_USES: Final = "use"
"""Granularity under which it is kept how far novelties were looked for."""


@dataclass(frozen=True, slots=True)
class Detected:
    """What a run found."""

    new: tuple[AnomalyRow, ...] = ()
    """Found for the first time, without those that another one explains."""
    changed: tuple[AnomalyRow, ...] = ()
    """Known before, and now different."""
    merged: int = 0
    """Written, and explained by others."""
    hours: int = 0
    """Points of each series that were looked at."""
    days: int = 0
    series: int = 0
    """How many are watched."""


@dataclass(slots=True)
class _Look:
    """What is gathered in a run."""

    setting: Setting
    scans: list[Scan]
    uses: Novelties | None
    cases: list[Case] = field(default_factory=list)
    before: dict[int, AnomalyRow] = field(default_factory=dict)
    """What is kept, as it was."""


def detect(
    engine: Engine,
    now: datetime,
    zone: ZoneInfo,
    options: Options | None = None,
    *,
    keeps: bool = True,
    breathe: Callable[[], None] = lambda: None,
) -> Detected:
    """Look at the hours and days that are over since the last run, and keep what was not expected of them.

    Args:
        engine: Of a migrated database.
        now: The present moment.
        zone: Whose hours and days.
        options: What is watched and told.
        keeps: Whether anything is written: what was found, and what was learnt.
        breathe: Called between pieces of work; where it raises, nothing is written.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    setting = Setting(engine, now, zone, options or Options(), _events(engine, now), breathe)
    scans = [found for each in Granularity if (found := scan(setting, each)) is not None]
    look = _Look(setting, scans, novelties(setting))
    _gather(look)
    if look.cases:
        since = min((each.history for each in scans), default=now - HISTORY[Granularity.HOUR])
        _explain(look, Evidence(setting, since), since)
    _expect(look)
    written = _written(look)
    if keeps:
        _keep(look, written)
    return _detected(look, written)


def _gather(look: _Look) -> None:
    """Lay out what was found, what went on, and what is kept of the same time."""
    setting, found, rows = look.setting, [], []
    for each in look.scans:
        going_on = [row for row in unfinished(setting.engine, each.granularity.value) if row.metric != Metric.USE]
        found += find(setting, each, going_on)
        rows += going_on
    stored = _stored(look, {each.series.key for each in found}, rows)
    for one, row in matched(found, stored, setting):
        weight = abs(one.amounts.at_stake_nano_usd) if one.amounts.at_stake_nano_usd else one.amounts.affected
        look.cases.append(Case(row, float(weight)))
    mine = {case.row.id for case in look.cases}
    for row in (row for row in rows if row.id not in mine):
        row.is_over = True
        look.cases.append(_case(row))
    known = {row.anomaly_key for row in stored}
    uses = [row_of_use(use, setting) for use in look.uses.new] if look.uses else []
    look.cases += [_case(row) for row in uses if row.anomaly_key not in known]
    _add_neighbours(look)


def _stored(look: _Look, keys: Collection[str], going_on: Sequence[AnomalyRow]) -> list[AnomalyRow]:
    """Give what is kept of some series, and remember it as it is."""
    engine, since = look.setting.engine, look.setting.now - HISTORY[Granularity.HOUR]
    uses = {row_of_use(use, look.setting).series_key for use in look.uses.new} if look.uses else set()
    stored = of_series(engine, {*keys, *uses}, since)
    look.before |= {row.id: row.model_copy() for row in [*stored, *going_on] if row.id is not None}
    return stored


def _add_neighbours(look: _Look) -> None:
    """Add what is kept of about the same time: it may explain what is new, or be explained by it."""
    if not look.cases:
        return
    start = min(case.row.started_at for case in look.cases) - SAME_CAUSE
    end = max(case.row.ended_at for case in look.cases) + SAME_CAUSE
    mine = {case.row.id for case in look.cases}
    near = anomalies(look.setting.engine, start=start, end=end, limit=NEIGHBOURS, merged=True)
    for row in near:
        if row.id is not None and row.id not in mine:
            look.before[row.id] = row.model_copy()
            look.cases.append(_case(row))


def _case(row: AnomalyRow) -> Case:
    stake = abs(row.at_stake_nano_usd or 0)
    return Case(row, float(stake or abs(_known(row).change)))


def _explain(look: _Look, evidence: Evidence, since: datetime) -> None:
    merge(look.cases, evidence)
    known = tunings(look.setting.engine, {case.row.series_key for case in look.cases})
    for case in look.cases:
        judge(case.row, known.get(case.row.series_key), look.setting.events, evidence, look.setting.now)
    roots = sorted((case for case in look.cases if case.into is None), key=lambda each: -each.weight)
    explained = set(map(id, roots[:EXPLAINED]))
    for case in look.cases:
        _say(look, case, since, whole=id(case) in explained)


def _events(engine: Engine, now: datetime) -> tuple[PlannedEvent, ...]:
    return tuple(planned_events(engine, start=now - HISTORY[Granularity.DAY], end=now))


def _expect(look: _Look) -> None:
    """Put aside what an event explains that was planned only after it had been found."""
    setting, mine = look.setting, {case.row.id for case in look.cases}
    evidence = Evidence(setting, setting.now - HISTORY[Granularity.HOUR])
    for event in setting.events:
        for row in anomalies(setting.engine, states=[State.OPEN], start=event.starts_at, end=event.ends_at):
            if row.id is None or row.id in mine or event.created_at < row.updated_at:
                continue
            before = row.model_copy()
            judge(row, None, [event], evidence, setting.now)
            if row.state != before.state:
                look.before[row.id] = before
                mine.add(row.id)
                look.cases.append(_case(row))


def _say(look: _Look, case: Case, since: datetime, *, whole: bool) -> None:
    """Explain what changed, or became the one that explains others."""
    row, setting = case.row, look.setting
    before, known = look.before.get(row.id or 0), _known(row)
    if before is not None and before.headline and _is_like(row, before):
        becomes_root = whole and before.merged_into_id is not None
        if not becomes_root:
            return
    if row.metric == Metric.USE or not whole:
        why = known if row.metric == Metric.USE else _plain(row, known)
        row.headline, row.explanation = headline(row, why, setting.zone), why.to_json()
        return
    setting.breathe()
    told = because(setting, row, since)
    row.headline, row.explanation = headline(row, told.why, setting.zone, told), told.why.to_json()


def _known(row: AnomalyRow) -> Why:
    return Why.read(row.explanation) or Why(unit="requests", expected=0, actual=0)


def _plain(row: AnomalyRow, known: Why) -> Why:
    """Say expected and actual only."""
    if Metric(row.metric).is_sum:
        unit = {Metric.COST: "nano_usd", Metric.TOKENS: "tokens"}.get(Metric(row.metric), "requests")
        return Why(unit=unit, expected=round(row.expected), actual=round(row.actual))
    return known


def _is_like(row: AnomalyRow, before: AnomalyRow) -> bool:
    """Say whether what is told of it is still true."""
    names = ("started_at", "ended_at", "expected", "actual", "at_stake_nano_usd", "label")
    return all(getattr(row, name) == getattr(before, name) for name in names)


def _written(look: _Look) -> list[Case]:
    """Give what is to be written: roots before those that they explain."""
    changed = list[Case]()
    for case in sorted(look.cases, key=lambda each: each.into is not None):
        before = look.before.get(case.row.id or 0)
        case.row.merged_into_id = None if case.into is None else case.root.row.id
        moved = case.into is not None and case.root.row.id is None
        if moved or differs(case.row, before):
            case.row.updated_at = look.setting.now
            changed.append(case)
    return changed


def _keep(look: _Look, written: Sequence[Case]) -> None:
    setting = look.setting
    with changing(setting.engine) as connection:
        for case in written:
            case.row.merged_into_id = None if case.into is None else case.root.row.id
            keep(connection, [case.row])
        resolve_forgotten(connection, setting.now - FORGOTTEN, setting.now)
        for each in look.scans:
            pieces = list(laid_out(each.memory, each.granularity, setting.zone, setting.now))
            keep_states(connection, each.granularity.value, pieces, profile_names(each.granularity, setting.zone))
        if look.uses is not None:
            keep_uses(connection, look.uses.known)
            keep_states(connection, _USES, [_mark(look.uses, setting.now)], [PROFILE])


def _mark(uses: Novelties, now: datetime) -> SeriesState:
    return SeriesState(
        profile=PROFILE, granularity=_USES, part=0, stepped_to=uses.until, series=b"", content=b"", updated_at=now
    )


def _detected(look: _Look, written: Sequence[Case]) -> Detected:
    roots = [case.row for case in written if case.into is None]
    lengths: Mapping[Granularity, int] = {
        each.granularity: round((each.end - each.begin) / each.granularity.length) for each in look.scans
    }
    return Detected(
        new=tuple(row for row in roots if row.found_at == look.setting.now),
        changed=tuple(row for row in roots if row.found_at != look.setting.now),
        merged=len(written) - len(roots),
        hours=lengths.get(Granularity.HOUR, 0),
        days=lengths.get(Granularity.DAY, 0),
        series=sum(len(block.series) for each in look.scans for block in each.memory.blocks.values()),
    )
