"""A transaction and a day in, each of its totals that is not what the records say out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isclose
from typing import Any

from sqlalchemy import Connection

from usage_plugin.store.recompute import DAILY, HOURLY, Kept, Rollup, kept_sums, sums_of_records
from usage_plugin.store.retention import DAY, Kind, pruned_before
from usage_plugin.store.rollups import ADDED, COST, Place, Sums, fold_days, merge

# Latencies are floats: their sums depend on the order, and taking some out leaves a trace of their size.
_LATENCY = "latency_ms_sum"
_RELATIVE, _ABSOLUTE_MS = 1e-6, 0.01
_CALLS = (ADDED.index("requests"), ADDED.index("unfinished_attempts"))
_NOTHING = Sums(tuple(0 for _ in ADDED), None, (None, None))


@dataclass(frozen=True, slots=True)
class Difference:
    """Totals of a bucket and its dimensions that are not what the records say."""

    rollup: Rollup
    place: Place
    kept: Sums
    expected: Sums
    rollup_keys: Sequence[str]
    can_repair: bool

    @property
    def columns(self) -> dict[str, tuple[float | None, float | None]]:
        """Give what is kept and what is expected, where they differ."""
        kept, expected = _by_name(self.kept), _by_name(self.expected)
        return {name: (kept[name], expected[name]) for name in kept if not _agree(name, kept[name], expected[name])}

    @property
    def has_calls(self) -> bool:
        """Say whether the records have a call there."""
        return any(self.expected.added[position] for position in _CALLS)

    @property
    def dimensions(self) -> dict[str, Any]:
        """Give bucket and dimensions by name."""
        return dict(zip(self.rollup.key, self.place, strict=True))


@dataclass(slots=True)
class Compared:
    """What was compared on a day."""

    calls: int
    totals: int
    differences: list[Difference]


def compare_day(connection: Connection, day: datetime) -> Compared:
    """Compare a day's totals.

    Hourly totals are compared with the records; daily ones with the records too, or with the hourly totals where the
    records are pruned. Of what is pruned nothing is compared.

    Args:
        connection: Sees one moment, so that calls and totals belong together.
        day: Start of a UTC day.
    """
    marks, end = pruned_before(connection), day + DAY
    known_from = min(max(marks[Kind.RECORDS], marks[Kind.HOURLY], day), end)
    hours = kept_sums(connection, HOURLY, day, end)
    from_records = sums_of_records(connection, known_from, end)
    pruned = {place: hours.pop(place).sums for place in list(hours) if place[0] < known_from}
    differences = _compare(HOURLY, hours, from_records, can_repair=True)
    compared = len(hours)
    if day >= max(marks[Kind.HOURLY], marks[Kind.DAILY]):
        days = kept_sums(connection, DAILY, day.date(), end.date())
        expected = fold_days(merge(pruned, from_records))
        differences += _compare(DAILY, days, expected, can_repair=known_from < end)
        compared += len(days)
    calls = sum(sums.added[position] for sums in from_records.values() for position in _CALLS)
    return Compared(int(calls), compared, differences)


def _compare(
    rollup: Rollup, kept: Mapping[Place, Kept], expected: Mapping[Place, Sums], *, can_repair: bool
) -> list[Difference]:
    differences = []
    for place in [*kept, *(place for place in expected if place not in kept)]:
        is_kept, should_be = kept.get(place), expected.get(place)
        if is_kept is None or should_be is None or not _equal(is_kept.sums, should_be):
            keys = is_kept.rollup_keys if is_kept else ()
            sums = is_kept.sums if is_kept else _NOTHING
            differences.append(Difference(rollup, place, sums, should_be or _NOTHING, keys, can_repair))
    return differences


def _equal(kept: Sums, expected: Sums) -> bool:
    if kept.cost != expected.cost:
        return False
    return kept.added == expected.added or all(map(_agree, ADDED, kept.added, expected.added))


def _agree(name: str, kept: float | None, expected: float | None) -> bool:
    if name == _LATENCY and kept is not None and expected is not None:
        return isclose(kept, expected, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE_MS)
    return kept == expected


def _by_name(sums: Sums) -> dict[str, float | None]:
    return {**dict(zip(ADDED, sums.added, strict=True)), COST: sums.cost}
