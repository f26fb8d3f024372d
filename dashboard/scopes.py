"""Whose calls are meant in: in the words of people, as a filter and as a link to the calls themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from dashboard.filters import CUSTOM, Filters
from dashboard.members import UNSET, word_of
from usage_plugin.store.read import Choice, Dimension

TOTAL: Final = "total"
LONGEST_HASH: Final = 20
SHOWN_OF_HASH: Final = 8


def scope_words(dimension: str, member: Choice, label: str | None = None) -> str:
    """Say whose calls are meant: ``all calls``, ``team Search``, ``calls without a user``."""
    if dimension == TOTAL:
        return "all calls"
    word = dimension.replace("_", " ")
    name = label or member
    if name is None:
        return f"calls without {'an' if word[0] in 'aeiou' else 'a'} {word}"
    return f"{word} {_short(name)}"


def narrowed(filters: Filters, dimension: str | None, member: Choice) -> Filters:
    """Filter by a member; what is no dimension of calls filters nothing."""
    if dimension not in set(Dimension):
        return filters
    return filters.only(Dimension(dimension), member)


def calls_link(filters: Filters, start: datetime, end: datetime) -> str:
    """Lead to the calls of a time."""
    return f"/requests{filters.over(CUSTOM, start, end).to_query()}"


def dimension_words() -> dict[str, str]:
    """Name everything that a scope can be of."""
    return {TOTAL: "All calls", **{dimension.value: word_of(dimension).capitalize() for dimension in Dimension}}


def _short(name: str) -> str:
    """Show the beginning of a hash: enough to tell keys apart."""
    if name in ("", UNSET):
        return f"“{name}”"
    is_hash = len(name) > LONGEST_HASH and all(letter in "0123456789abcdef" for letter in name)
    return f"{name[:SHOWN_OF_HASH]}…" if is_hash else name
