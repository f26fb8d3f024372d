"""A store in, the series that are worth watching out: of each dimension the members with the most spend."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from usage_plugin.detect.options import DIMENSIONS, PAIRS, Options
from usage_plugin.detect.series import WATCHES, Metric, Scope, Series
from usage_plugin.store import read
from usage_plugin.store.read import Choice, Dimension, Granularity, Question

LOOKS_AT: Final = timedelta(days=28)
LEAST_REQUESTS: Final = 20
"""Who had fewer in that time is not watched yet."""
STAYS: Final = 2
"""Who is watched goes on being so until this many times as many members spend more."""
_PAIR_METRICS: Final = (Metric.COST, Metric.COST_PER_REQUEST)
_TIMED: Final = ("total", Dimension.PROVIDER.value, Dimension.MODEL.value)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Scopes that are watched; *timed* are those whose latency is, too."""

    scopes: tuple[Scope, ...]
    timed: tuple[Scope, ...]

    def series(self, granularity: Granularity) -> list[Series]:
        """Name the series of one granularity, in the order of the watches."""
        found = list[Series]()
        for watch in (each for each in WATCHES if each.granularity is granularity):
            scopes = self.timed if watch.metric is Metric.LATENCY_P95 else self._scopes(watch.metric, granularity)
            found.extend(Series(watch.metric, granularity, scope) for scope in scopes)
        return found

    def _scopes(self, metric: Metric, granularity: Granularity) -> list[Scope]:
        """Pairs are watched by day and in dollars only: by hour their calls would have to be read one by one."""
        pairs = granularity is Granularity.DAY and metric in _PAIR_METRICS
        return [scope for scope in self.scopes if pairs or scope.second_dimension is None]


def choose(engine: Engine, until: datetime, options: Options, known: Collection[Scope] = ()) -> Chosen:
    """Choose what is watched.

    Args:
        engine: Of a migrated database.
        until: End of the time that is looked at, 28 days.
        options: How many members.
        known: Those that are watched already: they stay somewhat longer than others would come in.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    recent = Question(start=until - LOOKS_AT, end=until, as_kept=True)
    singles, ranks = [Scope()], dict[Dimension, list[Choice]]()
    for dimension in DIMENSIONS:
        ranked = _ranked(engine, recent.grouped_by(dimension))
        ranks[dimension] = ranked
        singles += [Scope(dimension.value, member) for member in _some(dimension, ranked, options, known)]
    pairs = [scope for pair in PAIRS for scope in _pairs(engine, recent, pair, ranks[pair[0]], options)]
    timed = [
        scope
        for scope in singles
        if scope.dimension in _TIMED
        and (scope == Scope() or scope.member in ranks[Dimension(scope.dimension)][: options.timed])
    ]
    return Chosen((*singles, *pairs), tuple(timed))


def _ranked(engine: Engine, question: Question) -> list[Choice]:
    found = read.members(engine, question)
    # Calls without a value are nobody's: where they change, the total does.
    return [member.value for member, usage in found if member.value and usage.requests >= LEAST_REQUESTS]


def _some(dimension: Dimension, ranked: list[Choice], options: Options, known: Collection[Scope]) -> Iterator[Choice]:
    for place, member in enumerate(ranked[: STAYS * options.members]):
        if place < options.members or Scope(dimension.value, member) in known:
            yield member


def _pairs(
    engine: Engine, recent: Question, pair: tuple[Dimension, Dimension], ranked: list[Choice], options: Options
) -> Iterator[Scope]:
    first, second = pair
    for member in ranked[: options.pairs]:
        of_member = replace(recent.grouped_by(second), **{first.value: (member,)})  # type: ignore[arg-type]
        others = _ranked(engine, of_member)
        # Who uses one model only is the pair already.
        for other in others[: options.paired] if len(others) > 1 else ():
            yield Scope(first.value, member, second.value, other)
