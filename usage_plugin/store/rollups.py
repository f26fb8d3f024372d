"""Rows of calls in, totals per UTC day and dimensions out, added to those that are kept.

This runs in each transaction that stores calls: rows are added up column by column, and what is zero for all calls of
a transaction is not touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from operator import add, itemgetter, mul, neg
from typing import Final

from sqlalchemy import Connection, and_, delete, tuple_, update

from usage_plugin.event import CostConfidence, Status
from usage_plugin.store.bulk import insert
from usage_plugin.store.places import DIMENSIONS, Numbers, Place, place_numbers
from usage_plugin.store.rows import NO_ROWS, TOKEN_COLUMNS, Columns, as_columns, joined
from usage_plugin.store.tables import Totals, UsageDay, table_of

COST: Final = "cost_nano_usd"
ADDED: Final = tuple(name for name in Totals.model_fields if name != COST)
DAY_KEY: Final = ("day", "payer_id", "model_id")
# A name that follows an id; it is not part of the key, and the last one known is kept.
ALIAS: Final = "team_alias"

_MEASURED: Final = (*TOKEN_COLUMNS, "saved_cost_nano_usd")
_FAILED = (Status.FAILURE.value, Status.INTERRUPTED.value)
_COUNTS: Final = (
    *("requests", "failed_requests", "rejected_requests", "cached_requests", "unpriced_requests"),
    *("estimated_requests", "partial_requests", "unfinished_attempts"),
)
_PARTS_OF_COST: Final = {"estimated_cost_nano_usd": "estimated_requests", "partial_cost_nano_usd": "partial_requests"}
_KINDS_KEPT = 8192


@dataclass(frozen=True, slots=True)
class Folded:
    """Totals by place.

    Args:
        names: Of the totals that are not zero everywhere.
        sums: Of each place, in this order; then the cost, and how many rows have a known one.
        aliases: The last known alias of each place that has one.
    """

    names: tuple[str, ...]
    sums: Mapping[Place, Sequence[int]]
    aliases: Mapping[Place, str]


def change_rollups(connection: Connection, added: Columns, removed: Columns) -> None:
    """Add rows of ``usage_record`` to the totals and take others out of them, in the caller's transaction.

    Args:
        connection: Of a transaction in which the rows themselves came or went.
        added: ``RECORD_COLUMNS``.
        removed: The same; totals of which no call is left go, too.
    """
    folded = fold(added, removed)
    number_of = place_numbers(connection, folded.sums, folded.aliases)
    columns = (*DAY_KEY, *folded.names, COST)
    rows = [
        (place[0], *number_of[place], *sums, cost if known else None)
        for place, (*sums, cost, known) in folded.sums.items()
    ]
    # Sorted by key in every process: two writers that meet wait for each other, never both.
    rows.sort(key=itemgetter(0, 1, 2))
    insert(connection, table_of(UsageDay), columns, rows, _on_conflict(folded.names))
    if removed[COST]:
        _tidy(connection, {(place[0], *number_of[place]) for place in fold(removed).sums})


def fold(added: Columns, removed: Columns = NO_ROWS) -> Folded:
    """Add rows of ``usage_record`` up per day and the dimensions of ``usage_daily``; those that are removed count less.

    Args:
        added: ``RECORD_COLUMNS``.
        removed: The same.
    """
    columns = joined(added, removed)
    days = [moment.date() for moment in columns["completed_at"]]
    places = list(zip(days, *(columns[name] for name in DIMENSIONS), strict=True))
    measures = _measures(columns)
    costs = columns[COST]
    known = [cost is not None for cost in costs]
    vectors = list(zip(*measures.values(), _whole(costs), known, strict=True))
    for place, vector in enumerate(vectors[len(added[COST]) :], len(added[COST])):
        vectors[place] = (*map(neg, vector[:-1]), vector[-1])
    aliases = {place: alias for place, alias in zip(places, columns[ALIAS], strict=True) if alias is not None}
    return Folded(tuple(measures), _summed(places, vectors), aliases)


def _summed(places: Iterable[Place], vectors: Iterable[Sequence[int]]) -> dict[Place, Sequence[int]]:
    sums: dict[Place, Sequence[int]] = {}
    for place, vector in zip(places, vectors, strict=True):
        before = sums.get(place)
        sums[place] = vector if before is None else tuple(map(add, before, vector))
    return sums


def _measures(columns: Columns) -> dict[str, Sequence[int]]:
    """Say of each row what it adds to each total; totals to which none adds anything are left out."""
    kinds = zip(*(columns[name] for name in ("status", "is_terminal", "cache_hit", "cost_confidence")), strict=True)
    flags = as_columns((_counted(*kind) for kind in kinds), _COUNTS)
    costs = _whole(columns[COST])
    found: dict[str, Sequence[int]]
    found = {name: list(map(mul, flags[name], columns["calls"])) for name in _COUNTS if any(flags[name])}
    found |= {name: list(map(mul, flags[kind], costs)) for name, kind in _PARTS_OF_COST.items() if kind in found}
    for name in _MEASURED:
        values = columns[name]
        if values.count(None) + values.count(0) < len(values):
            found[name] = _whole(values)
    return found


@lru_cache(_KINDS_KEPT)
def _counted(status: str, is_terminal: bool, cache_hit: bool, confidence: str) -> tuple[int, ...]:
    """Say which of ``_COUNTS`` count a call of a kind, with 1 or 0."""
    said = {
        "requests": is_terminal,
        "failed_requests": is_terminal and status in _FAILED,
        "rejected_requests": is_terminal and status == Status.REJECTED,
        "cached_requests": is_terminal and cache_hit,
        "unpriced_requests": confidence == CostConfidence.UNPRICED,
        "estimated_requests": confidence == CostConfidence.ESTIMATED,
        "partial_requests": confidence == CostConfidence.PARTIAL,
        "unfinished_attempts": not is_terminal,
    }
    return tuple(int(said[name]) for name in _COUNTS)


def _whole(values: Sequence[int | None]) -> Sequence[int]:
    return [value or 0 for value in values]


@lru_cache
def _on_conflict(names: tuple[str, ...]) -> str:
    sums = [f"{name} = usage_day.{name} + excluded.{name}" for name in names]
    either = f"COALESCE(usage_day.{COST} + excluded.{COST}, usage_day.{COST}, excluded.{COST})"
    return f"({', '.join(DAY_KEY)}) DO UPDATE SET {', '.join([*sums, f'{COST} = {either}'])}"


def _tidy(connection: Connection, keys: Iterable[tuple[date, int, int]]) -> None:
    """After calls left: no row without a call, and no cost where each call that is left has none."""
    table = table_of(UsageDay)
    by_day: dict[date, list[Numbers]] = {}
    for day, *numbers in keys:
        by_day.setdefault(day, []).append((numbers[0], numbers[1]))
    calls = table.c.requests + table.c.unfinished_attempts
    for day, some in sorted(by_day.items()):
        here = and_(table.c.day == day, tuple_(table.c.payer_id, table.c.model_id).in_(sorted(some)))
        connection.execute(delete(table).where(here, calls == 0))
        connection.execute(update(table).where(here, calls == table.c.unpriced_requests).values({COST: None}))
