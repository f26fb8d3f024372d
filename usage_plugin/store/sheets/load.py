"""A stretch of time in, its calls as columns out; values of dimensions still in words, each of them once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Float, Table, select, type_coerce
from sqlmodel import SQLModel

from usage_plugin.event import CostConfidence, Status
from usage_plugin.store.calls import UsageCall, UsageCaller, UsageOutcome, UsageTag, UsageTarget
from usage_plugin.store.dimensions import COLUMNS, LABELS, Dimension
from usage_plugin.store.narrow import UNKNOWN_MS
from usage_plugin.store.quarters import quarter_of, start_of
from usage_plugin.store.rows import TOKEN_COLUMNS
from usage_plugin.store.sheets.bins import bins
from usage_plugin.store.sheets.codec import Integers
from usage_plugin.store.sheets.columns import FREE, FROM_CACHE, MEASURE_NUMBERS, kept
from usage_plugin.store.tables import table_of

Words = Sequence[str | None]
Columns = Mapping[str, Sequence[Any]]
Booleans = NDArray[np.bool_]
_CALL: Final = table_of(UsageCall).c
_SHARED: Final[Mapping[str, type[SQLModel]]] = {
    "caller_id": UsageCaller,
    "target_id": UsageTarget,
    "outcome_id": UsageOutcome,
}
_COUNTED: Final = ("calls", *TOKEN_COLUMNS, "cost_nano_usd", "saved_cost_nano_usd")
_TIMED: Final = ("latency_ms", "ttft_ms", "received_before_us")
_NAMED: Final = (*_SHARED, "tag_set_id", "end_user_id")
_FAILED: Final = (Status.FAILURE.value, Status.INTERRUPTED.value)
_KNOWN_BY: Final = ("organization_id", "team_id", "user_id", "api_key_alias")
_ONCE: Final = 500
_US_PER_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class Valued:
    """Values in words, each of them once, and which of them each row has."""

    words: Words
    place: Integers


@dataclass(frozen=True, slots=True)
class Loaded:
    """A row per row of ``usage_call``, in columns.

    Args:
        quarter: Of an hour since 1970 in which it ended.
        values: By dimension.
        labels: What people call the values of some dimensions, beside their words.
        tag_rows: Rows that have a tag, each as often as it has one,
        tags: and which.
        measures: By number of column, what a row adds to each total, as `columns.kept` says it.
        latency_bin: See `bins`.
        ttft_bin: The same.
    """

    quarter: Integers
    values: Mapping[Dimension, Valued]
    labels: Mapping[Dimension, Words]
    tag_rows: Integers
    tags: Valued
    measures: Mapping[int, Integers]
    latency_bin: Integers
    ttft_bin: Integers


def load(connection: Connection, start: int, end: int) -> Loaded:
    """Read the calls of some quarters of an hour.

    Args:
        connection: Sees one moment, so that calls and what they share belong together.
        start: The first quarter.
        end: The first that is not meant any more.
    """
    found = _columns(connection, start, end)
    shared = {name: _shared(connection, table_of(table), found[name]) for name, table in _SHARED.items()}
    about = {name: _Shared(columns[name], place) for columns, place in shared.values() for name in columns}
    is_rejected = about["status"].is_one_of(Status.REJECTED)
    values = {dimension: about[column].valued() for dimension, column in COLUMNS.items() if column in about}
    values[Dimension.KEY] = _without_unknown(about, is_rejected)
    values[Dimension.END_USER] = _distinct(found["end_user_id"])
    calls, done = _integers(found["calls"]), about["is_terminal"].is_one_of(True)
    is_timed = done & ~is_rejected & (calls == 1)
    latency, ttft = _latencies(found), _milliseconds(found["ttft_ms"])
    tag_rows, tags = _tags(connection, found["tag_set_id"])
    return Loaded(
        np.array(found["quarter"], np.int64),
        values,
        {dimension: about[column].words for dimension, column in LABELS.items()},
        tag_rows,
        tags,
        {MEASURE_NUMBERS[name]: each for name, each in kept(_measures(found, about, calls, done)).items()},
        bins(np.where(is_timed, latency, np.nan)),
        bins(np.where(is_timed, ttft, np.nan)),
    )


@dataclass(frozen=True, slots=True)
class _Shared:
    """One column of what calls share."""

    words: Sequence[Any]
    place: Integers

    def is_one_of(self, *wanted: object) -> Booleans:
        """Tell for each row whether its value is one of those."""
        found: Booleans = np.array([value in wanted for value in self.words], np.bool_)[self.place]
        return found

    def valued(self) -> Valued:
        """Give the values and which row has which."""
        return Valued(self.words, self.place)


def _columns(connection: Connection, start: int, end: int) -> Columns:
    plain = {name: _CALL[name] for name in (*_NAMED, *_COUNTED)}
    # As they are kept: what the columns' types would do for each value is done for all at once.
    raw = {name: type_coerce(_CALL[name], Float) for name in _TIMED}
    columns = {"quarter": quarter_of(_CALL.completed_at), **plain, **raw}
    moment = _CALL.completed_at
    rows = connection.execute(select(*columns.values()).where(moment >= start_of(start), moment < start_of(end))).all()
    return dict(zip(columns, zip(*rows, strict=True) if rows else [()] * len(columns), strict=True))


def _shared(connection: Connection, table: Table, numbers: Sequence[int]) -> tuple[Columns, Integers]:
    """Look up what calls share, and which of it each row has."""
    distinct, place = np.unique(np.array(numbers, np.int64), return_inverse=True)
    found = {row.id: row for some in _some(distinct.tolist()) for row in connection.execute(_by_id(table, some))}
    rows = [found[number] for number in distinct.tolist()]
    return {column.name: [getattr(row, column.name) for row in rows] for column in table.columns}, place


def _by_id(table: Table, numbers: Sequence[int]) -> Any:
    return select(table).where(table.c.id.in_(numbers))


def _tags(connection: Connection, numbers: Sequence[int | None]) -> tuple[Integers, Valued]:
    tag = table_of(UsageTag).c
    distinct = sorted({number for number in numbers if number is not None})
    of_set: dict[int, list[str]] = {number: [] for number in distinct}
    for some in _some(distinct):
        for row in connection.execute(select(tag.tag_set_id, tag.tag).where(tag.tag_set_id.in_(some))):
            of_set[row.tag_set_id].append(row.tag)
    pairs = [(row, word) for row, number in enumerate(numbers) if number is not None for word in of_set[number]]
    return np.array([row for row, _ in pairs], np.int64), _distinct([word for _, word in pairs])


def _without_unknown(about: Mapping[str, _Shared], is_rejected: Booleans) -> Valued:
    """Leave a refused caller's key out where nobody knows the caller, as `rollups` does."""
    key = about["api_key_hash"]
    known = zip(*(about[name].words for name in _KNOWN_BY), strict=True)
    nobody = np.array([set(names) == {None} for names in known], np.bool_)[key.place]
    return Valued([*key.words, None], np.where(nobody & is_rejected, len(key.words), key.place))


def _distinct(words: Words) -> Valued:
    place: dict[str | None, int] = {}
    places = [place.setdefault(word, len(place)) for word in words]
    return Valued(list(place), np.array(places, np.int64))


def _measures(found: Columns, about: Mapping[str, _Shared], calls: Integers, done: Booleans) -> dict[str, Integers]:
    """Say of each row what it adds to each total: the same as `rollups` says of many."""
    status, confidence = about["status"], about["cost_confidence"]
    cost = _integers(found["cost_nano_usd"])
    estimated = confidence.is_one_of(CostConfidence.ESTIMATED)
    partial = confidence.is_one_of(CostConfidence.PARTIAL)
    return {
        "requests": calls * done,
        "failed_requests": calls * (done & status.is_one_of(*_FAILED)),
        "rejected_requests": calls * (done & status.is_one_of(Status.REJECTED)),
        "cached_requests": calls * (done & about["cache_hit"].is_one_of(True)),
        "unpriced_requests": calls * confidence.is_one_of(CostConfidence.UNPRICED),
        "estimated_requests": calls * estimated,
        "partial_requests": calls * partial,
        FREE: calls * confidence.is_one_of(CostConfidence.FREE),
        FROM_CACHE: calls * confidence.is_one_of(CostConfidence.CACHED),
        "unfinished_attempts": calls * ~done,
        **{name: _integers(found[name]) for name in TOKEN_COLUMNS},
        "cost_nano_usd": cost,
        "estimated_cost_nano_usd": cost * estimated,
        "partial_cost_nano_usd": cost * partial,
        "saved_cost_nano_usd": _integers(found["saved_cost_nano_usd"]),
    }


def _integers(values: Sequence[int | None]) -> Integers:
    return np.array([value or 0 for value in values], np.int64)


def _milliseconds(values: Sequence[float | None]) -> NDArray[np.float64]:
    """Read durations: SQLite keeps whole microseconds as integers."""
    return np.array([value / _US_PER_MS if type(value) is int else value for value in values], np.float64)


def _latencies(found: Columns) -> NDArray[np.float64]:
    """Give latencies in milliseconds: one is kept only where it is not the span from receipt to completion."""
    kept = _milliseconds(found["latency_ms"])
    waited = np.array(found["received_before_us"], np.float64) / _US_PER_MS
    latencies: NDArray[np.float64] = np.where(np.isnan(kept), waited, kept)
    return np.where(latencies == UNKNOWN_MS, np.nan, latencies)


def _some(values: Iterable[int]) -> Iterable[list[int]]:
    rest = iter(values)
    while some := list(islice(rest, _ONCE)):
        yield some
