"""Values of any kind from a foreign payload in; text, whole numbers and moments that the store can keep out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

MAX_TEXT = 256
MAX_COUNT = 10**12
# Before this, an epoch second is a duration or a mistake; after, it is milliseconds.
MIN_EPOCH_S, MAX_EPOCH_S = 946_684_800.0, 4_102_444_800.0

_EMPTY: Mapping[str, Any] = {}


def mapping(value: object) -> Mapping[str, Any]:
    """Give the mapping, or an empty one for anything else."""
    if value.__class__ is dict:  # asking for the abstract class takes ten times as long
        return value
    if value is None:
        return _EMPTY
    return value if isinstance(value, Mapping) else _EMPTY


def text(value: object, limit: int = MAX_TEXT) -> str | None:
    """Give printable text of bounded length; ``None`` for what is empty or no text.

    PostgreSQL refuses NUL and lone surrogates, so both are taken out.
    """
    if not isinstance(value, str) or not value:
        return None
    short = value[:limit]
    if not short.isascii():
        short = short.encode("utf-8", "replace").decode("utf-8")
    return short.replace("\x00", "").strip() or None


def count(value: object) -> int:
    """Give a whole number of at least 0; 0 for what is no sane count."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return 0
    return int(value) if 0 <= value <= MAX_COUNT else 0


def number(value: object) -> float | None:
    """Give a finite number, or ``None``."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        as_float = float(value)
    except OverflowError:
        return None
    return as_float if math.isfinite(as_float) else None


def moment(value: object) -> datetime | None:
    """Read epoch seconds, a datetime or its ISO text as UTC; a naive one is local (LiteLLM's hook arguments)."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    seconds = number(value)
    if seconds is None or not MIN_EPOCH_S < seconds < MAX_EPOCH_S:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def field_of(thing: object, name: str) -> Any:
    """Read a field. Looking up one that a pydantic object does not have raises an error inside, which takes 5 us."""
    if isinstance(thing, dict):
        return thing.get(name)
    own = getattr(thing, "__dict__", None)
    if own is None or name in own:
        return None if own is None else own[name]
    more = getattr(thing, "__pydantic_extra__", None)
    return more.get(name) if more else None


def attribute(thing: object, name: str) -> Any:
    """Read a field of a response, which LiteLLM gives as an object or as a dict."""
    if thing.__class__ is dict:
        return thing.get(name)
    found = getattr(thing, name, None)
    return thing.get(name) if found is None and isinstance(thing, Mapping) else found
