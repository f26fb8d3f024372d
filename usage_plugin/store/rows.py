"""An event in, its rows for each table out, as plain tuples in the order of that table's columns here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from usage_plugin.event import Attribution, Cost, Failure, Timing, TokenCounts, UnitCounts, UsageEvent

Row = tuple[Any, ...]


def _names(kind: type, *without: str) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.name not in without)


_CALL = _names(UsageEvent, "timing", "status", "who", "failure", "tokens", "units", "cost", "replaces")
_TIME, _FAILURE, UNIT_COLUMNS = _names(Timing), _names(Failure), _names(UnitCounts)
_WHO = _names(Attribution, "tags")
TOKEN_COLUMNS = _names(TokenCounts, "source")
_COST = _names(Cost, "confidence", "price")
_ADDED = ("created_at", "status", "tokens_source", "cost_confidence", "price_key")

RECORD_COLUMNS = (*_CALL, *_TIME, *_WHO, *_FAILURE, *TOKEN_COLUMNS, *UNIT_COLUMNS, *_COST, *_ADDED)
POSITION = {name: position for position, name in enumerate(RECORD_COLUMNS)}
PRICE_COLUMNS = ("price_key", "provider", "model", "source", "litellm_version", "prices_usd", "first_used_at")

# One call in C for each part: this runs for each call that is stored.
_of_call, _of_time, _of_who, _of_failure = (attrgetter(*names) for names in (_CALL, _TIME, _WHO, _FAILURE))
_of_tokens, _of_units, _of_cost = (attrgetter(*names) for names in (TOKEN_COLUMNS, UNIT_COLUMNS, _COST))


def record_row(event: UsageEvent, created_at: datetime) -> Row:
    """Flatten an event into the columns of ``usage_record``, all moments in UTC.

    Raises:
        ValueError: A moment has no time zone.
    """
    cost, price = event.cost, event.cost.price
    return (
        *_of_call(event),
        *_of_time(_in_utc(event.timing)),
        *_of_who(event.who),
        *_of_failure(event.failure),
        *_of_tokens(event.tokens),
        *_of_units(event.units),
        *_of_cost(cost),
        created_at,
        event.status._value_,  # ``value`` is a property written in Python
        event.tokens.source._value_,
        cost.confidence._value_,
        None if price is None else price.price_key,
    )


def price_rows(events: Iterable[UsageEvent]) -> list[Row]:
    """Give a row for each distinct set of prices, with its first use among the events, sorted by key."""
    rows: dict[str, Row] = {}
    for event in events:
        price, used_at = event.cost.price, event.timing.completed_at
        if price is None or (price.price_key in rows and rows[price.price_key][-1] <= used_at):
            continue
        prices_usd = json.dumps(dict(price.prices_usd))
        identity = (price.price_key, price.provider, price.model, price.source, price.litellm_version)
        rows[price.price_key] = (*identity, prices_usd, used_at.astimezone(UTC))
    return [rows[key] for key in sorted(rows)]


def _in_utc(timing: Timing) -> Timing:
    if timing.received_at.tzinfo is timing.started_at.tzinfo is timing.completed_at.tzinfo is UTC:
        return timing
    return replace(
        timing,
        received_at=_utc(timing.received_at),
        started_at=_utc(timing.started_at),
        completed_at=_utc(timing.completed_at),
    )


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        msg = f"{moment!r} has no time zone; usage is stored in UTC"
        raise ValueError(msg)
    return moment.astimezone(UTC)
