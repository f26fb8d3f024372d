"""A moment in, the calls before it deleted out: those that sheets hold for good, and those older than all sheets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, select

from usage_plugin.store.calls import UsageCall
from usage_plugin.store.freeze import Frozen, covers, freeze, frozen, may_go, span_of
from usage_plugin.store.pace import Pace
from usage_plugin.store.partitions import Month, drop, whole_months
from usage_plugin.store.quarters import start_of
from usage_plugin.store.retention import BEGINNING, Kind, move_retention_mark
from usage_plugin.store.sheets.build import add_up, make
from usage_plugin.store.sheets.segments import Segment, segments
from usage_plugin.store.snapshot import snapshot
from usage_plugin.store.space import checkpoint
from usage_plugin.store.tables import table_of

_ATTEMPTS = 20
_CALL = table_of(UsageCall)


def calls_to_prune(connection: Connection, before: datetime, sheets_before: datetime) -> tuple[int, int]:
    """Count the calls before a moment that would go, and those that came too late to go.

    Args:
        connection: Of a migrated database.
        before: Calls that ended before it may go.
        sheets_before: Those before it go in any case.
    """
    span = _span(connection, sheets_before, before)
    held, is_old = frozen(connection, span) if span else [], may_go(connection.dialect.name)
    late = sum(_count(connection, each.late_calls()) for each in held)
    staying = sum(_count(connection, and_(each.late_calls(), is_old)) for each in held) if late else 0
    return _count(connection, and_(_CALL.c.completed_at < before, is_old)) - staying, late


def prune_calls(  # noqa: PLR0917 - each of them is a choice of the caller's
    engine: Engine, before: datetime, sheets_before: datetime, now: datetime, zone: ZoneInfo, pace: Pace
) -> Iterator[int]:
    """Delete calls in steps, oldest first; gives how many went in each.

    Args:
        engine: Of a migrated database.
        before: Calls that ended before it go when sheets hold them.
        sheets_before: Those before it go in any case, since sheets of their time are not kept either.
        now: The present.
        zone: Whose days are asked for.
        pace: How long a step may take, and the rest after it.
    """
    pace.restart()
    # From here on nobody may take that time for one without calls.
    both = (Kind.RECORDS, Kind.SHEETS)
    yield from _drop_months(engine, sheets_before, pace, both)
    is_old = may_go(engine.dialect.name)
    yield from _delete(engine, and_(_CALL.c.completed_at < sheets_before, is_old), sheets_before, pace, both)
    with snapshot(engine) as connection:
        span = _span(connection, sheets_before, before)
    if span is not None:
        add_up(engine, now, zone, before=before)
    yield from _drop_frozen_months(engine, before, pace)
    if span is None:
        return
    with snapshot(engine) as connection:
        waiting = [each for each in segments(connection, *span) if each.end <= span[1]]
        waiting = [each for each in waiting if _has_calls(connection, each)]
    for segment in waiting:
        held = _frozen(engine, segment, pace)
        if not held:
            return  # calls keep coming into it: another time
        for each in held:
            yield from _delete(engine, each.calls(engine.dialect.name), each.end, pace)


def _span(connection: Connection, start: datetime, end: datetime) -> tuple[int, int] | None:
    """Give the quarters from the first call in a time to its end; ``None`` where it has none."""
    moment = _CALL.c.completed_at
    first = connection.execute(select(func.min(moment)).where(moment >= start, moment < end)).scalar()
    return None if first is None else _whole(span_of(first, end), connection)


def _whole(span: tuple[int, int], connection: Connection) -> tuple[int, int]:
    """Begin with the segment that the first call lies in."""
    first = segments(connection, span[0], span[0] + 1)
    return min([span[0], *(each.start for each in first)]), span[1]


def _count(connection: Connection, which: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).select_from(_CALL).where(which)).scalar_one())


def _has_calls(connection: Connection, segment: Segment) -> bool:
    start, end = start_of(segment.start), start_of(segment.end)
    inside: ColumnElement[bool] = and_(_CALL.c.completed_at >= start, _CALL.c.completed_at < end)
    if segment.frozen_id is not None:
        inside = Frozen(start, end, segment.frozen_id).calls(connection.dialect.name)
    return connection.execute(select(_CALL.c.id).where(inside).limit(1)).first() is not None


def _frozen(engine: Engine, segment: Segment, pace: Pace) -> list[Frozen]:
    """Freeze a segment; one that was written to since is made again first, which may make hours of a day."""
    span = segment.start, segment.end
    for _ in range(_ATTEMPTS):
        begin = pace.clock()
        is_done = freeze(engine, span)
        with snapshot(engine) as connection:
            held = frozen(connection, span)
        if held:
            return held
        if is_done:
            make(engine, span)
        pace.rest(begin)
    return []


def _delete(
    engine: Engine, which: ColumnElement[bool], until: datetime, pace: Pace, kinds: Iterable[Kind] = (Kind.RECORDS,)
) -> Iterator[int]:
    if until == BEGINNING:
        return
    while True:
        begin = pace.clock()
        with pace.step(engine) as connection:
            deleted = _delete_oldest(connection, which, pace)
            for kind in kinds if deleted else ():
                move_retention_mark(connection, kind, until)
        checkpoint(engine)
        if not deleted:
            return
        pace.rest(begin)
        yield deleted


def _delete_oldest(connection: Connection, which: ColumnElement[bool], pace: Pace) -> int:
    call, deleted = _CALL.c, 0
    oldest = select(call.id, call.completed_at).where(which).order_by(call.completed_at)
    for some in pace.portions():
        rows = connection.execute(oldest.limit(some).with_for_update(skip_locked=True)).all()
        if rows:
            keys, last = [row.id for row in rows], rows[-1].completed_at
            connection.execute(delete(_CALL).where(call.id.in_(keys), call.completed_at <= last))
        deleted += len(rows)
        if len(rows) < some:
            break
    return deleted


def _drop_frozen_months(engine: Engine, before: datetime, pace: Pace) -> Iterator[int]:
    """Freeze whole months, and drop their partitions where no later call is in them."""
    with snapshot(engine) as connection:
        months = whole_months(connection, before)
    for month in months:
        freeze(engine, span_of(month.start, month.end))
        with snapshot(engine) as connection:
            last_id = _last_id(connection, month)
        if last_id is not None:
            yield from _drop(engine, month, last_id, pace)


def _last_id(connection: Connection, month: Month) -> int | None:
    """Give the row up to which all of a month is frozen; ``None`` where it is not."""
    moment = _CALL.c.completed_at
    inside = moment >= month.start, moment < month.end
    first = connection.execute(select(func.min(moment)).where(*inside)).scalar()
    held = frozen(connection, span_of(month.start, month.end))
    if first is None:
        return max((each.last_id for each in held), default=0)
    return min(each.last_id for each in held) if held and covers(_since(held, first), first, month.end) else None


def _since(held: list[Frozen], first: datetime) -> list[Frozen]:
    return [each for each in held if each.end > first]


def _drop_months(engine: Engine, before: datetime, pace: Pace, kinds: Iterable[Kind]) -> Iterator[int]:
    """Drop the partitions of whole months."""
    with snapshot(engine) as connection:
        months = whole_months(connection, before)
    for month in months:
        yield from _drop(engine, month, None, pace, kinds)


def _drop(
    engine: Engine, month: Month, last_id: int | None, pace: Pace, kinds: Iterable[Kind] = (Kind.RECORDS,)
) -> Iterator[int]:
    """Drop a partition; one that others use all the time is left to be deleted in steps."""
    for _ in range(_ATTEMPTS):
        begin = pace.clock()
        with engine.begin() as connection:
            calls = drop(connection, month, last_id)
            for kind in kinds if calls is not None else ():
                move_retention_mark(connection, kind, month.end)
        pace.rest(begin)
        if calls is not None:
            yield calls
            return
