"""Events in, their values for each table out: column by column, or as plain tuples in the order of the columns here."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from itertools import compress
from operator import attrgetter
from typing import Any

from usage_plugin.event import Attribution, Cost, Failure, PriceSnapshot, Timing, TokenCounts, UnitCounts, UsageEvent

Row = tuple[Any, ...]
Columns = Mapping[str, Sequence[Any]]
"""The values of some rows by the column's name: a step for a whole column runs in C, one for each row would not."""


def _names(kind: type, *without: str) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.name not in without)


_CALL = _names(UsageEvent, "timing", "status", "who", "failure", "tokens", "units", "cost", "replaces")
_TIME, _FAILURE, UNIT_COLUMNS = _names(Timing), _names(Failure), _names(UnitCounts)
_WHO = _names(Attribution, "tags")
TOKEN_COLUMNS = _names(TokenCounts, "source")
_COST = _names(Cost, "confidence", "price")
_ADDED = ("created_at", "status", "tokens_source", "cost_confidence", "price_key")

RECORD_COLUMNS = (*_CALL, *_TIME, *_WHO, *_FAILURE, *TOKEN_COLUMNS, *UNIT_COLUMNS, *_COST, *_ADDED)
_MOMENTS = ("received_at", "started_at", "completed_at")
NO_ROWS: Columns = dict.fromkeys(RECORD_COLUMNS, ())
POSITION = {name: position for position, name in enumerate(RECORD_COLUMNS)}
PRICE_COLUMNS = ("price_key", "provider", "model", "source", "litellm_version", "prices_usd", "first_used_at")

# One call in C for each part: this runs for each call that is stored.
_of_call, _of_time, _of_who, _of_failure = (attrgetter(*names) for names in (_CALL, _TIME, _WHO, _FAILURE))
_of_tokens, _of_units, _of_cost = (attrgetter(*names) for names in (TOKEN_COLUMNS, UNIT_COLUMNS, _COST))


def record_columns(events: Sequence[UsageEvent], created_at: datetime) -> Columns:
    """Flatten events into ``RECORD_COLUMNS``, all moments in UTC.

    Raises:
        ValueError: A moment has no time zone.
    """
    costs = [event.cost for event in events]
    columns = {
        **as_columns(map(_of_call, events), _CALL),
        **as_columns((_of_time(event.timing) for event in events), _TIME),
        **as_columns((_of_who(event.who) for event in events), _WHO),
        **as_columns((_of_failure(event.failure) for event in events), _FAILURE),
        **as_columns((_of_tokens(event.tokens) for event in events), TOKEN_COLUMNS),
        **as_columns((_of_units(event.units) for event in events), UNIT_COLUMNS),
        **as_columns(map(_of_cost, costs), _COST),
        "created_at": (created_at,) * len(events),
        "status": [event.status._value_ for event in events],  # ``value`` is a property written in Python
        "tokens_source": [event.tokens.source._value_ for event in events],
        "cost_confidence": [cost.confidence._value_ for cost in costs],
        "price_key": [None if cost.price is None else cost.price.price_key for cost in costs],
    }
    return columns | {name: _in_utc(columns[name]) for name in _MOMENTS}


def record_row(event: UsageEvent, created_at: datetime) -> Row:
    """Flatten one event, see `record_columns`."""
    (row,) = as_rows(record_columns([event], created_at))
    return row


def as_columns(rows: Iterable[Row], names: Sequence[str] = RECORD_COLUMNS) -> Columns:
    """Turn rows into columns with these names."""
    return dict(zip(names, list(zip(*rows, strict=True)) or [()] * len(names), strict=True))


def as_rows(columns: Columns) -> list[Row]:
    """Turn columns into rows."""
    return list(zip(*columns.values(), strict=True))


def joined(columns: Columns, further: Columns) -> Columns:
    """Give the rows of both, in their order."""
    if not len(next(iter(further.values()))):
        return columns
    return {name: (*values, *further[name]) for name, values in columns.items()}


def only(columns: Columns, key: str, wanted: Collection[Any]) -> Columns:
    """Give the rows whose *key* is wanted."""
    here = [value in wanted for value in columns[key]]
    return columns if all(here) else {name: list(compress(values, here)) for name, values in columns.items()}


def price_rows(events: Iterable[UsageEvent], wanted: Collection[str]) -> list[Row]:
    """Give a row for each wanted set of prices, with its first use among the events, sorted by key."""
    first: dict[str, tuple[datetime, PriceSnapshot]] = {}
    for event in events:
        price, used_at = event.cost.price, event.timing.completed_at
        if price is not None and price.price_key in wanted:
            known = first.get(price.price_key)
            if known is None or used_at < known[0]:
                first[price.price_key] = used_at, price
    return [_price_row(price, used_at) for _, (used_at, price) in sorted(first.items())]


def _price_row(price: PriceSnapshot, used_at: datetime) -> Row:
    identity = (price.price_key, price.provider, price.model, price.source, price.litellm_version)
    return (*identity, json.dumps(dict(price.prices_usd)), used_at.astimezone(UTC))


def _in_utc(moments: Sequence[datetime]) -> Sequence[datetime]:
    return moments if {moment.tzinfo for moment in moments} <= {UTC} else list(map(_utc, moments))


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        msg = f"{moment!r} has no time zone; usage is stored in UTC"
        raise ValueError(msg)
    return moment.astimezone(UTC)
