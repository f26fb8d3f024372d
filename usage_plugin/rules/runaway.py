"""The last minutes' spend in, who has begun to spend many times as much as ever out: a watch that needs no rule."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from sqlalchemy import Engine

from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.analysis.burn import Alarms, Runaway, runaways
from usage_plugin.money import NANO_PER_USD
from usage_plugin.rules.minutes import MINUTE, TOTAL, Recent, Scope
from usage_plugin.store import read
from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.read import Question
from usage_plugin.store.zones import UTC_ZONE

HOUR: Final = timedelta(hours=1)
WEEK: Final = timedelta(days=7)
WEEKS: Final = 4
MINUTES_PER_HOUR: Final = 60
# Series are gone through from here on, so that alarms of the last half day are known to be such.
GONE_THROUGH: Final = timedelta(hours=13)
# Who explains so much of what is too much for another is told in its place.
EXPLAINS: Final = 0.7
_INNER_FIRST: Final = ("key", "user", "team", "total")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Somebody who spends many times as much as usual, now."""

    scope: Scope
    label: str | None
    start: datetime
    """Begin of the first minute that is beyond the usual."""
    end: datetime
    actual_nano_usd: int
    """Since the start."""
    expected_nano_usd: int
    requests: int
    unpriced_requests: int

    @property
    def excess_nano_usd(self) -> int:
        """What is too much so far."""
        return self.actual_nano_usd - self.expected_nano_usd

    @property
    def per_hour_nano_usd(self) -> int:
        """What an hour of it costs."""
        return round(self.actual_nano_usd / ((self.end - self.start) / HOUR))

    @property
    def times(self) -> float | None:
        """How many times as much as usual; ``None`` where nothing is usual."""
        return self.actual_nano_usd / self.expected_nano_usd if self.expected_nano_usd > 0 else None


def watch(engine: Engine, recent: Recent, what: Runaway, open_scopes: Collection[Scope]) -> list[Case]:
    """Say who runs away, each as narrowly as it can be said.

    Args:
        engine: Of a migrated database.
        recent: The last two days, up to date.
        what: Is a runaway, in dollars by the minute.
        open_scopes: Who did already when last looked.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    scopes = _suspects(recent, what, open_scopes)
    if not scopes:
        return []
    dollars, seasonal = recent.dollars(scopes), _seasonal(engine, recent, scopes)
    found = runaways(dollars, recent.requests(scopes), seasonal, what, recent.points - GONE_THROUGH // MINUTE)
    cases = {
        scope: _case(recent, scope, dollars[at], Alarms(found.alarms[[at]], found.usual[[at]]), what)
        for at, scope in enumerate(scopes)
        if found.alarms[at, -1]
    }
    return _narrowest(recent, cases)


def _suspects(recent: Recent, what: Runaway, open_scopes: Collection[Scope]) -> list[Scope]:
    """Give those who spent enough to matter, and more than in the hours before; only they are looked at closely."""
    suspects = set(open_scopes) & recent.scopes(recent.points).keys() if open_scopes else set[Scope]()
    for points in what.windows:
        suspects |= {each for each, spent in recent.scopes(points).items() if spent >= what.least_per_point * points}
    wanted = sorted(suspects)
    if not wanted:
        return []
    dollars, calls, longest = recent.dollars(wanted), recent.requests(wanted), max(what.windows)
    before = dollars[:, -longest - what.recent : -longest].mean(axis=1)
    is_much = np.zeros(len(wanted), np.bool_)
    for points in what.windows:
        is_many = calls[:, -points:].sum(axis=1) >= what.least_calls
        is_much |= is_many & (dollars[:, -points:].sum(axis=1) >= what.times * before * points)
    return [each for each, much in zip(wanted, is_much.tolist(), strict=True) if much or each in open_scopes]


def _seasonal(engine: Engine, recent: Recent, scopes: Sequence[Scope]) -> FloatArray:
    """Give what each spent per minute at this time of the week: the most of the hours around, in the median week."""
    hours = _hours(recent)
    found = np.full((len(scopes), recent.points), np.nan)
    for dimension in dict.fromkeys(scope.dimension for scope in scopes):
        rows = [at for at, scope in enumerate(scopes) if scope.dimension == dimension]
        past = _past_weeks(engine, hours, dimension, [scopes[at].member for at in rows])
        for at in rows:
            weeks = past.get(scopes[at].member)
            if weeks is not None:
                found[at] = _by_minute(recent, hours, weeks)
    return found


def _hours(recent: Recent) -> list[datetime]:
    start = datetime.fromtimestamp(recent.first_minute * MINUTES_PER_HOUR, UTC).replace(minute=0)
    return [start + number * HOUR for number in range(-(-(recent.end - start) // HOUR) + 1)]


def _past_weeks(
    engine: Engine, hours: Sequence[datetime], dimension: str, members: Sequence[str | None]
) -> Mapping[str | None, FloatArray]:
    """Give the dollars by hour of the weeks before, shape ``(weeks, hours)``, of each that has any."""
    by = None if dimension == TOTAL.dimension else Dimension(dimension)
    weeks: dict[str | None, list[FloatArray]] = {}
    for back in range(1, WEEKS + 1):
        asked = Question(start=hours[0] - back * WEEK - HOUR, end=hours[-1] - back * WEEK + 2 * HOUR, zone=UTC_ZONE)
        sums = read.sums(engine, asked, ("cost_nano_usd",), by=by, only=None if by is None else members)
        for member, costs in zip(sums.members, sums.measures["cost_nano_usd"], strict=True):
            weeks.setdefault(member.value, []).append(costs / NANO_PER_USD)
    return {member: np.array(found) for member, found in weeks.items()}


def _by_minute(recent: Recent, hours: Sequence[datetime], weeks: FloatArray) -> FloatArray:
    """Spread the hours of weeks over the minutes of the series: a morning may begin an hour earlier."""
    around = np.maximum(np.maximum(weeks[:, :-2], weeks[:, 1:-1]), weeks[:, 2:])
    usual = np.median(around, axis=0) / MINUTES_PER_HOUR
    first = recent.first_minute - int(hours[0].timestamp() // MINUTES_PER_HOUR)
    return np.repeat(usual, MINUTES_PER_HOUR)[first : first + recent.points]


def _case(recent: Recent, scope: Scope, dollars: FloatArray, found: Alarms, what: Runaway) -> Case:
    """Say since when, and how much it is by now.

    Args:
        recent: Where it is from.
        scope: Who.
        dollars: By minute.
        found: Of this series alone.
        what: Is a runaway.
    """
    (alarms,), (usual,) = found.alarms, found.usual
    alarmed = len(alarms) - 1
    while alarmed > 0 and alarms[alarmed - 1]:
        alarmed -= 1
    expected = float(usual[alarmed])
    window = range(max(alarmed - max(what.windows) + 1, 0), alarmed + 1)
    start = next((at for at in window if dollars[at] > what.times * expected), alarmed)
    (requests,), (unpriced,) = recent.requests([scope]), recent.unpriced([scope])
    return Case(
        scope=scope,
        label=recent.label(scope),
        start=recent.end - (recent.points - start) * MINUTE,
        end=recent.end,
        actual_nano_usd=round(float(dollars[start:].sum()) * NANO_PER_USD),
        expected_nano_usd=round(expected * (recent.points - start) * NANO_PER_USD),
        requests=int(requests[start:].sum()),
        unpriced_requests=int(unpriced[start:].sum()),
    )


def _narrowest(recent: Recent, cases: Mapping[Scope, Case]) -> list[Case]:
    """Leave out who is only where another runs away: the key is told, and not its user, team and all calls too."""
    told: list[Case] = []
    for dimension in _INNER_FIRST:
        for scope, case in sorted(cases.items()):
            if scope.dimension == dimension and _explained(recent, case, told) < EXPLAINS * case.excess_nano_usd:
                told.append(case)
    return told


def _explained(recent: Recent, case: Case, told: Sequence[Case]) -> float:
    """Give how much of what is too much is that of those who are told already."""
    points = (case.end - case.start) // MINUTE
    shares = (
        min(float(recent.both(each.scope, case.scope)[-points:].sum()) * NANO_PER_USD, each.excess_nano_usd)
        for each in told
    )
    return sum(shares)
