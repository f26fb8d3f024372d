"""Why a series was off in, JSON for its row out, and back: whole numbers that add up to the change exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

import orjson

from usage_plugin.analysis.why import Contribution, Explanation, Name, Standing, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Contribution):
    """What one member of a dimension adds to the change, with the name that people know it by."""

    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The change by the members of one dimension: the parts and the rest add up to it."""

    dimension: str
    score: float
    """How much it explains, from 0 (all changed alike) to 1 (one member that was nothing before)."""
    parts: tuple[Part, ...]
    """The largest change first."""
    rest_members: int
    rest_expected: int
    rest_actual: int
    drivers: int = 0
    """How many of the first parts that go with the change explain half of it; 0 where they cannot."""

    @property
    def rest_change(self) -> int:
        """What all members add that are no part."""
        return self.rest_actual - self.rest_expected

    @property
    def change(self) -> int:
        """All of it."""
        return sum(part.change for part in self.parts) + self.rest_change

    @property
    def driving(self) -> tuple[Part, ...]:
        """The parts that explain half of the change."""
        sign = 1 if self.change > 0 else -1
        return tuple(part for part in self.parts if part.change * sign > 0)[: self.drivers]

    @classmethod
    def of(cls, found: Explanation, labels: Mapping[Name, str]) -> Self:
        """Take what the analysis found, and names that people know."""
        return cls(
            dimension=found.dimension,
            score=found.score,
            parts=tuple(_part(each, labels) for each in found.contributions),
            rest_members=found.other.members,
            rest_expected=found.other.expected,
            rest_actual=found.other.actual,
            drivers=len(found.drivers),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why a series was off."""

    unit: str
    """What is counted: ``nano_usd``, ``requests``, ``tokens``, ``failed requests`` or ``cached requests``."""
    expected: int
    actual: int
    splits: tuple[Split, ...] = ()
    """The dimension that explains best first; each adds up to the change."""
    terms: Mapping[str, int] | None = None
    """The change of cost in nano dollars by ``volume``, ``mix``, ``tokens_per_call``, ``price`` and ``other``;
    ``None`` where it is about something else."""
    unpriced_requests: int = 0
    """Calls of the time whose cost nobody knows: in no sum."""
    compared_with: tuple[tuple[datetime, datetime], ...] = field(default=())
    """The times that say what members usually have."""

    @property
    def change(self) -> int:
        """What is explained."""
        return self.actual - self.expected

    def to_json(self) -> str:
        """Write it down."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what ``to_json`` wrote."""
        given: dict[str, Any] = orjson.loads(text)
        splits = tuple(_split(each) for each in given.pop("splits"))
        times = tuple((datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in given.pop("compared_with"))
        return cls(**given, splits=splits, compared_with=times)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Read what is kept; ``None`` where something else wrote it."""
        try:
            return cls.from_json(text)
        except (KeyError, TypeError, ValueError):
            return None


def terms_of(terms: Terms | None) -> Mapping[str, int] | None:
    """Give terms by their name."""
    return None if terms is None else terms._asdict()


def _part(each: Contribution, labels: Mapping[Name, str]) -> Part:
    label = labels.get(each.member, each.member)
    return Part(**asdict(each), label="" if label is None else label)


def _split(given: Mapping[str, Any]) -> Split:
    parts: Sequence[Mapping[str, Any]] = given["parts"]
    read = tuple(Part(**{**part, "standing": Standing(part["standing"])}) for part in parts)
    return Split(**{**given, "parts": read})
