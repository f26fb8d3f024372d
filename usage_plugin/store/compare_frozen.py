"""A frozen segment in, what its sheets say that does not agree with itself or with the daily totals out.

The calls behind it may be pruned, so nothing can be made anew: but each sheet says the same in many ways, and the daily
totals were kept by other code, in the transactions of the calls themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.store.compare import Difference
from usage_plugin.store.compare_sheets import ComparedSegment, difference, kept_sheets, place_of, sums_of
from usage_plugin.store.dimensions import COLUMNS, Dimension
from usage_plugin.store.places import DIMENSIONS
from usage_plugin.store.quarters import floor_quarter
from usage_plugin.store.read.answer import answered
from usage_plugin.store.read.answers import Usage
from usage_plugin.store.read.question import Granularity, Question
from usage_plugin.store.recompute import TOTALS, kept_sums
from usage_plugin.store.retention import DAY, Kind, pruned_before
from usage_plugin.store.sheets.codec import Kind as Rows
from usage_plugin.store.sheets.codec import section_number
from usage_plugin.store.sheets.columns import ALL, MEASURE_NUMBERS
from usage_plugin.store.sheets.fold import FINE, KEY, SINGLE, TAG, TOLD, USER, parts_of
from usage_plugin.store.sheets.segments import Level, Segment, segments
from usage_plugin.store.tables import UsageDaily, UsageSegment, UsageSheet, table_of

Sums = Mapping[str, int]
_SHEET, _SEGMENT, _DAILY = (table_of(each).name for each in (UsageSheet, UsageSegment, UsageDaily))
_OF_DAYS: Final = (None, *(dimension for dimension, column in COLUMNS.items() if column in DIMENSIONS))
_CALLS, _TOTAL = section_number(Rows.CALLS, ALL), section_number(Rows.CELLS, ALL)
_TOLD = section_number(Rows.TOLD, KEY)
_NAMES: Final = {each.number: each.value for each in Dimension}


def compare_frozen_segment(connection: Connection, segment: Segment, level: Level) -> ComparedSegment:
    """Add each sheet of a segment up by each of its sections, and the sheets of each dimension: all say the same.

    Args:
        connection: Sees one moment.
        segment: A frozen one.
        level: Of the segment.
    """
    kept = kept_sheets(connection, segment.start, level)
    found = list(_of_parts(segment))
    if segment.calls:
        found.extend((_of_sheets if segment.parts else _of_calls)(connection, segment, kept))
    return ComparedSegment(0, len(kept), found)


def _of_parts(segment: Segment) -> Iterator[Difference]:
    if segment.parts != (expected := parts_of(segment.calls, segment.end - segment.start)):
        yield difference(segment, _SEGMENT, {}, {"parts": (segment.parts, expected)})


def _of_calls(
    connection: Connection, segment: Segment, kept: Mapping[tuple[int, int, int], bytes]
) -> Iterator[Difference]:
    sums = sums_of(kept.get((ALL, 0, _CALLS)))
    rows = sums.get("rows", 0)
    if rows != segment.calls:
        yield difference(segment, _SHEET, {"dimension": "all"}, {"rows": (rows, segment.calls)})
    expected = _measures(sums)
    for key in sorted(kept):
        if key[2] >> 8 == Rows.CELLS and key[2] & 0xFF != TAG and (said := _measures(sums_of(kept[key]))) != expected:
            yield difference(segment, _SHEET, place_of(connection, key), _differing(said, expected))


def _of_sheets(
    connection: Connection, segment: Segment, kept: Mapping[tuple[int, int, int], bytes]
) -> Iterator[Difference]:
    whole = _measures(sums_of(kept.get((ALL, 0, _TOTAL))))
    told = {other for other in TOLD if _NAMES[other] in sums_of(kept.get((ALL, 0, _TOLD)))}
    in_all: dict[int, list[Sums]] = {ALL: [], **{number: [] for number in SINGLE if number not in told & {USER}}}
    for dimension, value in sorted({key[:2] for key in kept}):
        own_section = _TOTAL if value >= 0 else _CALLS
        own = _measures(sums_of(kept.get((dimension, value, own_section))))
        if dimension in in_all:
            in_all[dimension].append(own)
        for section in _sections(dimension, value):
            if section & 0xFF in told and (dimension, value, section) not in kept:
                continue  # it follows from what is by key
            said = _measures(sums_of(kept.get((dimension, value, section))))
            if said != own:
                place = place_of(connection, (dimension, value, section))
                yield difference(segment, _SHEET, place, _differing(said, own))
    for dimension, some in in_all.items():
        added = _added(some)
        if added != whole or not some:
            place = place_of(connection, (dimension, 0, _TOTAL))
            yield difference(segment, _SHEET, {"dimension": place["dimension"]}, _differing(added, whole))


def _sections(dimension: int, value: int) -> list[int]:
    """Name the sections of a sheet that each add up to the whole of it; a call with two tags is in both of theirs."""
    if value < 0:
        return [_CALLS]
    cells = [section_number(Rows.CELLS, other) for other in (ALL, *SINGLE) if other != dimension or other == ALL]
    fine = [ALL, *(other for other in FINE if other != TAG and dimension == ALL)]
    return [*cells, *(section_number(Rows.FINE, other) for other in fine)]


def _measures(sums: Sums) -> Sums:
    return {name: each for name, each in sums.items() if each and name in MEASURE_NUMBERS}


def _added(some: Sequence[Sums]) -> Sums:
    names = {name for each in some for name in each}
    added = {name: sum(each.get(name, 0) for each in some) for name in names}
    return {name: each for name, each in added.items() if each}


def _differing(kept: Sums, expected: Sums) -> dict[str, tuple[Any, Any]]:
    names = sorted(kept.keys() | expected.keys())
    pairs = {name: (kept.get(name, 0), expected.get(name, 0)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def compare_frozen_day(connection: Connection, day: datetime) -> list[Difference]:
    """Compare a day's totals with what pages show of it, where sheets hold all of the day and some of it for good.

    Args:
        connection: Sees one moment.
        day: Start of a UTC day.
    """
    marks = pruned_before(connection)
    if day < max(marks[Kind.SHEETS], marks[Kind.DAILY]) or not _is_held(connection, day):
        return []
    question = Question(start=day, end=day + DAY, granularity=Granularity.DAY)
    kept = kept_sums(connection, day.date(), (day + DAY).date())
    rows = [(place[1:], dict(zip(TOTALS, each.sums.totals, strict=True))) for place, each in kept.items()]
    found = list[Difference]()
    for by in _OF_DAYS:
        column = None if by is None else COLUMNS[by]
        position = None if column is None else DIMENSIONS.index(column)
        daily: dict[str | None, list[Sums]] = {}
        for place, totals in rows:
            value = None if position is None else place[position]
            daily.setdefault(value, []).append({name: each or 0 for name, each in totals.items()})
        shown = _shown(connection, replace(question, group_by=by or question.group_by), by)
        if shown is None:
            return [Difference(_SHEET, {"day": day.date()}, {"sheets": (0, 1)})]
        found.extend(_of_members(day.date(), column, {value: _added(some) for value, some in daily.items()}, shown))
    return found


def _of_members(
    day: date, column: str | None, daily: Mapping[str | None, Sums], shown: Mapping[str | None, Sums]
) -> Iterator[Difference]:
    for value in sorted(daily.keys() | shown.keys(), key=str):
        columns = _differing(daily.get(value, {}), shown.get(value, {}))
        if columns:
            yield Difference(_DAILY, {"day": day, **({} if column is None else {column: value})}, columns)


def _shown(connection: Connection, question: Question, by: Dimension | None) -> dict[str | None, Sums] | None:
    """Give what pages show, by member; ``None`` where a sheet that it takes is gone or damaged."""
    try:
        answer = answered(connection, question, by=by, in_buckets=False)
    except SQLAlchemyError:
        raise
    except Exception:  # noqa: BLE001 - a damaged sheet may fail anywhere
        return None
    cells = answer.cells.by_member()
    names = answer.members.named(connection, cells.member.tolist())
    said = zip(cells.member.tolist(), cells.usage(), strict=True)
    return {names[number][0] if by else None: _sums(usage) for number, usage in said}


def _sums(usage: Usage) -> Sums:
    values = ((name, getattr(usage, name) or 0) for name in TOTALS)
    return {name: value for name, value in values if value}


def _is_held(connection: Connection, day: datetime) -> bool:
    """Say whether good segments, some of them frozen, hold all of a day."""
    start, end = floor_quarter(day), floor_quarter(day + DAY)
    held, reached = [each for each in segments(connection, start, end) if each.is_good], start
    for each in held:
        if each.start > reached:
            return False
        reached = max(reached, each.end)
    return reached >= end and any(each.frozen_id is not None for each in held)
