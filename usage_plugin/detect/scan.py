"""A store and the present in, what its newest hours or days say of each watched series out: alarms, and a memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from usage_plugin.analysis.memory import Seen, advance, begin
from usage_plugin.detect.chance import not_by_chance
from usage_plugin.detect.choose import Chosen, choose
from usage_plugin.detect.memory import Block, Memory, profiles, recall
from usage_plugin.detect.options import Options
from usage_plugin.detect.planned import taught
from usage_plugin.detect.series import Metric, Scope, Series, Side, watch_of
from usage_plugin.detect.table import FloatArray, Table, tabulate, with_latency
from usage_plugin.detect.times import (
    HISTORY,
    TIMED_HISTORY,
    Recorded,
    begin_of_history,
    closed_until,
    recorded,
    slots,
    unrecorded,
)
from usage_plugin.store import read
from usage_plugin.store.analysis_tables import PlannedEvent
from usage_plugin.store.read import Granularity, Question

ALL_CALLS: Final = Scope()


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run works with."""

    engine: Engine
    now: datetime
    zone: ZoneInfo
    options: Options
    events: tuple[PlannedEvent, ...] = ()
    breathe: Callable[[], None] = lambda: None
    """Called between pieces of work; raises where the run is to end."""

    def asked(self, granularity: Granularity, start: datetime, end: datetime) -> Question:
        """Ask for the buckets of a time: as many as are kept."""
        return Question(start=start, end=end, granularity=granularity, zone=self.zone, as_kept=True)


@dataclass(frozen=True, slots=True)
class Scan:
    """What new buckets say."""

    granularity: Granularity
    memory: Memory
    """After them."""
    begin: datetime
    """Of the first new bucket."""
    end: datetime
    """Of the last one."""
    history: datetime
    """Begin of what detectors learn from."""
    tell_from: datetime
    """Older alarms are learnt from, and no news."""
    severity: dict[Series, FloatArray]
    """Of each series that alarmed, what its new points say; those that are likely chance are 1 at most."""
    known: Recorded
    """When somebody recorded."""
    table: Table | None = None
    """What scopes used since *history*; ``None`` where only new buckets were read."""


def scan(setting: Setting, granularity: Granularity) -> Scan | None:
    """Look at what is new; ``None`` where no bucket is over since the last look, or no call was ever made.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    known = recorded(setting.engine, setting.now, setting.options)
    end = closed_until(granularity, known, setting.zone)
    first_call = _first_call(setting, granularity, end)
    if first_call is None:
        return None
    history = begin_of_history(granularity, end, first_call, setting.zone)
    memory = recall(setting.engine, granularity, setting.zone)
    if memory is not None and memory.stepped_to < history:
        memory = None
    start = history if memory is None else memory.stepped_to
    if start >= end:
        return None
    chosen = _chosen(setting, memory, end)
    wanted = chosen.series(granularity) if chosen else None
    before = memory or Memory(history, _nothing(granularity))
    if wanted is not None:
        past = setting.asked(granularity, history, start) if memory else None
        before = _with(setting, before, wanted, past)
    setting.breathe()
    watched = [series for block in before.blocks.values() for series in block.series]
    table = read_table(setting, watched, setting.asked(granularity, start, end))
    missing = unrecorded(table, known)
    blocks, seen = dict[str, Block](), list[tuple[Block, Seen]]()
    for name, block in before.blocks.items():
        after, says = _step(setting, block, table, missing)
        blocks[name] = after
        setting.breathe()
        seen.append((after, says))
    tell_from = max(start, end - setting.options.lookback)
    alarms = _alarms(seen, table.buckets, tell_from, setting.options)
    whole = table if memory is None else None
    return Scan(granularity, Memory(end, blocks), start, end, history, tell_from, alarms, known, whole)


def values_of(table: Table, series: Sequence[Series]) -> FloatArray:
    """Give the values of series, shape ``(series, buckets)``; NaN before the first call of each."""
    place = {scope: at for at, scope in enumerate(table.scopes)}
    found = np.full((len(series), len(table.buckets)), np.nan)
    for metric in {each.metric for each in series}:
        mine = [at for at, each in enumerate(series) if each.metric is metric]
        if mine:
            found[mine] = table.values(metric)[[place[series[at].scope] for at in mine]]
    calls = table.calls[[place[each.scope] for each in series]] if series else found
    found[np.cumsum(calls, axis=1) == 0] = np.nan
    return found


def _first_call(setting: Setting, granularity: Granularity, end: datetime) -> datetime | None:
    start = Granularity.DAY.floor(end - HISTORY[granularity], setting.zone)
    days = setting.asked(Granularity.DAY, start, end)
    found = read.sums(setting.engine, days, ("requests", "unfinished_attempts"), by=None)
    calls = found.measures["requests"][0] + found.measures["unfinished_attempts"][0]
    used = np.flatnonzero(calls)
    return found.buckets[used[0]] if used.size else None


def _chosen(setting: Setting, memory: Memory | None, end: datetime) -> Chosen | None:
    """Choose anew where nothing is remembered, and each day."""
    day = Granularity.DAY.floor
    if memory is not None and day(memory.stepped_to, setting.zone) == day(end, setting.zone):
        return None
    return choose(setting.engine, end, setting.options, memory.scopes if memory else ())


def _nothing(granularity: Granularity) -> dict[str, Block]:
    return {name: Block(profile, (), begin(profile, 0)) for name, profile in profiles(granularity).items()}


def _with(setting: Setting, memory: Memory, wanted: Sequence[Series], past: Question | None) -> Memory:
    """Forget what is not wanted any more, and let what is new learn from its past.

    Args:
        setting: Of the run.
        memory: What is remembered.
        wanted: The series that are watched from now on.
        past: The buckets before; ``None`` where all are ahead.
    """
    blocks = dict[str, Block]()
    for name, block in memory.blocks.items():
        profile, there = block.profile, set(block.series)
        mine = [series for series in wanted if watch_of(series).profile.name == name]
        joining = tuple(series for series in mine if series not in there)
        kept = block.only(mine)
        fresh = Block(profile, joining, begin(profile, len(joining), beside=kept.state))
        if past is not None and joining and past.start < past.end:
            fresh = _learnt(setting, fresh, past)
        blocks[name] = kept.joined(fresh)
    return Memory(memory.stepped_to, blocks)


def _learnt(setting: Setting, block: Block, past: Question) -> Block:
    """Learn what was before the others' next point: as many steps, so that all stand at the same one."""
    table = read_table(setting, block.series, past)
    earlier = begin(block.profile, len(block.series))._replace(steps=block.state.steps - len(table.buckets))
    after, _ = _step(setting, replace(block, state=earlier), table, np.zeros(len(table.buckets), np.bool_))
    return after


def read_table(setting: Setting, series: Sequence[Series], asked: Question) -> Table:
    """Read what series are made of, all calls first; and latencies, of no more than a few days of hours.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    scopes = list(dict.fromkeys([ALL_CALLS, *(each.scope for each in series)]))
    table = tabulate(setting.engine, scopes, asked)
    granularity = asked.granularity
    since = max(asked.start, granularity.floor(asked.end - TIMED_HISTORY[granularity], setting.zone))
    timed = dict.fromkeys(each.scope for each in series if each.metric is Metric.LATENCY_P95)
    return with_latency(setting.engine, table, timed, asked.between(since, asked.end))


def _step(setting: Setting, block: Block, table: Table, missing: NDArray[np.bool_]) -> tuple[Block, Seen]:
    values = values_of(table, block.series)
    _go_on(values, block, table)
    values[:, missing] = np.nan
    clock = slots(table.granularity, table.buckets, setting.zone)
    learn = taught(values, block.series, table, setting.events)
    state, seen = advance(block.profile, block.state, values, clock, learn)
    return replace(block, state=state), seen


def _go_on(values: FloatArray, block: Block, table: Table) -> None:
    """A series that was there before has no first call to wait for: its silence is 0, where it adds up."""
    goes_on = block.state.seen > 0
    for at in np.flatnonzero(goes_on & np.isnan(values).any(axis=1)).tolist():
        series = block.series[at]
        if series.metric.is_sum:
            row = table.scopes.index(series.scope)
            values[at, np.isnan(values[at]) & (table.calls[row] == 0)] = 0.0


def _alarms(
    seen: Sequence[tuple[Block, Seen]], buckets: Sequence[datetime], tell_from: datetime, options: Options
) -> dict[Series, FloatArray]:
    first = next((at for at, bucket in enumerate(buckets) if bucket >= tell_from), len(buckets))
    found = dict[Series, FloatArray]()
    for block, says in seen:
        severity = says.severity.astype(np.float64)
        to_one_side(severity, block.series)
        tested = not_by_chance(block, severity, says.channel, options.false_share)
        for at in np.flatnonzero((np.abs(tested[:, first:]) > 1).any(axis=1)).tolist():
            found[block.series[at]] = tested[at]
    return found


def to_one_side(severity: FloatArray, series: Sequence[Series]) -> None:
    """Keep what is news of each series, in place: that calls become cheaper or fail less is none."""
    for at, each in enumerate(series):
        side = watch_of(each).side
        if side is Side.HIGH:
            np.clip(severity[at], -1.0, None, out=severity[at])
        elif side is Side.LOW:
            np.clip(severity[at], None, 1.0, out=severity[at])
