"""Expected and actual by member in, who drove a change out: contributions that add up to the change exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from usage_plugin.analysis.why.reconcile import reconcile

Name = str | None
"""A member of a dimension; ``None`` are the calls without a team, user, ..."""
Amounts = Mapping[Name, int | None]
"""By member, in a whole unit: nano dollars, requests, tokens. ``None``: there were calls, of which nobody knows."""

LISTED = 5


class Standing(StrEnum):
    """What is known of a member besides its amounts."""

    KNOWN = "known"
    NEW = "new"
    """Was never seen before."""
    VANISHED = "vanished"
    """Was expected, and did nothing at all."""
    UNPRICED = "unpriced"
    """Was there, but nobody knows its amount: it counts as 0 here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """A member's part of a change, in the unit of the amounts."""

    member: Name
    standing: Standing
    expected: int
    actual: int

    @property
    def change(self) -> int:
        """What the member adds to the change."""
        return self.actual - self.expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """All members that are not listed, and what belongs to none: totals less the listed members."""

    members: int
    expected: int
    actual: int

    @property
    def change(self) -> int:
        """What they add to the change together."""
        return self.actual - self.expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A change by the members of one dimension: ``sum(contributions) + other == change``."""

    dimension: str
    contributions: tuple[Contribution, ...]
    """The largest first, whatever their sign."""
    other: Rest
    score: float
    """How much it explains, from 0 (everybody changed alike) to 1 (one member that was nothing before)."""

    @property
    def expected(self) -> int:
        """The total."""
        return self.other.expected + sum(each.expected for each in self.contributions)

    @property
    def actual(self) -> int:
        """The total."""
        return self.other.actual + sum(each.actual for each in self.contributions)

    @property
    def change(self) -> int:
        """What is explained."""
        return self.actual - self.expected

    @property
    def drivers(self) -> tuple[Contribution, ...]:
        """The fewest listed members that explain half of the change or more; none where they cannot."""
        sign = 1 if self.change > 0 else -1
        explained, found = 0, []
        for each in self.contributions:
            if each.change * sign <= 0:
                continue
            found.append(each)
            explained += each.change * sign
            if 2 * explained >= self.change * sign:
                return tuple(found)
        return ()


def explain(
    dimension: str,
    expected: Amounts,
    actual: Amounts,
    *,
    expected_total: int | None = None,
    actual_total: int | None = None,
    listed: int = LISTED,
) -> Explanation:
    """Say who drove a change.

    Args:
        dimension: What the members are of.
        expected: What members usually have, over any length of time: it is scaled to the total. A member that is not
            in it was never seen before; one that was seen but is not expected now has 0.
        actual: What they had. A member that is not in it did nothing.
        expected_total: What was expected of all together; the sum where it is not given. What no scale reaches
            (nothing is expected of any member, amounts cancel each other) belongs to nobody and is part of the rest.
        actual_total: What all had; the sum where it is not given. Calls with several tags make the sum larger: what
            was counted twice is taken out of the rest.
        listed: How many members to list.
    """
    usual = {member: int(amount or 0) for member, amount in expected.items()}
    had = {member: int(amount or 0) for member, amount in actual.items()}
    target = sum(usual.values()) if expected_total is None else int(expected_total)
    reached = sum(had.values()) if actual_total is None else int(actual_total)
    parts = _contributions(reconcile(usual, target), had, {name for name, each in actual.items() if each is None})
    shown = tuple(part for part in parts[:listed] if part.change)
    rest = Rest(
        members=len(parts) - len(shown),
        expected=target - sum(part.expected for part in shown),
        actual=reached - sum(part.actual for part in shown),
    )
    unclaimed = reached - target - sum(part.change for part in parts)
    return Explanation(dimension=dimension, contributions=shown, other=rest, score=_score(parts, usual, unclaimed))


def ranked(explanations: Iterable[Explanation]) -> list[Explanation]:
    """Put the dimension that explains best first, of equal ones that with fewer drivers."""
    return sorted(explanations, key=lambda each: (-each.score, len(each.drivers), each.dimension))


def _contributions(usual: Mapping[Name, int], had: Mapping[Name, int], unpriced: set[Name]) -> list[Contribution]:
    parts = [
        Contribution(
            member=name,
            standing=Standing.UNPRICED if name in unpriced else _standing(name, usual, had),
            expected=usual.get(name, 0),
            actual=had.get(name, 0),
        )
        for name in {*usual, *had}
    ]
    return sorted(parts, key=lambda part: (-abs(part.change), repr(part.member)))


def _standing(name: Name, usual: Mapping[Name, int], had: Mapping[Name, int]) -> Standing:
    if name not in usual:
        return Standing.NEW
    return Standing.VANISHED if name not in had and usual[name] else Standing.KNOWN


def _score(parts: list[Contribution], usual: Mapping[Name, int], unclaimed: int) -> float:
    """Ask of each unit of change how much more its member has of the change than of what is usual, in the mean.

    That is ``sum(q * max(q - p, 0))`` with shares q of the sizes of the changes and p of the usual sizes: the index of
    Herfindahl of the change, less what growth of all alike would give. A provider that has all calls anyway explains
    nothing. Integers until the last step, so that neither the order of members nor the unit matters.

    Source: after explanatory power, succinctness and surprise in Bhagwan et al. (2014), "Adtributor: Revenue
    Debugging in Advertising Systems", NSDI.
    """
    moved = sum(abs(part.change) for part in parts) + abs(unclaimed)
    sizes = sum(map(abs, usual.values())) or 1
    excess = (
        abs(part.change) * max(abs(part.change) * sizes - abs(usual.get(part.member, 0)) * moved, 0) for part in parts
    )
    return sum(excess) / (moved * moved * sizes) if moved else 0.0
