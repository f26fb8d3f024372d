"""The calls of the last two days in, series by the minute of whoever made them out; what is known is read once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

import numpy as np
from sqlalchemy import Engine

from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.money import NANO_PER_USD
from usage_plugin.store import read
from usage_plugin.store.read import Caller, MinuteSums
from usage_plugin.store.sheets.codec import Integers

MINUTE: Final = timedelta(minutes=1)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
# A day and a morning: so far back the most ever is looked for, and once more the day before it.
KEPT: Final = timedelta(hours=51)
# A call is stored seconds after its end; one that ended earlier than so long ago and comes late is not seen here.
READ_AGAIN: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Whose calls: all, or those of a key, a user or a team."""

    dimension: str
    member: str | None = None


TOTAL: Final = Scope("total")


class Measured(Enum):
    """What is added up by the minute: the column of `MinuteSums`, that of hours, and how many of it make one."""

    DOLLARS = ("cost_nano_usd", "cost_nano_usd", NANO_PER_USD)
    REQUESTS = ("requests", "requests", 1)
    UNPRICED = ("unpriced", "unpriced_requests", 1)
    """Requests without a known price."""

    @property
    def column(self) -> str:
        """Its name by the minute."""
        return self.value[0]

    @property
    def sum_name(self) -> str:
        """Its name by the hour, as `read.sums` has it."""
        return self.value[1]

    @property
    def scale(self) -> int:
        """How many of what is stored make one."""
        return self.value[2]


@dataclass(slots=True)
class Recent:
    """The last days by minute, kept up to date.

    Args:
        engine: Of a migrated database.
        kept: How many.
    """

    engine: Engine
    kept: timedelta = KEPT
    end: datetime = _NEVER
    """First moment after the last minute."""
    _sums: MinuteSums | None = None
    _callers: dict[int, Caller] = field(default_factory=dict)

    def catch_up(self, now: datetime) -> None:
        """Read what came in since the last time; the minute that is not over is left out.

        Where the clock was set back everything is read anew: minutes that are still to come are not known.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        end = now.replace(second=0, microsecond=0)
        known = None if self.end > end else self._sums
        start = end - self.kept if known is None else max(end - self.kept, self.end - READ_AGAIN)
        new = read.minute_sums(self.engine, start, end)
        self._sums = new if known is None else _joined(known, new, _minute(end - self.kept), _minute(start))
        self.end = end
        unknown = set(np.unique(new.caller).tolist()) - self._callers.keys()
        self._callers.update(read.callers(self.engine, unknown))

    @property
    def first_minute(self) -> int:
        """The first minute of series."""
        return _minute(self.end - self.kept)

    @property
    def start(self) -> datetime:
        """Begin of the first minute."""
        return datetime.fromtimestamp(self.first_minute * 60, UTC)

    @property
    def points(self) -> int:
        """How many minutes series have."""
        return self.kept // MINUTE

    def scopes(self, minutes: int, by: Measured = Measured.DOLLARS) -> dict[Scope, float]:
        """Give everybody who made calls in the last minutes, with the dollars, or how many calls."""
        sums = self._there
        late = sums.minute >= _minute(self.end) - minutes
        found: dict[Scope, float] = {}
        for caller, value in zip(sums.caller[late].tolist(), self._values(by)[late].tolist(), strict=True):
            for scope in self._scopes_of(caller):
                found[scope] = found.get(scope, 0.0) + value / by.scale
        return found

    def series(self, scopes: Collection[Scope], by: Measured) -> FloatArray:
        """Give a measure of some, shape ``(scopes, minutes)``."""
        values = self._values(by)
        rows = [self._of(None if scope == TOTAL else self._callers_in(scope), values) for scope in scopes]
        return np.array(rows).reshape(len(rows), self.points) / by.scale

    def dollars(self, scopes: Collection[Scope]) -> FloatArray:
        """Give what some spent, shape ``(scopes, minutes)``."""
        return self.series(scopes, Measured.DOLLARS)

    def requests(self, scopes: Collection[Scope]) -> FloatArray:
        """Give how often some called, shape ``(scopes, minutes)``."""
        return self.series(scopes, Measured.REQUESTS)

    def unpriced(self, scopes: Collection[Scope]) -> FloatArray:
        """Give how many of these calls have no known cost."""
        return self.series(scopes, Measured.UNPRICED)

    def label(self, scope: Scope) -> str | None:
        """Give the name that people know somebody by."""
        if scope.dimension == "user" or scope == TOTAL:
            return scope.member
        names = {"key": ("key", "key_label"), "team": ("team", "team_label")}
        member, label = names[scope.dimension]
        mine = (who for who in self._callers.values() if getattr(who, member) == scope.member)
        return next((name for who in mine if (name := getattr(who, label))), scope.member)

    def both(self, inner: Scope, outer: Scope, by: Measured) -> FloatArray:
        """Give a measure of those who are in two scopes, shape ``(minutes,)``."""
        found = self._callers_in(inner) & self._callers_in(outer)
        return self._of(found, self._values(by)) / by.scale

    @property
    def _there(self) -> MinuteSums:
        if self._sums is None:
            msg = "nothing was read yet"
            raise ValueError(msg)
        return self._sums

    def _scopes_of(self, caller: int) -> Iterable[Scope]:
        yield TOTAL
        who = self._callers.get(caller)
        if who is None:
            return
        for dimension, member in (("key", who.key), ("user", who.user), ("team", who.team)):
            if member is not None:
                yield Scope(dimension, member)

    def _callers_in(self, scope: Scope) -> set[int]:
        return {caller for caller in self._callers if scope in self._scopes_of(caller)}

    def _values(self, by: Measured) -> Integers:
        found: Integers = getattr(self._there, by.column)
        return found

    def _of(self, callers: set[int] | None, values: Integers) -> FloatArray:
        sums = self._there
        mine = np.ones(len(sums), np.bool_) if callers is None else np.isin(sums.caller, sorted(callers))
        minutes = sums.minute[mine] - self.first_minute
        return np.bincount(minutes, weights=values[mine].astype(np.float64), minlength=self.points).astype(np.float64)


def _joined(old: MinuteSums, new: MinuteSums, first: int, since: int) -> MinuteSums:
    """Put what was read again in place of what it was before."""
    stays = (old.minute >= first) & (old.minute < since)
    columns: Mapping[str, Integers] = {
        name: np.concatenate((getattr(old, name)[stays], getattr(new, name)))
        for name in MinuteSums.__dataclass_fields__
    }
    return MinuteSums(**columns)


def _minute(moment: datetime) -> int:
    return int(moment.timestamp() // 60)
