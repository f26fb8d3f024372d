"""A stretch of time in, its sheets stored out, beside writers that never wait for more than the storing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, delete, func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.clock import utc_now
from usage_plugin.store.calls import UsageCall
from usage_plugin.store.database import unavailable, writing
from usage_plugin.store.quarters import QUARTERS_PER_HOUR, floor_quarter, start_of
from usage_plugin.store.sheets.bundle import Sheet, bundled
from usage_plugin.store.sheets.fold import parts_of, sheets
from usage_plugin.store.sheets.load import load
from usage_plugin.store.sheets.patience import Patience
from usage_plugin.store.sheets.segments import Level, Stretch, changes_between, due, hours_from, segments
from usage_plugin.store.sheets.values import numbered
from usage_plugin.store.snapshot import snapshot
from usage_plugin.store.tables import UsageSegment, UsageSheet, table_of

Progress = Callable[[int, int], None]
"""Takes stretches done and stretches in all."""

# More calls than this are not added up in one go: a day of them stays split by the hour.
MOST_CALLS = 250_000
# Any number that nobody else takes: "sheet" as bytes. Two who stored a new stretch at once would not see each other's.
_STORING: Final = int.from_bytes(b"sheet", "big")
_ALONE: Final = text("SELECT pg_advisory_xact_lock(:key # hashtext(current_schema()))")
_SEGMENT, _CALL = table_of(UsageSegment).c, table_of(UsageCall).c


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a stretch."""

    calls: int
    sheets: int


def add_up(
    engine: Engine,
    now: datetime,
    zone: ZoneInfo,
    progress: Progress = lambda _done, _all: None,
    patience: Patience | None = None,
    *,
    before: datetime | None = None,
) -> Made:
    """Add up whatever should be and is not yet, or not any more: the newest first.

    Args:
        engine: Of a migrated database.
        now: The present.
        zone: Whose days are asked for; those of UTC are made too.
        progress: Told after each stretch.
        patience: Lets what is written to just now wait.
        before: Only what ends by then; ``None`` for all.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    try:
        with snapshot(engine) as connection:
            wanted = {level: due(connection, now, zone, level) for level in (Level.HOURS, Level.DAYS)}
            if before is not None:
                wanted = {Level.DAYS: [each for each in wanted[Level.DAYS] if start_of(each[1]) <= before]}
            if patience is not None:
                at_rest = set(patience.at_rest(connection, [each for some in wanted.values() for each in some], now))
                wanted = {level: [each for each in some if each in at_rest] for level, some in wanted.items()}
        calls, made, count = 0, 0, sum(map(len, wanted.values()))
        todo = ((stretch, level) for level, some in wanted.items() for stretch in _without_empty(engine, some))
        for done, (stretch, level) in enumerate(todo, 1):
            each = make(engine, stretch, level)
            calls, made = calls + each.calls * (level is Level.DAYS), made + each.sheets
            progress(done, count)
        _forget_hours(engine, hours_from(now))
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from error
    return Made(calls, made)


def make(engine: Engine, stretch: Stretch, level: Level = Level.DAYS) -> Made:
    """Add up one stretch, in place of all segments of its level that have a part in it.

    Args:
        engine: Of a migrated database.
        stretch: In quarters of an hour.
        level: Of the segment.
    """
    with snapshot(engine) as connection:
        changes = changes_between(connection, *stretch)
        if _count(connection, stretch) > MOST_CALLS and stretch[1] - stretch[0] > QUARTERS_PER_HOUR:
            loaded = None
        else:
            loaded = load(connection, *stretch)
    if loaded is None:
        return _make_hours(engine, stretch)
    calls = numbered(engine, loaded)
    parts = parts_of(len(calls), stretch[1] - stretch[0])
    made = list(bundled(sheets(calls, parts)))
    _store(
        engine,
        UsageSegment(
            level=level,
            start_quarter=stretch[0],
            end_quarter=stretch[1],
            changes=changes,
            calls=len(calls),
            parts=parts,
        ),
        made,
    )
    return Made(len(calls), len(made))


def _make_hours(engine: Engine, stretch: Stretch) -> Made:
    first = -(-stretch[0] // QUARTERS_PER_HOUR) * QUARTERS_PER_HOUR
    hours = sorted({*stretch, *range(first, stretch[1], QUARTERS_PER_HOUR)})
    made = [make(engine, each) for each in pairwise(hours)]
    return Made(sum(each.calls for each in made), sum(each.sheets for each in made))


def _store(engine: Engine, segment: UsageSegment, made: list[Sheet]) -> None:
    """Put a segment in place of those that have a part in its time; one that is frozen stays instead."""
    level, start = segment.level, segment.start_quarter
    here = (_SEGMENT.end_quarter > start, _SEGMENT.start_quarter < segment.end_quarter)
    columns = (_SEGMENT.level, _SEGMENT.start_quarter, _SEGMENT.frozen_id)
    with writing(engine).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(_ALONE, {"key": _STORING})
        present = select(*columns).where(*here).order_by(_SEGMENT.level, _SEGMENT.start_quarter)
        # Locked, so that nobody freezes one of them meanwhile.
        rows_there = connection.execute(present.with_for_update()).all()
        if any(row.frozen_id is not None for row in rows_there):
            return
        _forget(connection, level, [row.start_quarter for row in rows_there if row.level == level])
        values = segment.model_dump() | {"built_at": utc_now()}
        connection.execute(insert(table_of(UsageSegment)).values(**values))
        names = ("dimension", "value", "section", "content", "level", "start_quarter")
        rows = [dict(zip(names, (*sheet, level, start), strict=True)) for sheet in made]
        if rows:
            connection.execute(insert(table_of(UsageSheet)), rows)


def _forget(connection: Connection, level: int, starts: list[int]) -> None:
    for table in (UsageSheet, UsageSegment):
        columns = table_of(table).c
        here = (columns.level == level, columns.start_quarter.in_(starts))
        connection.execute(delete(table_of(table)).where(*here))


def _forget_hours(engine: Engine, before: int) -> None:
    """Leave the hours of days that are drawn by the day now to those days."""
    with engine.connect() as connection:
        old = segments(connection, 0, before, Level.HOURS)
    for segment in old:
        with writing(engine).begin() as connection:
            _forget(connection, Level.HOURS, [segment.start])


def _without_empty(engine: Engine, wanted: list[Stretch]) -> Iterator[Stretch]:
    """Put stretches without calls that follow each other together: years may lie between two imported calls."""
    empty: Stretch | None = None
    for start, end in wanted:
        if empty is not None and end != empty[0]:
            yield empty
            empty = None
        with engine.connect() as connection:
            has_calls = _first_call(connection, start, end)
        if has_calls:
            if empty is not None:
                yield empty
                empty = None
            yield start, end
        else:
            empty = (start, end if empty is None else empty[1])
    if empty is not None:
        yield empty


def _first_call(connection: Connection, start: int, end: int) -> bool:
    first = select(func.min(_CALL.completed_at)).where(_CALL.completed_at >= start_of(start))
    found = connection.execute(first.where(_CALL.completed_at < start_of(end))).scalar()
    return found is not None and floor_quarter(found) < end


def _count(connection: Connection, stretch: Stretch) -> int:
    start, end = map(start_of, stretch)
    inside = (_CALL.completed_at >= start, _CALL.completed_at < end)
    return int(connection.execute(select(func.count()).select_from(table_of(UsageCall)).where(*inside)).scalar_one())
