"""A question in, its cells out: from sheets where they are good, from the calls where they are not. Always exact."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import Connection, Engine, func, select
from sqlmodel import col

from usage_plugin.errors import NoLongerKept
from usage_plugin.store.calls import UsageCall
from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.quarters import floor_quarter, start_of
from usage_plugin.store.read.calls import Members, Stretch, read_calls, read_durations
from usage_plugin.store.read.cells import Cells
from usage_plugin.store.read.durations import read_histograms
from usage_plugin.store.read.gone import refuse_gone
from usage_plugin.store.read.plan import Buckets, Piece, Plan, plan
from usage_plugin.store.read.question import Question, bucket_starts
from usage_plugin.store.read.sheets import read_sheets
from usage_plugin.store.read.sql import reading
from usage_plugin.store.read.wish import Chosen, Wish
from usage_plugin.store.retention import Kind, pruned_before
from usage_plugin.store.sheets.codec import Integers
from usage_plugin.store.sheets.columns import MEASURE_NUMBERS, MEASURES, UNSET
from usage_plugin.store.sheets.segments import Segment, segments
from usage_plugin.store.sheets.values import numbers_of
from usage_plugin.store.tables import UsageRecord, table_of

_LESS = "Ask about a later time, by fewer filters, in whole hours, or in the zone of USAGE_TIMEZONE"


@dataclass(frozen=True, slots=True)
class Answer:
    """Cells with their buckets and members."""

    connection: Connection
    buckets: Buckets
    members: Members
    cells: Cells


@contextmanager
def asked(
    engine: Engine,
    question: Question,
    *,
    by: Dimension | None = None,
    in_buckets: bool = True,
    measures: Collection[str] = MEASURES,
) -> Iterator[Answer]:
    """Answer a question, in a transaction that sees one moment.

    Args:
        engine: Of a migrated database.
        question: Which calls, which buckets.
        by: Dimension to split by; ``None`` for none.
        in_buckets: Whether time is split, too.
        measures: Which are asked for; others may be missing.

    Raises:
        StoreUnavailable: The database does not answer.
        NoLongerKept: Only calls or totals that are pruned could tell.
    """
    with reading(engine) as connection:
        yield answered(connection, question, by=by, in_buckets=in_buckets, measures=measures)


def answered(
    connection: Connection,
    question: Question,
    *,
    by: Dimension | None,
    in_buckets: bool,
    measures: Collection[str] = MEASURES,
) -> Answer:
    """Do the same in a transaction of the caller's, which sees one moment."""
    members = Members(by)
    if question.is_hopeless:
        starts = bucket_starts(question) if in_buckets else ()
        return Answer(connection, Buckets(starts, np.zeros(0, np.int64)), members, Cells.empty())
    layout = plan(connection, question, in_buckets=in_buckets)
    wanted = frozenset(MEASURE_NUMBERS[name] for name in measures)
    wish = Wish(_chosen(connection, question), members.number, wanted)
    cells, left = read_sheets(connection, layout.pieces, wish, layout.buckets)
    stretches = _stretches(layout, left)
    _refuse_pruned(connection, question, left)
    refuse_gone(connection, question, stretches)
    rest = read_calls(connection, question, stretches, members, layout.buckets, measures=measures)
    late = [
        read_calls(connection, question.after(row_id), [stretch], members, layout.buckets, measures=measures)
        for stretch, row_id in _late(connection, layout, left)
    ]
    return Answer(connection, layout.buckets, members, Cells.joined([cells, rest, *late]))


def durations(
    engine: Engine, question: Question, column: str, *, in_buckets: bool
) -> tuple[tuple[datetime, ...], Integers, Integers, Integers]:
    """Give the begins of buckets; and bucket, bin and number of calls of each bin of a duration."""
    nothing = np.zeros(0, np.int64)
    with reading(engine) as connection:
        if question.is_hopeless:
            return bucket_starts(question) if in_buckets else (), nothing, nothing, nothing
        layout = plan(connection, question, in_buckets=in_buckets)
        wish = Wish(_chosen(connection, question))
        found, left = read_histograms(connection, layout.pieces, wish, layout.buckets, column)
        stretches = _stretches(layout, left)
        _refuse_pruned(connection, question, left)
        refuse_gone(connection, question, stretches)
        places, bins = read_durations(connection, question, stretches, column, layout.buckets)
        late = [
            read_durations(connection, question.after(row_id), [stretch], column, layout.buckets)
            for stretch, row_id in _late(connection, layout, left)
        ]
    places, bins = (np.concatenate((each, *(more[at] for more in late))) for at, each in enumerate((places, bins)))
    counts = np.concatenate((found[2], np.ones(len(bins), np.int64)))
    return layout.buckets.starts, np.concatenate((found[0], places)), np.concatenate((found[1], bins)), counts


def _refuse_pruned(connection: Connection, question: Question, left: Sequence[Piece]) -> None:
    """Say so rather than give a sum that lacks the calls that are gone.

    Raises:
        NoLongerKept: They are.
    """
    call = table_of(UsageCall).c
    asked_of_calls = [*(piece.segment for piece in left), *_cut(connection, question)]
    for segment in (each for each in asked_of_calls if each.frozen_id is not None):
        during = (call.completed_at >= start_of(segment.start), call.completed_at < start_of(segment.end))
        rows = select(func.count()).where(*during, call.id <= segment.frozen_id)
        if connection.execute(rows).scalar_one() < segment.calls:
            msg = f"single calls of {start_of(segment.start):%Y-%m-%d} are pruned, and its totals cannot tell this"
            raise NoLongerKept(msg, _LESS)


def _cut(connection: Connection, question: Question) -> list[Segment]:
    """Give the segments of pruned time in which a question begins or ends within a quarter of an hour."""
    ragged = [each for each in (question.start, question.end) if each != start_of(floor_quarter(each))]
    pruned = pruned_before(connection)[Kind.RECORDS] if ragged else question.start
    quarters = [floor_quarter(each) for each in ragged if each < pruned]
    return [segment for quarter in quarters for segment in segments(connection, quarter, quarter + 1)]


def _chosen(connection: Connection, question: Question) -> Chosen:
    """Give filters by number; values that no sheet knows fall out."""
    chosen: dict[int, tuple[int, ...]] = {}
    for dimension, values in question.choices.items():
        numbers = numbers_of(connection, dimension, {value for value in values if value is not None})
        chosen[dimension.number] = (*([UNSET] if None in values else []), *sorted(numbers.values()))
    return chosen


def _stretches(layout: Plan, left: Sequence[Piece]) -> list[Stretch]:
    """Put what is read from the calls together."""
    merged = list[Stretch]()
    for start, end in sorted([*layout.gaps, *(piece.time for piece in left)]):
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def _late(connection: Connection, layout: Plan, left: Sequence[Piece]) -> list[tuple[Stretch, int]]:
    """Give the frozen pieces of whose time calls came later: those are in no sheet."""
    frozen = [
        (piece.time, piece.segment.frozen_id)
        for piece in layout.pieces
        if piece.segment.frozen_id is not None and piece not in left
    ]
    if not frozen:
        return []
    first, last = frozen[0][0][0], frozen[-1][0][1]
    moment = col(UsageRecord.completed_at)
    there = select(col(UsageRecord.id)).where(moment >= first, moment < last).limit(1)
    if connection.execute(there).first() is None:
        return []
    return [(stretch, row_id) for stretch, row_id in frozen if row_id is not None]
