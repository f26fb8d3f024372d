"""A dimension and a member by name in, the part of all calls that they name out, to ask questions about."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from usage_plugin.errors import InputError
from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.read.question import Granularity, Question

TOTAL: Final = "total"


@dataclass(frozen=True, slots=True)
class Part:
    """All calls, or those of one member of a dimension; in text ``total`` or ``team=blue``."""

    dimension: Dimension | None = None
    member: str | None = None

    @classmethod
    def of(cls, dimension: str, member: str | None) -> Part:
        """Read the two columns that tables keep it in.

        Raises:
            InputError: There is no such dimension, or a member is missing or too many.
        """
        if dimension == TOTAL:
            if member:
                raise InputError(
                    f"{TOTAL}={member} is no part of the calls", f"Write {TOTAL} alone, or name a dimension"
                )
            return cls()
        if dimension not in set(Dimension):
            raise InputError(f"{dimension!r} is no dimension of calls", _names_close_to(dimension))
        if not member:
            raise InputError(f"{dimension} without a member is no part of the calls", f"Write {dimension}=NAME")
        return cls(Dimension(dimension), member)

    @classmethod
    def read(cls, written: str) -> Part:
        """Read ``total`` or ``team=blue``.

        Raises:
            InputError: It is neither.
        """
        dimension, _, member = written.partition("=")
        return cls.of(dimension.strip(), member.strip() or None)

    def __str__(self) -> str:
        return self.name if self.member is None else f"{self.name}={self.member}"

    @property
    def name(self) -> str:
        """The dimension as tables keep it."""
        return TOTAL if self.dimension is None else self.dimension.value

    def question(
        self, start: datetime, end: datetime, zone: ZoneInfo, granularity: Granularity = Granularity.DAY
    ) -> Question:
        """Ask about its calls."""
        chosen: dict[str, Any] = {} if self.dimension is None else {self.dimension.value: (self.member,)}
        return Question(start=start, end=end, zone=zone, granularity=granularity, **chosen)


def _names_close_to(dimension: str) -> str:
    names = [TOTAL, *Dimension]
    close = difflib.get_close_matches(dimension, names, n=2)
    return f"Did you mean {' or '.join(close)}?" if close else f"There are {', '.join(names)}"
