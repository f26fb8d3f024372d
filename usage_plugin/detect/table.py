"""Scopes and a time in, what they used by bucket out; and of that the values of each metric, as detectors take them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from usage_plugin.detect import asking
from usage_plugin.detect.series import TOTAL, Metric, Scope
from usage_plugin.store import read
from usage_plugin.store.read import Choice, Dimension, Granularity, Question, Sums

FloatArray = NDArray[np.float64]
NANO_PER_USD: Final = 1e9
MEASURES: Final = (
    "requests",
    "unfinished_attempts",
    "unpriced_requests",
    "rejected_requests",
    "failed_requests",
    "cached_requests",
    "total_tokens",
    "cost_nano_usd",
)
BY_HOUR: Final = timedelta(days=8)
"""Sheets are of hours for so long, then of days."""
MANY: Final = frozenset({Dimension.KEY.value, Dimension.USER.value, Dimension.END_USER.value})
MOST_READ: Final = 50_000
"""Calls in no sheet that are read again and again rather than all calls once."""
LEAST_REQUESTS: Final = {Granularity.HOUR: 20, Granularity.DAY: 20}
"""A bucket with fewer has no rate and no latency: one failure of two is no news."""
LEAST_PRICED: Final = 5
"""A day with fewer calls has no cost per call: one large prompt is half of it."""


@dataclass(frozen=True, slots=True)
class Table:
    """What scopes used; arrays of shape ``(scopes, buckets)``."""

    granularity: Granularity
    buckets: tuple[datetime, ...]
    scopes: tuple[Scope, ...]
    measures: Mapping[str, FloatArray]
    latency_ms: FloatArray
    """NaN where it was not asked for, or nothing was answered."""

    def rows(self, scopes: Iterable[Scope]) -> Table:
        """Take some of the scopes, in their order."""
        place = {scope: at for at, scope in enumerate(self.scopes)}
        wanted = tuple(scopes)
        chosen = [place[scope] for scope in wanted]
        measures = {name: values[chosen] for name, values in self.measures.items()}
        return replace(self, scopes=wanted, measures=measures, latency_ms=self.latency_ms[chosen])

    def values(self, metric: Metric) -> FloatArray:
        """Give a metric: 0 where there was no call, NaN where nobody can say."""
        found: FloatArray = _VALUES[metric](self)
        return found

    @property
    def calls(self) -> FloatArray:
        """Requests, and attempts that did not finish one."""
        return self.measures["requests"] + self.measures["unfinished_attempts"]

    @property
    def priced(self) -> FloatArray:
        """Those of the calls whose cost is known."""
        return self.calls - self.measures["unpriced_requests"]

    @property
    def let_in(self) -> FloatArray:
        """Requests that the proxy did not refuse."""
        return self.measures["requests"] - self.measures["rejected_requests"]


def tabulate(engine: Engine, scopes: Sequence[Scope], asked: Question) -> Table:
    """Read what scopes used.

    Args:
        engine: Of a migrated database.
        scopes: All different.
        asked: Which buckets: it begins with one and ends with one.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    buckets = read.bucket_starts(asked)
    place = {scope: at for at, scope in enumerate(scopes)}
    measures = {name: np.zeros((len(scopes), len(buckets))) for name in MEASURES}
    for group in _groups(scopes, one_by_one=_are_asked_one_by_one(engine, asked)):
        for scope, sums in _of_group(engine, group, asked):
            for name, values in sums.items():
                measures[name][place[scope]] = values
    untimed = np.full((len(scopes), len(buckets)), np.nan)
    return Table(asked.granularity, buckets, tuple(scopes), measures, untimed)


def with_latency(engine: Engine, table: Table, scopes: Iterable[Scope], asked: Question) -> Table:
    """Read latencies of some scopes, for the last buckets of a table: each is a question.

    Args:
        engine: Of a migrated database.
        table: With all of the scopes.
        scopes: Any of them.
        asked: Its last buckets.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    latency_ms, place = table.latency_ms.copy(), {scope: at for at, scope in enumerate(table.scopes)}
    for scope in scopes:
        chosen = {name.value: (member,) for name, member in scope.choices.items()}
        row = asking.latency_p95_ms(engine, replace(asked, **chosen))  # type: ignore[arg-type]
        latency_ms[place[scope], len(table.buckets) - len(row) :] = row
    return replace(table, latency_ms=latency_ms)


Group = tuple[Scope, Dimension | None, tuple[Choice, ...] | None]
"""What is asked about once: a filter, the dimension to split by, and the members of it."""


def _are_asked_one_by_one(engine: Engine, asked: Question) -> frozenset[str]:
    """Name the dimensions of which sheets of whole days know hours by member only, and not all members by hour."""
    if asked.granularity is Granularity.DAY or asked.end - asked.start <= BY_HOUR:
        return frozenset()
    # Where there are no sheets, one look at all calls is better than one for each member.
    is_added_up = read.not_added_up(engine, asked.end, MOST_READ) <= MOST_READ
    return MANY if is_added_up else frozenset()


def _groups(scopes: Sequence[Scope], one_by_one: frozenset[str]) -> list[Group]:
    found = dict[tuple[Scope, Dimension | None], list[Choice]]()
    for scope in scopes:
        if scope.dimension in one_by_one and scope.second_dimension is None:
            found[scope, None] = []
        elif scope.second_dimension is not None:
            whole, by, member = Scope(scope.dimension, scope.member), scope.second_dimension, scope.second_member
            found.setdefault((whole, Dimension(by)), []).append(member)
        else:
            of_all = None if scope.dimension == TOTAL else Dimension(scope.dimension)
            found.setdefault((Scope(), of_all), []).append(scope.member)
    return [(first, by, None if by is None else tuple(members)) for (first, by), members in found.items()]


def _of_group(engine: Engine, group: Group, asked: Question) -> Iterator[tuple[Scope, Mapping[str, FloatArray]]]:
    """Give what each scope of a group used; nothing of those of whom only calls could tell that are pruned."""
    first, by, members = group
    mine = replace(asked, **{name.value: (member,) for name, member in first.choices.items()})  # type: ignore[arg-type]
    found = asking.sums(engine, mine, MEASURES, by, members)
    if found is not None:
        for row, scope in enumerate(_scopes(first, by, found)):
            yield scope, {name: found.measures[name][row].astype(np.float64) for name in MEASURES}
    elif by is not None and first == Scope():
        for member in members or ():
            yield from _of_group(engine, (Scope(by.value, member), None, None), asked)


def _scopes(first: Scope, by: Dimension | None, found: Sums) -> list[Scope]:
    if by is None:
        return [first]
    if first.dimension == TOTAL:
        return [Scope(by.value, member.value) for member in found.members]
    return [Scope(first.dimension, first.member, by.value, member.value) for member in found.members]


def _cost(table: Table) -> FloatArray:
    unknown = (table.calls > 0) & (table.priced <= 0)
    cost_usd: FloatArray = np.where(unknown, np.nan, table.measures["cost_nano_usd"] / NANO_PER_USD)
    return cost_usd


def _per(above: FloatArray, below: FloatArray, least: float) -> FloatArray:
    found = np.full(above.shape, np.nan)
    np.divide(above, below, out=found, where=below >= least)
    return found


def _error_rate(table: Table) -> FloatArray:
    return _per(table.measures["failed_requests"], table.let_in, LEAST_REQUESTS[table.granularity])


def _cache_hit_rate(table: Table) -> FloatArray:
    return _per(table.measures["cached_requests"], table.let_in, LEAST_REQUESTS[table.granularity])


def _latency_p95(table: Table) -> FloatArray:
    found: FloatArray = np.where(table.let_in >= LEAST_REQUESTS[table.granularity], table.latency_ms, np.nan)
    return found


def _cost_per_request(table: Table) -> FloatArray:
    return _per(table.measures["cost_nano_usd"] / NANO_PER_USD, table.priced, LEAST_PRICED)


def _tokens_per_request(table: Table) -> FloatArray:
    return _per(table.measures["total_tokens"], table.measures["requests"], LEAST_PRICED)


_VALUES: Final[Mapping[Metric, Callable[[Table], FloatArray]]] = {
    Metric.COST: _cost,
    Metric.TOKENS: lambda table: table.measures["total_tokens"],
    Metric.REQUESTS: lambda table: table.measures["requests"],
    Metric.COST_PER_REQUEST: _cost_per_request,
    Metric.TOKENS_PER_REQUEST: _tokens_per_request,
    Metric.ERROR_RATE: _error_rate,
    Metric.CACHE_HIT_RATE: _cache_hit_rate,
    Metric.LATENCY_P95: _latency_p95,
}
