"""The last minutes in, who has begun to spend or call many times as much as ever out: a watch that needs no rule."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.analysis.burn import Alarms, Runaway, runaways
from usage_plugin.money import NANO_PER_USD
from usage_plugin.rules.minutes import MINUTE, Measured, Recent, Scope
from usage_plugin.rules.past_weeks import HOUR, PastWeeks

DAY: Final = timedelta(days=1)
# Series are gone through from here on, so that alarms of the last half day are known to be such.
GONE_THROUGH: Final = timedelta(hours=13)
# Who explains so much of what is too much for another is told in its place.
EXPLAINS: Final = 0.7
# Minutes whose calls are usual.
BEFORE: Final = 120
_INNER_FIRST: Final = ("key", "user", "team", "total")


@dataclass(frozen=True, slots=True)
class Limits:
    """What is a runaway, by what is known of it."""

    dollars: Runaway
    unpriced: Runaway
    """Of requests without a known price."""


@dataclass(frozen=True, slots=True)
class _Look:
    """A look at one measure of the last minutes."""

    recent: Recent
    weeks: PastWeeks
    by: Measured
    what: Runaway


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Somebody who spends many times as much as usual now, or makes as many more calls whose price nobody knows."""

    scope: Scope
    label: str | None
    start: datetime
    """Begin of the first minute that is beyond the usual."""
    end: datetime
    by: Measured
    """Dollars, or requests without a known price: the unit of what follows."""
    actual: float
    """Since the start."""
    expected: float
    spent_nano_usd: int
    """What is known of it."""
    requests: int
    unpriced_requests: int

    @property
    def excess(self) -> float:
        """What is too much so far."""
        return self.actual - self.expected

    @property
    def per_hour(self) -> float:
        """What an hour of it comes to."""
        return self.actual / ((self.end - self.start) / HOUR)

    @property
    def times(self) -> float | None:
        """How many times as much as usual; ``None`` where nothing is usual."""
        return self.actual / self.expected if self.expected > 0 else None


def watch(recent: Recent, weeks: PastWeeks, what: Limits, open_scopes: Collection[Scope]) -> list[Case]:
    """Say who runs away, each as narrowly as it can be said.

    Args:
        recent: The last two days, up to date.
        weeks: The ones before, of the same database.
        what: Is a runaway, in dollars and in requests by the minute.
        open_scopes: Who did already when last looked.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    by_dollars = _watch(_Look(recent, weeks, Measured.DOLLARS, what.dollars), open_scopes)
    told = {case.scope for case in by_dollars}
    unpriced = _watch(_Look(recent, weeks, Measured.UNPRICED, what.unpriced), open_scopes)
    # Whoever is told of already is told of with these calls.
    return [*by_dollars, *(each for each in unpriced if each.scope not in told and _is_more(recent, each))]


def _is_more(recent: Recent, case: Case) -> bool:
    """Say whether there are more calls than before: where only their prices were lost, nobody runs away."""
    (requests,), points = recent.requests([case.scope]), (case.end - case.start) // MINUTE
    begin = recent.points - points
    around = begin - DAY // MINUTE + BEFORE // 4
    usual = max(requests[begin - BEFORE : begin].mean(), requests[around - BEFORE // 2 : around].mean())
    return case.requests - float(usual) * points >= EXPLAINS * case.excess


def _watch(look: _Look, open_scopes: Collection[Scope]) -> list[Case]:
    recent, by, what = look.recent, look.by, look.what
    scopes = _suspects(look, open_scopes)
    if not scopes:
        return []
    values, seasonal = recent.series(scopes, by), look.weeks.by_minute(recent, by, scopes)
    found = runaways(values, recent.requests(scopes), seasonal, what, recent.points - GONE_THROUGH // MINUTE)
    cases = {
        scope: _case(look, scope, values[at], Alarms(found.alarms[[at]], found.usual[[at]]))
        for at, scope in enumerate(scopes)
        if found.alarms[at, -1]
    }
    return _narrowest(look, cases)


def _suspects(look: _Look, open_scopes: Collection[Scope]) -> list[Scope]:
    """Give those who did enough to matter, and more than in the hours before; only they are looked at closely."""
    recent, what = look.recent, look.what
    suspects = set(open_scopes) & recent.scopes(recent.points).keys() if open_scopes else set[Scope]()
    for points in what.windows:
        late = recent.scopes(points, look.by)
        suspects |= {each for each, sum_ in late.items() if sum_ >= what.least_per_point * points}
    wanted = sorted(suspects)
    if not wanted:
        return []
    values, calls, longest = recent.series(wanted, look.by), recent.requests(wanted), max(what.windows)
    before = values[:, -longest - what.recent : -longest].mean(axis=1)
    is_much = np.zeros(len(wanted), np.bool_)
    for points in what.windows:
        is_many = calls[:, -points:].sum(axis=1) >= what.least_calls
        is_much |= is_many & (values[:, -points:].sum(axis=1) >= what.times * before * points)
    return [each for each, much in zip(wanted, is_much.tolist(), strict=True) if much or each in open_scopes]


def _case(look: _Look, scope: Scope, values: FloatArray, found: Alarms) -> Case:
    """Say since when, and how much it is by now.

    Args:
        look: Where it is from.
        scope: Who.
        values: By minute.
        found: Of this series alone.
    """
    (alarms,), (usual,) = found.alarms, found.usual
    recent, alarmed = look.recent, len(alarms) - 1
    while alarmed > 0 and alarms[alarmed - 1]:
        alarmed -= 1
    expected = float(usual[alarmed])
    window = range(max(alarmed - max(look.what.windows) + 1, 0), alarmed + 1)
    start = next((at for at in window if values[at] > look.what.times * expected), alarmed)
    dollars, requests, unpriced = (float(recent.series([scope], each)[0, start:].sum()) for each in Measured)
    return Case(
        scope=scope,
        label=recent.label(scope),
        start=recent.end - (recent.points - start) * MINUTE,
        end=recent.end,
        by=look.by,
        actual=float(values[start:].sum()),
        expected=expected * (recent.points - start),
        spent_nano_usd=round(dollars * NANO_PER_USD),
        requests=round(requests),
        unpriced_requests=round(unpriced),
    )


def _narrowest(look: _Look, cases: Mapping[Scope, Case]) -> list[Case]:
    """Leave out who is only where another runs away: the key is told, and not its user, team and all calls too."""
    told: list[Case] = []
    for dimension in _INNER_FIRST:
        for scope, case in sorted(cases.items()):
            if scope.dimension == dimension and _explained(look, case, told) < EXPLAINS * case.excess:
                told.append(case)
    return told


def _explained(look: _Look, case: Case, told: Sequence[Case]) -> float:
    """Give how much of what is too much is that of those who are told already."""
    points = (case.end - case.start) // MINUTE
    shares = (
        min(float(look.recent.both(each.scope, case.scope, look.by)[-points:].sum()), each.excess) for each in told
    )
    return sum(shares)
