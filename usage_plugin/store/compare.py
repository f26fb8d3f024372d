"""A transaction and a day in, each of its totals that is not what the records say out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from usage_plugin.store.places import DAILY_KEY, Place
from usage_plugin.store.recompute import TOTALS, Kept, Sums, kept_sums, sums_of_records
from usage_plugin.store.retention import DAY, Kind, pruned_before
from usage_plugin.store.tables import UsageDaily, table_of

_CALLS: Final = (TOTALS.index("requests"), TOTALS.index("unfinished_attempts"))
_NOTHING: Final = Kept(Sums((*(0 for _ in TOTALS[:-1]), None), None), ())
Columns = Mapping[str, tuple[Any, Any]]
"""What is kept and what is expected, by name."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What is kept in some place of a table and is not what the records say."""

    table: str
    dimensions: Mapping[str, Any]
    columns: Columns


@dataclass(frozen=True, slots=True)
class Wrong:
    """Totals of a day and its dimensions that are not what the records say."""

    place: Place
    kept: Kept
    expected: Sums

    @property
    def has_calls(self) -> bool:
        """Say whether the records have a call there."""
        return any(self.expected.totals[position] for position in _CALLS)

    @property
    def difference(self) -> Difference:
        """Say it."""
        pairs = zip(TOTALS, self.kept.sums.totals, self.expected.totals, strict=True)
        columns = {name: (kept, expected) for name, kept, expected in pairs if kept != expected}
        return Difference(table_of(UsageDaily).name, dict(zip(DAILY_KEY, self.place, strict=True)), columns)


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared on a day."""

    calls: int
    totals: int
    wrong: list[Wrong]


def compare_day(connection: Connection, day: datetime) -> Compared:
    """Compare a day's totals with its records; of a day that has lost some to pruning, nothing.

    Args:
        connection: Sees one moment, so that calls and totals belong together.
        day: Start of a UTC day.
    """
    expected = sums_of_records(connection, day, day + DAY)
    calls = sum(sums.totals[position] or 0 for sums in expected.values() for position in _CALLS)
    marks = pruned_before(connection)
    if day < max(marks[Kind.RECORDS], marks[Kind.DAILY]):
        return Compared(calls, 0, [])
    kept = kept_sums(connection, day.date(), (day + DAY).date())
    return Compared(calls, len(kept), _compare(kept, expected))


def _compare(kept: Mapping[Place, Kept], expected: Mapping[Place, Sums]) -> list[Wrong]:
    wrong = []
    for place in [*kept, *(place for place in expected if place not in kept)]:
        is_kept, should_be = kept.get(place), expected.get(place)
        found = Wrong(place, is_kept or _NOTHING, should_be or _NOTHING.sums)
        if None in (is_kept, should_be) or found.kept.sums.totals != found.expected.totals or not found.kept.is_named:
            wrong.append(found)
    return wrong
