"""Rows of calls in, totals per bucket and dimensions out: a fold that can be split anywhere and merged."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from operator import add, itemgetter, mul
from typing import Any

from sqlalchemy import Connection, and_, delete, update

from usage_plugin.event import CostConfidence, Status
from usage_plugin.store.bulk import insert
from usage_plugin.store.rows import POSITION, TOKEN_COLUMNS, Row
from usage_plugin.store.tables import Totals, UsageDaily, UsageHourly, table_of

COST = "cost_nano_usd"
ADDED = tuple(name for name in Totals.model_fields if name != COST)
# Names that follow an id; they are not part of the key, and the last one known is kept.
ALIASES = ("team_alias", "api_key_alias")
DAILY_KEY = ("day", "organization_id", "team_id", "user_id", "model", "provider")
HOURLY_KEY = ("hour", "organization_id", "team_id", "user_id", "api_key_hash", "model", "provider", "status")

_KIND = ("is_terminal", "cache_hit", "cost_confidence")
_GROUPED_BY = (*HOURLY_KEY[1:], *ALIASES, *_KIND)
_MEASURED = ("calls", *TOKEN_COLUMNS, "latency_ms", "saved_cost_nano_usd", COST)
_group_of = itemgetter(*(POSITION[name] for name in _GROUPED_BY))
_measures_of = itemgetter(*(POSITION[name] for name in _MEASURED))
_COMPLETED_AT = POSITION["completed_at"]
_FAILED = (Status.FAILURE.value, Status.INTERRUPTED.value)
_KEYS_KEPT = 8192

Place = tuple[Any, ...]
"""Values of DAILY_KEY or HOURLY_KEY."""


@dataclass(slots=True)
class Sums:
    """Totals of a place: the ADDED ones in order, the cost (``None`` where none is known) and the aliases."""

    added: Sequence[float]
    cost: int | None
    aliases: tuple[str | None, ...]

    def __add__(self, other: Sums) -> Sums:
        cost = other.cost if self.cost is None else self.cost if other.cost is None else self.cost + other.cost
        aliases = tuple(new or old for old, new in zip(self.aliases, other.aliases, strict=True))
        return Sums(tuple(map(add, self.added, other.added)), cost, aliases)

    def __neg__(self) -> Sums:
        return Sums([-value for value in self.added], None if self.cost is None else -self.cost, (None, None))


Folded = Mapping[Place, Sums]


def change_rollups(connection: Connection, added: Iterable[Row], removed: Iterable[Row] = ()) -> None:
    """Add rows of ``usage_record`` to the totals and take others out of them, in the caller's transaction.

    Args:
        connection: Of a transaction in which the rows themselves came or went.
        added: As ``RECORD_COLUMNS``.
        removed: The same; totals of which no call is left go, too.
    """
    leaving = fold_hours(removed)
    hours = merge({place: -sums for place, sums in leaving.items()}, fold_hours(added))
    # In this order in every process, each sorted by key: two writers that meet wait for each other, never both.
    _upsert(connection, UsageDaily, DAILY_KEY, ALIASES[:1], fold_days(hours))
    _upsert(connection, UsageHourly, HOURLY_KEY, ALIASES, hours)
    if leaving:
        _tidy(connection, UsageDaily, DAILY_KEY, fold_days(leaving))
        _tidy(connection, UsageHourly, HOURLY_KEY, leaving)


def fold_hours(rows: Iterable[Row]) -> Folded:
    """Add rows of ``usage_record`` up per hour and the dimensions of ``usage_hourly``."""
    groups: defaultdict[Row, list[Row]] = defaultdict(list)
    for row in rows:
        moment = row[_COMPLETED_AT]
        groups[moment.date(), moment.hour, *_group_of(row)].append(row)
    totals: dict[Place, Sums] = {}
    for group, members in groups.items():
        place, sums = _place(group), _sums(group, members)
        totals[place] = totals[place] + sums if place in totals else sums
    return totals


def fold_days(hours: Folded) -> Folded:
    """Add hourly totals up per day and the dimensions of ``usage_daily``."""
    totals: dict[Place, Sums] = {}
    for (hour, organization, team, user, _key, model, provider, _status), sums in hours.items():
        place = (hour.date(), organization, team, user, model, provider)
        totals[place] = totals[place] + sums if place in totals else sums
    return totals


def merge(left: Folded, right: Folded) -> Folded:
    """Add two folds up."""
    totals = dict(left)
    for place, sums in right.items():
        totals[place] = totals[place] + sums if place in totals else sums
    return totals


def _place(group: Row) -> Place:
    """Leave a refused caller's key out where nobody knows the caller: who makes keys up must not make totals grow."""
    day, hour, organization, team, user, key, model, provider, status, _, key_alias, *_ = group
    if status == Status.REJECTED and {organization, team, user, key_alias} == {None}:
        key = None
    return datetime.combine(day, time(hour), UTC), organization, team, user, key, model, provider, status


def _sums(group: Row, rows: Iterable[Row]) -> Sums:
    """Add up rows of one place, outcome and confidence; each row stands for as many calls as it counts."""
    *_, status, team_alias, key_alias, is_terminal, cache_hit, confidence = group
    counts, *tokens, latencies, saved, costs = zip(*map(_measures_of, rows), strict=True)
    calls, known_costs = sum(counts), [cost for cost in costs if cost is not None]
    done, cost = calls if is_terminal else 0, sum(known_costs)
    rejected = done if status == Status.REJECTED else 0
    estimated, partial = confidence == CostConfidence.ESTIMATED, confidence == CostConfidence.PARTIAL
    added = {
        "requests": done,
        "failed_requests": done if status in _FAILED else 0,
        "rejected_requests": rejected,
        "cached_requests": done if cache_hit else 0,
        "unpriced_requests": calls if confidence == CostConfidence.UNPRICED else 0,
        "estimated_requests": calls if estimated else 0,
        "partial_requests": calls if partial else 0,
        "unfinished_attempts": calls - done,
        **{name: sum(filter(None, values)) for name, values in zip(TOKEN_COLUMNS, tokens, strict=True)},
        "latency_ms_sum": sum(map(mul, latencies, counts)) if done and not rejected else 0.0,
        "estimated_cost_nano_usd": cost if estimated else 0,
        "partial_cost_nano_usd": cost if partial else 0,
        "saved_cost_nano_usd": sum(filter(None, saved)),
    }
    return Sums([added[name] for name in ADDED], cost if known_costs else None, (team_alias, key_alias))


@lru_cache(_KEYS_KEPT)
def rollup_key(names: tuple[str, ...], place: Place) -> str:
    """Hash a bucket and its dimensions to a fixed length; an unset dimension differs from an empty one."""
    named = zip(names, place, strict=True)
    parts = (f"{name}={_in_key(value)}" for name, value in named)
    return hashlib.blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _in_key(value: str | date | datetime | None) -> str:
    return value.isoformat() if isinstance(value, date) else repr(value)


def _upsert(
    connection: Connection,
    rollup: type[UsageDaily | UsageHourly],
    key: tuple[str, ...],
    aliases: tuple[str, ...],
    totals: Folded,
) -> None:
    columns = ("rollup_key", *key, *aliases, *ADDED, COST)
    rows = [
        (rollup_key(key, place), *place, *sums.aliases[: len(aliases)], *sums.added, sums.cost)
        for place, sums in totals.items()
    ]
    rows.sort(key=itemgetter(0))
    insert(connection, table_of(rollup), columns, rows, _on_conflict(table_of(rollup).name, aliases))


@lru_cache
def _on_conflict(table: str, aliases: tuple[str, ...]) -> str:
    sums = [f"{name} = {table}.{name} + excluded.{name}" for name in ADDED]
    either = f"COALESCE({table}.{COST} + excluded.{COST}, {table}.{COST}, excluded.{COST})"
    names = [f"{alias} = COALESCE(excluded.{alias}, {table}.{alias})" for alias in aliases]
    return f"(rollup_key) DO UPDATE SET {', '.join([*sums, f'{COST} = {either}', *names])}"


def _tidy(connection: Connection, rollup: type[UsageDaily | UsageHourly], key: tuple[str, ...], totals: Folded) -> None:
    """After calls left: no row without a call, and no cost where each call that is left has none."""
    table = table_of(rollup)
    here = table.c.rollup_key.in_(sorted(rollup_key(key, place) for place in totals))
    calls = table.c.requests + table.c.unfinished_attempts
    connection.execute(delete(table).where(and_(here, calls == 0)))
    unpriced = and_(here, calls == table.c.unpriced_requests)
    connection.execute(update(table).where(unpriced).values({COST: None}))
