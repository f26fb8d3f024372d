"""A segment in, each of its sheets that is not what the calls say out.

The sheets are made anew in memory: the same calls make the same bytes, in whatever order they are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from struct import error
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, select

from usage_plugin.store.compare import Columns, Difference
from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.quarters import start_of
from usage_plugin.store.sheets.bundle import sections_in
from usage_plugin.store.sheets.codec import Integers, Kind, unpack
from usage_plugin.store.sheets.columns import ALL, COUNT, LATENCY_BIN, MEASURE_NUMBERS, QUARTER, ROW, TTFT_BIN
from usage_plugin.store.sheets.fold import Calls, parts_of, sheets
from usage_plugin.store.sheets.load import Loaded, load
from usage_plugin.store.sheets.segments import Level, Segment, segments
from usage_plugin.store.sheets.values import Numbers, calls_of, numbers_of, words_of
from usage_plugin.store.tables import UsageSegment, UsageSheet, table_of

Key = tuple[int, int, int]
"""Number of the dimension, value, number of the section."""
_ROWS: Final = -1
_NO_NUMBER: Final = 1 << 40
_SHEET, _SEGMENT = table_of(UsageSheet), table_of(UsageSegment).name
_DIMENSIONS: Final[Mapping[int, str]] = {ALL: "all", **{each.number: each.value for each in Dimension}}
_COLUMNS: Final[Mapping[int, str]] = {
    **_DIMENSIONS,
    **{number: name for name, number in MEASURE_NUMBERS.items()},
    _ROWS: "rows",
    QUARTER: "quarter",
    COUNT: "count",
    ROW: "row",
    LATENCY_BIN: "latency_bin",
    TTFT_BIN: "ttft_bin",
}


@dataclass(frozen=True, slots=True)
class ComparedSegment:
    """What was compared of a segment."""

    calls: int
    sheets: int
    differences: list[Difference]


def compare_segment(connection: Connection, segment: Segment, level: Level) -> ComparedSegment | None:
    """Compare a segment with its calls.

    Args:
        connection: Sees one moment, so that calls and sheets belong together.
        segment: As it was a moment ago.
        level: Of the segment.

    Returns:
        ``None`` where it cannot be compared: it was made anew meanwhile, it waits to be, or its calls may be pruned.
    """
    present = [each for each in segments(connection, segment.start, segment.end, level) if each.start == segment.start]
    if not present or not present[0].is_current or present[0].frozen_id is not None:
        return None
    loaded = load(connection, segment.start, present[0].end)
    calls = _numbered(connection, loaded)
    made = sheets(calls, parts_of(len(calls), present[0].end - present[0].start))
    expected = {(dimension, value, section): content for dimension, value, section, content in made}
    kept = kept_sheets(connection, segment.start, level)
    differences = [*_of_segment(present[0], len(calls)), *_of_sheets(connection, present[0], kept, expected)]
    return ComparedSegment(len(calls), len(kept), differences)


def _numbered(connection: Connection, loaded: Loaded) -> Calls:
    """Turn words into their numbers; those that have none get one that no sheet has."""
    known: dict[Dimension, Numbers] = {}
    for dimension, valued in {**loaded.values, Dimension.TAG: loaded.tags}.items():
        words = {word for word in valued.words if word is not None}
        numbers = numbers_of(connection, dimension, words)
        missing = sorted(words - numbers.keys())
        known[dimension] = {**numbers, **{word: _NO_NUMBER + place for place, word in enumerate(missing)}}
    return calls_of(loaded, known)


def kept_sheets(connection: Connection, start: int, level: Level) -> dict[Key, bytes]:
    """Give the content of each sheet of a segment."""
    columns = _SHEET.c
    query = select(columns.dimension, columns.value, columns.section, columns.content)
    rows = connection.execute(query.where(columns.start_quarter == start, columns.level == level))
    return {
        (row.dimension, row.value, section): content
        for row in rows
        for section, content in _sections(row.section, bytes(row.content))
    }


def _sections(section: int, content: bytes) -> list[tuple[int, bytes]]:
    """Give what a row holds; a torn bundle as it is."""
    try:
        return list(sections_in(section, content))
    except error:
        return [(section, content)]


def _of_segment(segment: Segment, calls: int) -> Iterator[Difference]:
    columns = {"calls": (segment.calls, calls), "parts": (segment.parts, parts_of(calls, segment.end - segment.start))}
    wrong = {name: (kept, expected) for name, (kept, expected) in columns.items() if kept != expected}
    if wrong:
        yield difference(segment, _SEGMENT, {}, wrong)


def _of_sheets(
    connection: Connection, segment: Segment, kept: Mapping[Key, bytes], expected: Mapping[Key, bytes]
) -> Iterator[Difference]:
    for key in sorted(kept.keys() | expected.keys()):
        if kept.get(key) == expected.get(key):
            continue
        columns = _columns(kept.get(key), expected.get(key))
        if columns:
            yield difference(segment, _SHEET.name, place_of(connection, key), columns)


def _columns(kept: bytes | None, expected: bytes | None) -> Columns:
    """Give the sums of the columns that differ; another zlib writes other bytes of the same columns."""
    was, wanted = _unpacked(kept), _unpacked(expected)
    if was is None and kept is not None:
        return {"bytes": (len(kept), len(expected or b""))}
    found: dict[str, tuple[int | None, int | None]] = {}
    for number in sorted((was or {}).keys() | (wanted or {}).keys()):
        left, right = (None if side is None else side.get(number) for side in (was, wanted))
        if left is None or right is None or not np.array_equal(left, right):
            found[_COLUMNS.get(number, str(number))] = (_sum(was, left), _sum(wanted, right))
    return found


def _sum(section: Mapping[int, Integers] | None, values: Integers | None) -> int | None:
    if section is None:
        return None
    return 0 if values is None else int(values.sum())


def _unpacked(content: bytes | None) -> Mapping[int, Integers] | None:
    """Give the columns, with the number of rows as one more; ``None`` where there are none or nobody can read them."""
    if content is None:
        return None
    try:
        section = unpack(content)
    except Exception:  # noqa: BLE001 - damaged bytes may fail anywhere
        return None
    return {_ROWS: np.array([section.rows]), **section.columns}


def sums_of(content: bytes | None) -> Mapping[str, int]:
    """Add the columns of a sheet up, as they are kept; none where there is no sheet, or one that nobody can read."""
    columns = _unpacked(content) or {}
    named = {_COLUMNS.get(number, str(number)): values for number, values in columns.items()}
    return {name: int(values.sum()) for name, values in named.items()}


def place_of(connection: Connection, key: Key) -> dict[str, Any]:
    """Say of which dimension, value and section a sheet is."""
    dimension, value, section = key
    kind, other = Kind(section >> 8) if section >> 8 in set(Kind) else section >> 8, section & 0xFF
    found = words_of(connection, [value]) if value > 0 else {}
    return {
        "dimension": _DIMENSIONS.get(dimension, dimension),
        "value": found[value][0] if value in found else value,
        "section": f"{kind.name.lower() if isinstance(kind, Kind) else kind} by {_DIMENSIONS.get(other, other)}",
    }


def difference(segment: Segment, table: str, place: Mapping[str, Any], columns: Columns) -> Difference:
    """Name the segment beside what differs in it."""
    return Difference(table, {"start": start_of(segment.start), "end": start_of(segment.end), **place}, columns)
