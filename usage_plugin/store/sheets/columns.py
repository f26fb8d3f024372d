"""The columns of a sheet by number, and what each says about a call. Numbers are stored: they never change."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, TypeVar, cast

from usage_plugin.store import rollups

QUARTER: Final = 0
"""Quarter of an hour since 1970 in which the calls ended. The numbers of dimensions follow."""
LATENCY_BIN: Final = 60
TTFT_BIN: Final = 61
COUNT: Final = 62
ROW: Final = 63
_FIRST_MEASURE: Final = 20

COST: Final = rollups.COST
FREE: Final = "free_requests"
FROM_CACHE: Final = "cached_cost_requests"
# In order of their numbers: what is added is added at the end.
MEASURES: Final = (*(name for name in rollups.ADDED if name != "latency_ms_sum"), COST, FREE, FROM_CACHE)
MEASURE_NUMBERS: Final = {name: _FIRST_MEASURE + place for place, name in enumerate(MEASURES)}
# What follows from others for nearly all calls is kept as the difference, which is mostly zero and takes no room.
_FOLLOWS: Final[Mapping[str, tuple[tuple[int, str], ...]]] = {
    "total_tokens": ((1, "prompt_tokens"), (1, "completion_tokens")),
    "input_uncached_tokens": (
        (1, "prompt_tokens"),
        (-1, "input_cache_read_tokens"),
        (-1, "input_cache_write_5m_tokens"),
        (-1, "input_cache_write_1h_tokens"),
        (-1, "input_audio_tokens"),
        (-1, "input_image_tokens"),
    ),
    "output_text_tokens": (
        (1, "completion_tokens"),
        (-1, "output_reasoning_tokens"),
        (-1, "output_audio_tokens"),
        (-1, "output_image_tokens"),
    ),
}

ALL: Final = 0
"""Stands for no dimension: every call."""
UNSET: Final = 0
"""Stands for calls without a value."""
OTHER: Final = -1
"""Stands for the values of a dimension that were too many to keep apart."""

Sum = TypeVar("Sum")


def needed(names: Collection[str]) -> set[str]:
    """Name all that has to be read for some measures: what they follow from, too."""
    parts = (part for name in names for _, part in _FOLLOWS.get(name, ()))
    return {*names, *parts}


def kept(measures: Mapping[str, Sum]) -> dict[str, Sum]:
    """Turn measures into what is kept of them: the same, linear in each, so that sums of it mean the same."""
    return _with_differences(measures, -1)


def said(sums: Mapping[str, Sum]) -> dict[str, Sum]:
    """Turn sums of what is kept back into sums of measures: of all, or of some with those that they need."""
    return _with_differences(sums, 1)


def _with_differences(measures: Mapping[str, Sum], sign: int) -> dict[str, Sum]:
    found: dict[str, Sum] = dict(measures)
    for name, parts in _FOLLOWS.items():
        if name not in measures:
            continue
        value: Any = measures[name]
        for times, part in parts:
            value = value + sign * times * cast("Any", measures[part])
        found[name] = value
    return found
