"""What a source of history gives: one line after the other, each with its place, or with the reason why it is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from usage_plugin.event import UsageEvent

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """How far a source is read; places only grow."""

    segment: int = 0
    byte_offset: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One call of a source.

    ``place`` is where reading goes on after it; ``None`` where it cannot, since the next line has the same place.
    ``label`` names the line to people: its number in a file, or its moment in a table.
    """

    label: int | str
    segment: int
    place: Place | None
    values: Values
    problem: str = ""


class Source(Protocol):
    """Something with calls in it."""

    name: str
    """For people and file names; never a password."""
    identity: str
    """Tells this source from every other, and from what stood in the same place before."""
    size: int | None
    """Bytes in all, where that is known."""

    def lines(self, after: Place) -> Iterator[Line]:
        """Give the lines behind a place, in the same order each time."""

    def close(self) -> None:
        """Let go of files and connections."""


class Reader(Protocol):
    """Understands the lines of one format."""

    counts_repeats: bool
    """A line's meaning depends on how many like it came before, so that a resumed import has to look at those."""

    def event(self, values: Values) -> UsageEvent:
        """Turn a line's values into a call.

        Raises:
            ValueError: It is none; says what is wrong with which value.
        """

    def skip(self, values: Values) -> None:
        """Take note of a line that is stored already."""

    def shown(self, values: Values) -> dict[str, str]:
        """Give the values that help to find a rejected line, without any content."""
