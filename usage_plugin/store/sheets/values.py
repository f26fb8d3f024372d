"""Values of dimensions in words in, their numbers out; new ones get one, and the name that people know them by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import numpy as np
from sqlalchemy import Connection, Engine, select, update

from usage_plugin.store.bulk import insert
from usage_plugin.store.database import writing
from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.sheets.codec import Integers
from usage_plugin.store.sheets.columns import UNSET
from usage_plugin.store.sheets.fold import Calls
from usage_plugin.store.sheets.load import Loaded, Words
from usage_plugin.store.tables import UsageValue, table_of

_VALUES = table_of(UsageValue).c
_ONCE = 500
Numbers = Mapping[str, int]


def numbered(engine: Engine, loaded: Loaded) -> Calls:
    """Turn the words of loaded rows into numbers.

    Args:
        engine: New values are noted in short transactions of their own.
        loaded: The rows.
    """
    values = {**loaded.values, Dimension.TAG: loaded.tags}
    known = {dimension: _all_numbers(engine, dimension, valued.words) for dimension, valued in values.items()}
    _label(engine, loaded, known)
    return calls_of(loaded, known)


def calls_of(loaded: Loaded, known: Mapping[Dimension, Numbers]) -> Calls:
    """Put numbers in the place of words.

    Args:
        loaded: The rows.
        known: Numbers of all their words.
    """
    codes = {
        dimension: _codes(known[dimension], valued.words)[valued.place] for dimension, valued in loaded.values.items()
    }
    used = {number: values for number, values in loaded.measures.items() if values.any()}
    tags = _codes(known[Dimension.TAG], loaded.tags.words)[loaded.tags.place]
    return Calls(
        loaded.quarter,
        {dimension.number: codes[dimension] for dimension in Dimension if dimension in codes},
        loaded.tag_rows,
        tags,
        np.column_stack(list(used.values())) if used else np.zeros((len(loaded.quarter), 0), np.int64),
        tuple(used),
        loaded.latency_bin,
        loaded.ttft_bin,
    )


def numbers_of(connection: Connection, dimension: Dimension, words: Iterable[str]) -> dict[str, int]:
    """Look up the numbers of values; those that are in no sheet have none."""
    found, rest = dict[str, int](), iter(sorted(words))
    while some := list(islice(rest, _ONCE)):
        query = select(_VALUES.value, _VALUES.id)
        here = query.where(_VALUES.dimension == dimension.number, _VALUES.value.in_(some))
        found.update((row.value, row.id) for row in connection.execute(here))
    return found


def words_of(connection: Connection, numbers: Iterable[int]) -> dict[int, tuple[str, str | None]]:
    """Look up values and their names by number."""
    found, rest = dict[int, tuple[str, str | None]](), iter(sorted(numbers))
    while some := list(islice(rest, _ONCE)):
        query = select(_VALUES.id, _VALUES.value, _VALUES.label).where(_VALUES.id.in_(some))
        found.update((row.id, (row.value, row.label)) for row in connection.execute(query))
    return found


def _all_numbers(engine: Engine, dimension: Dimension, words: Words) -> Numbers:
    wanted = {word for word in words if word is not None}
    with engine.connect() as connection:
        found = numbers_of(connection, dimension, wanted)
    missing = sorted(wanted - found.keys())
    if missing:
        rows = [(dimension.number, word) for word in missing]
        with writing(engine).begin() as connection:
            insert(connection, table_of(UsageValue), ("dimension", "value"), rows, "(dimension, value) DO NOTHING")
        with engine.connect() as connection:
            found |= numbers_of(connection, dimension, missing)
    return found


def _codes(known: Numbers, words: Words) -> Integers:
    return np.array([UNSET if word is None else known[word] for word in words], np.int64)


def _label(engine: Engine, loaded: Loaded, known: Mapping[Dimension, Numbers]) -> None:
    """Keep the last name that a value had."""
    named: dict[int, str] = {}
    for dimension, labels in loaded.labels.items():
        named |= _named(known[dimension], loaded.values[dimension].words, labels)
    with engine.connect() as connection:
        stored = words_of(connection, named)
    changed = {number: label for number, label in named.items() if stored[number][1] != label}
    if changed:
        with writing(engine).begin() as connection:
            for number in sorted(changed):
                here = update(table_of(UsageValue)).where(_VALUES.id == number)
                connection.execute(here.values(label=changed[number]))


def _named(known: Numbers, words: Words, labels: Sequence[str | None]) -> dict[int, str]:
    # Keys have one word more, for callers that nobody knows.
    pairs = zip(words, labels, strict=False)
    return {known[word]: label for word, label in pairs if word is not None and label is not None}
