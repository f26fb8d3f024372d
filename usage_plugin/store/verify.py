"""A database in, the totals that differ from its records out; and, where asked for, put right.

Calls and totals are written in one transaction, so each moment's view of a day agrees in itself. Each day is looked at
in a snapshot of its own: memory is bounded by a day's totals, and no view is held open for so long that SQLite's log
grows or PostgreSQL's vacuum has to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.store.bulk import insert
from usage_plugin.store.compare import Compared, Difference, compare_day
from usage_plugin.store.database import unavailable, writing
from usage_plugin.store.migrate import require_current
from usage_plugin.store.recompute import DAILY, HOURLY, Rollup
from usage_plugin.store.retention import BEGINNING, DAY, floor_day
from usage_plugin.store.rollups import ADDED, COST, rollup_key
from usage_plugin.store.tables import UsageDaily, UsageHourly, UsageRecord, table_of

SHOWN = 20
Progress = Callable[[int, int], None]
"""Takes days done and days in all."""


@dataclass(slots=True)
class Verification:
    """What was compared, and what came out."""

    days: int = 0
    calls: int = 0
    totals: int = 0
    differences: int = 0
    repaired: int = 0
    first: list[Difference] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Say whether no total is wrong now."""
        return self.differences == self.repaired


def verify(engine: Engine, *, repair: bool = False, progress: Progress = lambda _done, _all: None) -> Verification:
    """Compare all totals with the records, day by day, while others go on writing.

    Hourly totals are compared with the records; daily ones with the records too, or with the hourly totals where the
    records are pruned. Of what is pruned nothing is compared.

    Args:
        engine: Of a migrated database.
        repair: Write totals anew that differ, each day in a transaction that keeps writers out. Where all records of
            a day are pruned, nobody knows which of its totals is right: such differences stay.
        progress: Told after each day.

    Raises:
        StoreUnavailable: The database does not answer.
        SchemaMismatch: The schema is not this version's.
    """
    require_current(engine)
    result = Verification()
    try:
        for day, done, span in _days(engine):
            with _snapshot(engine) as connection:
                found = compare_day(connection, day)
            if repair and found.differences:
                found = _repair(engine, day, result)
            _count(result, found)
            progress(done, span)
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from error
    return result


def _count(result: Verification, found: Compared) -> None:
    result.days += 1
    result.calls += found.calls
    result.totals += found.totals
    result.differences += len(found.differences)
    result.first.extend(found.differences[: SHOWN - len(result.first)])


def _days(engine: Engine) -> Iterator[tuple[datetime, int, int]]:
    """Give each day with a record or a total, and how many days of how many are behind with it."""
    day, first, last = _next_day(engine, BEGINNING), None, None
    while day is not None:
        if first is None:
            first, last = day, _last_day(engine) or day
        span = max(last or day, day) - first + DAY
        yield day, (day - first + DAY).days, span.days
        day = _next_day(engine, day + DAY)


def _next_day(engine: Engine, start: datetime) -> datetime | None:
    hour, day, moment = _moments()
    queries = (
        select(func.min(hour)).where(hour >= start),
        select(func.min(day)).where(day >= start.date()),
        select(func.min(moment)).where(moment >= start),
    )
    with engine.connect() as connection:
        found = [connection.execute(query).scalar() for query in queries]
    return min((_day_of(value) for value in found if value is not None), default=None)


def _last_day(engine: Engine) -> datetime | None:
    with engine.connect() as connection:
        found = [connection.execute(select(func.max(column))).scalar() for column in _moments()]
    return max((_day_of(value) for value in found if value is not None), default=None)


def _moments() -> tuple[Any, Any, Any]:
    return table_of(UsageHourly).c.hour, table_of(UsageDaily).c.day, table_of(UsageRecord).c.completed_at


def _day_of(value: date) -> datetime:
    return floor_day(value if isinstance(value, datetime) else datetime.combine(value, time(), UTC))


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that sees one moment; on SQLite with its log every one does."""
    is_postgresql = engine.dialect.name == "postgresql"
    options = {"isolation_level": "REPEATABLE READ"} if is_postgresql else {}
    with engine.execution_options(**options).begin() as connection:
        yield connection


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """Open a transaction in which nobody else changes totals, and that sees all that was changed before.

    Tables are locked in the order in which writers change them; the snapshot is taken after the lock.
    """
    if engine.dialect.name != "postgresql":
        with writing(engine).begin() as connection:
            yield connection
        return
    with _snapshot(engine) as connection:
        connection.execute(text(f"LOCK TABLE {DAILY.name}, {HOURLY.name} IN SHARE ROW EXCLUSIVE MODE"))
        yield connection


def _repair(engine: Engine, day: datetime, result: Verification) -> Compared:
    """Compare a day again while nobody writes, and write what differs anew."""
    with _alone(engine) as connection:
        found = compare_day(connection, day)
        wrong = [difference for difference in found.differences if difference.can_repair]
        for rollup in (DAILY, HOURLY):
            _rewrite(connection, rollup, [difference for difference in wrong if difference.rollup == rollup])
    result.repaired += len(wrong)
    return found


def _rewrite(connection: Connection, rollup: Rollup, wrong: Sequence[Difference]) -> None:
    table = table_of(rollup.model)
    for difference in wrong:
        connection.execute(table.delete().where(table.c.rollup_key.in_(difference.rollup_keys)))
    rows = [
        (rollup_key(rollup.key, each.place), *each.place, *_aliases(each), *each.expected.added, each.expected.cost)
        for each in wrong
        if each.has_calls
    ]
    columns = ("rollup_key", *rollup.key, *rollup.aliases, *ADDED, COST)
    insert(connection, table, columns, rows, "(rollup_key) DO NOTHING")


def _aliases(wrong: Difference) -> tuple[str | None, ...]:
    """Keep the names that are known: the last one, which a sum over records cannot tell."""
    pairs = zip(wrong.kept.aliases, wrong.expected.aliases, strict=True)
    return tuple(kept or expected for kept, expected in pairs)[: len(wrong.rollup.aliases)]
