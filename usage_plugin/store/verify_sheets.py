"""A database in, the sheets that differ from its calls out, segment by segment; and, where asked for, made again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, func, select

from usage_plugin.store.compare import Difference
from usage_plugin.store.compare_frozen import compare_frozen_segment
from usage_plugin.store.compare_sheets import ComparedSegment, compare_segment, difference
from usage_plugin.store.database import writing
from usage_plugin.store.quarters import floor_quarter, start_of
from usage_plugin.store.retention import Kind, pruned_before
from usage_plugin.store.sheets.build import make
from usage_plugin.store.sheets.segments import Level, Segment, segments
from usage_plugin.store.snapshot import snapshot
from usage_plugin.store.tables import UsageSegment, UsageSheet, table_of

_SHEETS, _SEGMENTS = table_of(UsageSheet), table_of(UsageSegment)


@dataclass(frozen=True, slots=True)
class Checked:
    """What came out of a step."""

    done: int
    due: int
    sheets: int
    differences: Sequence[Difference]
    repaired: int


def verify_sheets(engine: Engine, *, repair: bool) -> Iterator[Checked]:
    """Compare the sheets of each segment with its calls, in a snapshot of its own, while others go on writing.

    What is frozen is compared with itself, since its calls may be pruned. What waits to be made again is left out.

    Args:
        engine: Of a migrated database.
        repair: Make segments again that differ, and delete what belongs to none.
    """
    with snapshot(engine) as connection:
        by_level = {level: _all_segments(connection, level) for level in Level}
        orphans = {key: _orphan(connection, *key) for key in _orphans(connection)}
    due = sum(map(len, by_level.values()))
    for key, each in orphans.items():
        yield Checked(0, due, 0, [each], int(repair and _delete_orphan(engine, *key)))
    for level, present in by_level.items():
        for one, other in _overlapping(present):
            shown = difference(other, _SEGMENTS.name, {}, {"start_quarter": (other.start, one.end)})
            yield Checked(0, due, 0, [shown], int(repair and _delete_one(engine, level, (other, one))))
    all_of_them = ((segment, level) for level, present in by_level.items() for segment in present)
    for done, (segment, level) in enumerate(all_of_them, 1):
        found, repaired = _checked(engine, segment, level, repair=repair)
        if found is None:
            yield Checked(done, due, 0, (), 0)
        else:
            yield Checked(done, due, found.sheets, found.differences, repaired)


def _checked(engine: Engine, segment: Segment, level: Level, *, repair: bool) -> tuple[ComparedSegment | None, int]:
    with snapshot(engine) as connection:
        if segment.frozen_id is not None:
            return compare_frozen_segment(connection, segment, level), 0
        found = compare_segment(connection, segment, level)
    repaired = 0
    if repair and found is not None and found.differences:
        make(engine, (segment.start, segment.end), level)
        repaired = len(found.differences)
    return found, repaired


def _all_segments(connection: Connection, level: Level) -> list[Segment]:
    span = select(func.min(_SEGMENTS.c.start_quarter), func.max(_SEGMENTS.c.end_quarter))
    first, last = connection.execute(span).one()
    return [] if first is None else segments(connection, first, last, level)


def _overlapping(present: Iterable[Segment]) -> Iterator[tuple[Segment, Segment]]:
    """Give each two segments of which the second begins before the first one ends."""
    longest: Segment | None = None
    for segment in present:
        if longest is not None and segment.start < longest.end:
            yield longest, segment
        if longest is None or segment.end > longest.end:
            longest = segment


def _delete_one(engine: Engine, level: Level, both: Sequence[Segment]) -> bool:
    """Delete one of two segments for the same time; not one whose calls may be pruned."""
    for segment in both:
        if segment.frozen_id is not None:
            continue
        with writing(engine).begin() as connection:
            here = (_SEGMENTS.c.start_quarter == segment.start, _SEGMENTS.c.level == level)
            if connection.execute(delete(_SEGMENTS).where(*here, _SEGMENTS.c.frozen_id.is_(None))).rowcount:
                its = (_SHEETS.c.start_quarter == segment.start, _SHEETS.c.level == level)
                connection.execute(delete(_SHEETS).where(*its))
                return True
    return False


def _orphans(connection: Connection) -> list[tuple[int, int]]:
    """Give begin and level of stretches that have sheets and no segment; pruning deletes segments first."""
    pruned = floor_quarter(pruned_before(connection)[Kind.SHEETS])
    begin = _SHEETS.c.start_quarter
    there = {(row.start_quarter, row.level) for row in connection.execute(select(_SEGMENTS))}
    having = connection.execute(select(begin, _SHEETS.c.level).distinct().where(begin >= pruned))
    return sorted({(row.start_quarter, row.level) for row in having} - there)


def _orphan(connection: Connection, start: int, level: int) -> Difference:
    here = (_SHEETS.c.start_quarter == start, _SHEETS.c.level == level)
    sheets = connection.execute(select(func.count()).select_from(_SHEETS).where(*here)).scalar_one()
    return Difference(_SHEETS.name, {"start": start_of(start)}, {"sheets": (sheets, 0)})


def _delete_orphan(engine: Engine, start: int, level: int) -> bool:
    segment = (_SEGMENTS.c.start_quarter == start, _SEGMENTS.c.level == level)
    here = (_SHEETS.c.start_quarter == start, _SHEETS.c.level == level)
    with writing(engine).begin() as connection:
        if connection.execute(select(_SEGMENTS.c.calls).where(*segment)).first() is None:
            connection.execute(delete(_SHEETS).where(*here))
    return True
