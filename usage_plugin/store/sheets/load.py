"""A stretch of time in, its rows of ``usage_record`` as columns out, values of dimensions still in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, select
from sqlalchemy.sql.elements import ColumnElement

from usage_plugin.event import CostConfidence, Status
from usage_plugin.store.dimensions import COLUMNS, LABELS, Dimension
from usage_plugin.store.quarters import quarter_of, start_of
from usage_plugin.store.rows import TOKEN_COLUMNS
from usage_plugin.store.sheets.bins import bins
from usage_plugin.store.sheets.codec import Integers
from usage_plugin.store.sheets.columns import FREE, FROM_CACHE, MEASURE_NUMBERS, kept
from usage_plugin.store.tables import UsageRecord, UsageRecordTag, table_of

Words = Sequence[str | None]
Floats = NDArray[np.float64]
_TOLD: Final = ("status", "is_terminal", "cache_hit", "cost_confidence")
_COUNTED: Final = ("calls", *TOKEN_COLUMNS, "cost_nano_usd", "saved_cost_nano_usd")
_TIMED: Final = ("latency_ms", "ttft_ms")
_FAILED: Final = (Status.FAILURE.value, Status.INTERRUPTED.value)
_KNOWN_BY: Final = ("organization_id", "team_id", "user_id", "api_key_alias")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Rows as columns.

    Args:
        quarter: Of an hour since 1970.
        words: Values by dimension.
        labels: What people call them, by dimension that has such names.
        tag_rows: Rows that have a tag, each as often as it has one,
        tags: and which.
        measures: By number of column, what a row adds to each total, as `columns.kept` says it.
        latency_bin: See `bins`.
        ttft_bin: The same.
    """

    quarter: Integers
    words: Mapping[Dimension, Words]
    labels: Mapping[Dimension, Words]
    tag_rows: Integers
    tags: Words
    measures: Mapping[int, Integers]
    latency_bin: Integers
    ttft_bin: Integers


def load(connection: Connection, start: int, end: int) -> Loaded:
    """Read the rows of some quarters of an hour.

    Args:
        connection: Sees one moment, so that rows and tags belong together.
        start: The first quarter.
        end: The first that is not meant any more.
    """
    record = table_of(UsageRecord).c
    names = dict.fromkeys((*COLUMNS.values(), *LABELS.values(), *_TOLD, *_COUNTED, *_TIMED))
    columns = [record.event_key, quarter_of(record.completed_at), *(record[name] for name in names)]
    rows = connection.execute(select(*columns).where(_during(record.completed_at, start, end))).all()
    keys, quarters, *values = zip(*rows, strict=True) if rows else [()] * len(columns)
    found = dict(zip(names, values, strict=True))
    tag_rows, tags = _tags(connection, start, end, keys)
    words: dict[Dimension, Words] = {dimension: found[column] for dimension, column in COLUMNS.items()}
    words[Dimension.KEY] = _known_keys(found)
    latency_bin, ttft_bin = _binned(found)
    return Loaded(
        np.array(quarters, np.int64),
        words,
        {dimension: found[column] for dimension, column in LABELS.items()},
        tag_rows,
        tags,
        {MEASURE_NUMBERS[name]: values for name, values in kept(_measures(found)).items()},
        latency_bin,
        ttft_bin,
    )


def _during(moment: Any, start: int, end: int) -> ColumnElement[bool]:
    return and_(moment >= start_of(start), moment < start_of(end))


def _tags(connection: Connection, start: int, end: int, keys: Sequence[str]) -> tuple[Integers, Words]:
    record, tag = table_of(UsageRecord).c, table_of(UsageRecordTag).c
    both = select(tag.event_key, tag.tag).join_from(
        table_of(UsageRecord), table_of(UsageRecordTag), record.event_key == tag.event_key
    )
    rows = connection.execute(both.where(_during(record.completed_at, start, end))).all()
    place = {key: row for row, key in enumerate(keys)}
    return np.array([place[key] for key, _ in rows], np.int64), [name for _, name in rows]


def _known_keys(found: Mapping[str, Sequence[Any]]) -> Words:
    """Leave a refused caller's key out where nobody knows the caller, as `rollups` does."""
    nobody = [set(names) == {None} for names in zip(*(found[name] for name in _KNOWN_BY), strict=True)]
    each = zip(found["api_key_hash"], found["status"], nobody, strict=True)
    return [None if unknown and status == Status.REJECTED else key for key, status, unknown in each]


def _binned(found: Mapping[str, Sequence[Any]]) -> tuple[Integers, Integers]:
    """Give the bins of calls that were answered; a row that counts several holds their mean, which says nothing."""
    alone = np.array(found["calls"], np.int64) == 1
    answered = alone & np.array(found["is_terminal"], np.bool_) & ~_is(found["status"], Status.REJECTED)
    latency, ttft = (np.where(answered, np.array(found[name], np.float64), np.nan) for name in _TIMED)
    return bins(latency), bins(ttft)


def _measures(found: Mapping[str, Sequence[Any]]) -> Mapping[str, Integers]:
    """Say of each row what it adds to each total: the same as `rollups` says of many."""
    calls, done = np.array(found["calls"], np.int64), np.array(found["is_terminal"], np.bool_)
    status, confidence = found["status"], found["cost_confidence"]
    is_rejected, cost = _is(status, Status.REJECTED), _integers(found["cost_nano_usd"])
    estimated, partial = _is(confidence, CostConfidence.ESTIMATED), _is(confidence, CostConfidence.PARTIAL)
    return {
        "requests": calls * done,
        "failed_requests": calls * (done & (_is(status, *_FAILED))),
        "rejected_requests": calls * (done & is_rejected),
        "cached_requests": calls * (done & np.array(found["cache_hit"], np.bool_)),
        "unpriced_requests": calls * _is(confidence, CostConfidence.UNPRICED),
        "estimated_requests": calls * estimated,
        "partial_requests": calls * partial,
        FREE: calls * _is(confidence, CostConfidence.FREE),
        FROM_CACHE: calls * _is(confidence, CostConfidence.CACHED),
        "unfinished_attempts": calls * ~done,
        **{name: _integers(found[name]) for name in TOKEN_COLUMNS},
        "cost_nano_usd": cost,
        "estimated_cost_nano_usd": cost * estimated,
        "partial_cost_nano_usd": cost * partial,
        "saved_cost_nano_usd": _integers(found["saved_cost_nano_usd"]),
    }


def _is(values: Sequence[str], *wanted: str) -> NDArray[np.bool_]:
    return np.array([value in wanted for value in values], np.bool_)


def _integers(values: Sequence[int | None]) -> Integers:
    return np.array([value or 0 for value in values], np.int64)
