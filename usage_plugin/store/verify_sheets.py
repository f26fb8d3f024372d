"""A database in, the sheets that differ from its calls out, segment by segment; and, where asked for, made again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, func, select

from usage_plugin.store.compare import Difference
from usage_plugin.store.compare_sheets import compare_segment, difference
from usage_plugin.store.database import writing
from usage_plugin.store.quarters import floor_quarter, start_of
from usage_plugin.store.retention import Kind, pruned_before
from usage_plugin.store.sheets.build import make
from usage_plugin.store.sheets.segments import Segment, segments
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

    What is frozen is left out, since its calls may be pruned, and so is what waits to be made again.

    Args:
        engine: Of a migrated database.
        repair: Make segments again that differ, and delete what belongs to none.
    """
    with snapshot(engine) as connection:
        present = _all_segments(connection)
        orphans = {start: _orphan(connection, start) for start in _orphans(connection)}
    for start, each in orphans.items():
        yield Checked(0, len(present), 0, [each], int(repair and _delete_orphan(engine, start)))
    for one, other in _overlapping(present):
        shown = difference(other, _SEGMENTS.name, {}, {"start_quarter": (other.start, one.end)})
        yield Checked(0, len(present), 0, [shown], int(repair and _delete_one(engine, other, one)))
    for done, segment in enumerate(present, 1):
        yield _checked(engine, segment, done, len(present), repair=repair)


def _checked(engine: Engine, segment: Segment, done: int, due: int, *, repair: bool) -> Checked:
    with snapshot(engine) as connection:
        found = compare_segment(connection, segment)
    if found is None:
        return Checked(done, due, 0, (), 0)
    repaired = 0
    if repair and found.differences:
        make(engine, (segment.start, segment.end))
        repaired = len(found.differences)
    return Checked(done, due, found.sheets, found.differences, repaired)


def _all_segments(connection: Connection) -> list[Segment]:
    span = select(func.min(_SEGMENTS.c.start_quarter), func.max(_SEGMENTS.c.end_quarter))
    first, last = connection.execute(span).one()
    return [] if first is None else segments(connection, first, last)


def _overlapping(present: Iterable[Segment]) -> Iterator[tuple[Segment, Segment]]:
    """Give each two segments of which the second begins before the first one ends."""
    longest: Segment | None = None
    for segment in present:
        if longest is not None and segment.start < longest.end:
            yield longest, segment
        if longest is None or segment.end > longest.end:
            longest = segment


def _delete_one(engine: Engine, *both: Segment) -> bool:
    """Delete one of two segments for the same time; not one whose calls may be pruned."""
    for segment in both:
        if segment.frozen_id is not None:
            continue
        with writing(engine).begin() as connection:
            here = (_SEGMENTS.c.start_quarter == segment.start, _SEGMENTS.c.frozen_id.is_(None))
            if connection.execute(delete(_SEGMENTS).where(*here)).rowcount:
                connection.execute(delete(_SHEETS).where(_SHEETS.c.start_quarter == segment.start))
                return True
    return False


def _orphans(connection: Connection) -> list[int]:
    """Give the begins of stretches that have sheets and no segment; pruning deletes segments first."""
    begin = _SHEETS.c.start_quarter
    without = begin.not_in(select(_SEGMENTS.c.start_quarter))
    pruned = floor_quarter(pruned_before(connection)[Kind.SHEETS])
    return sorted(connection.execute(select(begin).distinct().where(without, begin >= pruned)).scalars())


def _orphan(connection: Connection, start: int) -> Difference:
    here = select(func.count()).select_from(_SHEETS).where(_SHEETS.c.start_quarter == start)
    return Difference(_SHEETS.name, {"start": start_of(start)}, {"sheets": (connection.execute(here).scalar_one(), 0)})


def _delete_orphan(engine: Engine, start: int) -> bool:
    without = _SHEETS.c.start_quarter.not_in(select(_SEGMENTS.c.start_quarter))
    with writing(engine).begin() as connection:
        connection.execute(delete(_SHEETS).where(_SHEETS.c.start_quarter == start, without))
    return True
