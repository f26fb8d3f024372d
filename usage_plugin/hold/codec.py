"""An event in, one line of JSON out, and back: what the spool keeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any

from usage_plugin.event import (
    Attribution,
    Cost,
    CostConfidence,
    Failure,
    PriceSnapshot,
    Status,
    Timing,
    TokenCounts,
    TokensSource,
    UnitCounts,
    UsageEvent,
)

_PARTS: dict[str, type] = {
    "timing": Timing,
    "who": Attribution,
    "failure": Failure,
    "tokens": TokenCounts,
    "units": UnitCounts,
    "cost": Cost,
}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, PriceSnapshot):
        return [value.price_key, value.provider, value.model, value.source, value.litellm_version, value.prices_usd]
    msg = f"{type(value).__name__} does not go into a spool"
    raise TypeError(msg)


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        msg = f"{value} has no time zone"
        raise ValueError(msg)
    return moment


def _price(value: list[Any]) -> PriceSnapshot:
    key, provider, model, source, version, prices = value
    return PriceSnapshot(key, provider, model, source, version, tuple((name, price) for name, price in prices))


# How values come back that JSON cannot tell apart from text and lists.
_REVIVE: dict[str, Callable[[Any], Any]] = {
    "status": Status,
    "source": TokensSource,
    "confidence": CostConfidence,
    "tags": tuple,
    "received_at": _moment,
    "started_at": _moment,
    "completed_at": _moment,
    "price": _price,
}
_REQUIRED = {field.name for kind in _PARTS.values() for field in fields(kind) if field.default is MISSING}
_write = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=_plain).encode


def encode(event: UsageEvent) -> bytes:
    """Write an event as JSON without line breaks; unset fields are left out, so that a newer version can add some."""
    flat: dict[str, Any] = {}
    for name in UsageEvent.__slots__:
        value = getattr(event, name)
        flat[name] = _set_fields(value) if name in _PARTS else value
    return _write(flat).encode("ascii")


def decode(line: bytes) -> UsageEvent:
    """Read what ``encode`` wrote, also by an older version.

    Raises:
        ValueError: It is no event.
    """
    try:
        flat: dict[str, Any] = json.loads(line)
        parts = {name: _make(kind, flat.pop(name)) for name, kind in _PARTS.items()}
        return UsageEvent(**parts, **_known(UsageEvent, flat))
    except (TypeError, KeyError, AttributeError) as error:
        msg = f"not an event: {error}"
        raise ValueError(msg) from None


def _set_fields(part: Any) -> dict[str, Any]:
    return {name: value for name in part.__slots__ if (value := getattr(part, name)) is not None or name in _REQUIRED}


def _make(kind: type, values: dict[str, Any]) -> Any:
    return kind(**_known(kind, values))


def _known(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {
        name: _REVIVE[name](value) if name in _REVIVE and value is not None else value
        for name, value in values.items()
        if name in names
    }
