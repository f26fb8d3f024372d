"""A report in, one line of JSON out, and back: what the spool keeps of a call until it is stored.

A report is a dict of plain values. The fast way through writes it as it is; one that JSON cannot write, or that is too
long, goes the slow way and is cut to a bounded size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

Report = dict[str, Any]
# About 1.5 kB is usual.
MOST_BYTES = 16_384
MOST_ITEMS, MOST_CHARACTERS, MOST_DEPTH = 64, 256, 6
_LONGEST_KEY = 64
_WHOLE_NUMBERS = 2**63
_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS


def write_line(report: Report) -> bytes:
    """Write a report as JSON without line breaks."""
    try:
        line = orjson.dumps(report, _plain, _OPTIONS)
    except (TypeError, ValueError, RecursionError):  # orjson's error is a TypeError
        line = b""
    if 0 < len(line) <= MOST_BYTES:
        return line
    return orjson.dumps(_bounded(report, MOST_DEPTH))


def read_line(line: bytes) -> Report:
    """Read what ``write_line`` wrote.

    Raises:
        ValueError: It is no report.
    """
    report = orjson.loads(line)
    if not isinstance(report, dict):
        msg = f"not a report: {type(report).__name__}"
        raise ValueError(msg)
    return report


def _plain(value: object) -> object:
    """Word what JSON does not know: pydantic's objects as dicts, anything else not at all."""
    dump = getattr(value, "model_dump", None)
    return dump() if callable(dump) else None


def _bounded(value: object, depth: int) -> Any:
    """Copy a value of any kind to one that JSON can write, of limited size."""
    if isinstance(value, str):
        return value[:MOST_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return _bounded_mapping(value, depth) if depth else None
    if isinstance(value, list | tuple):
        return [_bounded(item, depth - 1) for item in value[:MOST_ITEMS]] if depth else None
    return _bounded_scalar(value, depth)


def _bounded_mapping(value: Mapping[Any, Any], depth: int) -> Report:
    items = list(value.items())[:MOST_ITEMS]
    return {_bounded(str(key), 0)[:_LONGEST_KEY]: _bounded(item, depth - 1) for key, item in items}


def _bounded_scalar(value: object, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < _WHOLE_NUMBERS else None
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat()
    try:
        plain = _plain(value)
    except Exception:  # noqa: BLE001 - any object of anybody's
        return None
    return _bounded(plain, depth - 1) if depth and plain is not None else None
