"""The last minutes in, what somebody did at this time of the weeks before out: a job of each Monday is usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from sqlalchemy import Engine

from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.rules.minutes import TOTAL, Measured, Recent, Scope
from usage_plugin.store import read
from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.read import Question
from usage_plugin.store.zones import UTC_ZONE

HOUR: Final = timedelta(hours=1)
WEEK: Final = timedelta(days=7)
WEEKS: Final = 4
MINUTES_PER_HOUR: Final = 60


@dataclass(slots=True)
class PastWeeks:
    """The hours of the weeks before, by whoever was asked about; they are read once an hour.

    Args:
        engine: Of a migrated database.
    """

    engine: Engine
    _hours: Sequence[datetime] = ()
    _known: dict[tuple[Measured, Scope], FloatArray | None] = field(default_factory=dict)

    def by_minute(self, recent: Recent, measured: Measured, scopes: Sequence[Scope]) -> FloatArray:
        """Give what each did per minute at this time of the week: the most of the hours around, in the median week.

        Args:
            recent: The minutes that are asked about.
            measured: What of it.
            scopes: Any number.

        Returns:
            An array of shape ``(scopes, minutes)``; not a number where nothing is known.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        self._read(_hours(recent), measured, scopes)
        found = np.full((len(scopes), recent.points), np.nan)
        for at, scope in enumerate(scopes):
            weeks = self._known[measured, scope]
            if weeks is not None:
                found[at] = _spread(recent, self._hours, weeks)
        return found

    def _read(self, hours: Sequence[datetime], measured: Measured, scopes: Sequence[Scope]) -> None:
        if hours != self._hours:
            self._hours, self._known = hours, {}
        unknown = [scope for scope in scopes if (measured, scope) not in self._known]
        for dimension in dict.fromkeys(scope.dimension for scope in unknown):
            some = [scope for scope in unknown if scope.dimension == dimension]
            past = _past_weeks(self.engine, measured, hours, dimension, [scope.member for scope in some])
            self._known.update({(measured, scope): past.get(scope.member) for scope in some})


def _hours(recent: Recent) -> list[datetime]:
    start = datetime.fromtimestamp(recent.first_minute * MINUTES_PER_HOUR, UTC).replace(minute=0)
    return [start + number * HOUR for number in range(-(-(recent.end - start) // HOUR) + 1)]


def _past_weeks(
    engine: Engine, measured: Measured, hours: Sequence[datetime], dimension: str, members: Sequence[str | None]
) -> Mapping[str | None, FloatArray]:
    """Give the measure by hour of the weeks before, shape ``(weeks, hours)``, of each that has any."""
    by = None if dimension == TOTAL.dimension else Dimension(dimension)
    weeks: dict[str | None, list[FloatArray]] = {}
    for back in range(1, WEEKS + 1):
        start, end = hours[0] - back * WEEK - HOUR, hours[-1] - back * WEEK + 2 * HOUR
        asked = Question(start=start, end=end, zone=UTC_ZONE, as_kept=True)
        sums = read.sums(engine, asked, (measured.sum_name,), by=by, only=None if by is None else members)
        for member, values in zip(sums.members, sums.measures[measured.sum_name], strict=True):
            weeks.setdefault(member.value, []).append(values / measured.scale)
    return {member: np.array(found) for member, found in weeks.items()}


def _spread(recent: Recent, hours: Sequence[datetime], weeks: FloatArray) -> FloatArray:
    """Spread the hours of weeks over the minutes of the series: a morning may begin an hour earlier."""
    around = np.maximum(np.maximum(weeks[:, :-2], weeks[:, 1:-1]), weeks[:, 2:])
    usual = np.median(around, axis=0) / MINUTES_PER_HOUR
    first = recent.first_minute - int(hours[0].timestamp() // MINUTES_PER_HOUR)
    return np.repeat(usual, MINUTES_PER_HOUR)[first : first + recent.points]
