"""A database in, the totals that differ from its records out; and, where asked for, put right.

Calls and totals are written in one transaction, so each moment's view of a day agrees in itself. Each day is looked at
in a snapshot of its own, and so is each segment of the sheets: memory is bounded by a day, and no view is held open for
so long that SQLite's log grows or PostgreSQL's vacuum has to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Connection, Engine, func, select, text, tuple_
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.store.bulk import insert
from usage_plugin.store.compare import Compared, Difference, Wrong, compare_day
from usage_plugin.store.compare_frozen import compare_frozen_day
from usage_plugin.store.database import unavailable, writing
from usage_plugin.store.migrate import require_current
from usage_plugin.store.places import place_numbers, restore_places
from usage_plugin.store.read.told import forget_told
from usage_plugin.store.recompute import TOTALS
from usage_plugin.store.retention import BEGINNING, DAY, floor_day
from usage_plugin.store.rollups import DAY_KEY
from usage_plugin.store.shared import MODEL, PAYER
from usage_plugin.store.snapshot import snapshot
from usage_plugin.store.tables import UsageDay, UsageRecord, table_of
from usage_plugin.store.verify_sheets import verify_sheets

SHOWN = 20
Progress = Callable[[int, int], None]
"""Takes days or segments done and in all."""
_DAILY = table_of(UsageDay)
# In the order in which writers change them.
_LOCK = f"LOCK TABLE {MODEL.name}, {PAYER.name}, {_DAILY.name} IN SHARE ROW EXCLUSIVE MODE"


@dataclass(slots=True)
class Verification:
    """What was compared, and what came out."""

    days: int = 0
    calls: int = 0
    totals: int = 0
    sheets: int = 0
    differences: int = 0
    repaired: int = 0
    first: list[Difference] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Say whether no total is wrong now."""
        return self.differences == self.repaired

    def add(self, differences: Iterable[Difference]) -> None:
        """Count differences, and keep the first ones."""
        for difference in differences:
            self.differences += 1
            if len(self.first) < SHOWN:
                self.first.append(difference)


def verify(engine: Engine, *, repair: bool = False, progress: Progress = lambda _done, _all: None) -> Verification:
    """Compare all totals with the records, day by day, and then the sheets, while others go on writing.

    Where calls are pruned, daily totals and sheets are compared with each other.

    Args:
        engine: Of a migrated database.
        repair: Write totals anew that differ, each day in a transaction that keeps writers out, and sheets.
        progress: Told after each day and each segment.

    Raises:
        StoreUnavailable: The database does not answer.
        SchemaMismatch: The schema is not this version's.
    """
    require_current(engine)
    result = Verification()
    forget_told(engine)
    try:
        for day, done, span in _days(engine):
            with snapshot(engine) as connection:
                found = compare_day(connection, day)
                result.add([] if found.wrong else compare_frozen_day(connection, day))
            if repair and found.wrong:
                found = _repair(engine, day, result)
            _count(result, found)
            progress(done, span)
        for found_sheets in verify_sheets(engine, repair=repair):
            result.sheets += found_sheets.sheets
            result.repaired += found_sheets.repaired
            result.add(found_sheets.differences)
            progress(found_sheets.done, found_sheets.due)
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from error
    return result


def _count(result: Verification, found: Compared) -> None:
    result.days += 1
    result.calls += found.calls
    result.totals += found.totals
    result.add(wrong.difference for wrong in found.wrong)


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
    day, moment = _moments()
    queries = (select(func.min(day)).where(day >= start.date()), select(func.min(moment)).where(moment >= start))
    with engine.connect() as connection:
        found = [connection.execute(query).scalar() for query in queries]
    return min((_day_of(value) for value in found if value is not None), default=None)


def _last_day(engine: Engine) -> datetime | None:
    with engine.connect() as connection:
        found = [connection.execute(select(func.max(column))).scalar() for column in _moments()]
    return max((_day_of(value) for value in found if value is not None), default=None)


def _moments() -> tuple[Any, Any]:
    return _DAILY.c.day, table_of(UsageRecord).c.completed_at


def _day_of(value: date) -> datetime:
    return floor_day(value if isinstance(value, datetime) else datetime.combine(value, time(), UTC))


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """Open a transaction in which nobody else changes totals, and that sees all that was changed before.

    The snapshot is taken after the lock.
    """
    if engine.dialect.name != "postgresql":
        with writing(engine).begin() as connection:
            yield connection
        return
    with snapshot(engine) as connection:
        connection.execute(text(_LOCK))
        yield connection


def _repair(engine: Engine, day: datetime, result: Verification) -> Compared:
    """Compare a day again while nobody writes, and write what differs anew."""
    with _alone(engine) as connection:
        found = compare_day(connection, day)
        _rewrite(connection, found.wrong)
    result.repaired += len(found.wrong)
    return found


def _rewrite(connection: Connection, wrong: Sequence[Wrong]) -> None:
    numbers = tuple_(_DAILY.c.payer_id, _DAILY.c.model_id)
    for each in wrong:
        connection.execute(_DAILY.delete().where(_DAILY.c.day == each.place[0], numbers.in_(each.kept.keys)))
    totals = {each.place: each.expected for each in wrong if each.has_calls}
    number_of = place_numbers(connection, totals, {})
    restore_places(connection, number_of, {each.place: each.kept.sums.alias or each.expected.alias for each in wrong})
    rows = [(place[0], *number_of[place], *sums.totals) for place, sums in totals.items()]
    insert(connection, _DAILY, (*DAY_KEY, *TOTALS), rows, f"({', '.join(DAY_KEY)}) DO NOTHING")
