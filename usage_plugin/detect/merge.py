"""Anomalies in, for each the one that explains it out: one cause is one entry, at the level that explains it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from usage_plugin.detect.evidence import scope_of
from usage_plugin.detect.series import TOTAL, Metric, Scope
from usage_plugin.store.analysis_tables import AnomalyRow
from usage_plugin.store.anomalies import ACTIVE
from usage_plugin.store.read import Dimension

SAME_CAUSE: Final = timedelta(days=2)
"""What happens to the same calls again within this is one anomaly still."""
HALF: Final = 0.5
ENOUGH: Final = 0.25
"""What names a cause must weigh so much of what it explains; dollars of different metrics compare roughly only."""
FEW: Final = 3
NEARLY_ALL: Final = 0.7
MUCH_MORE: Final = 1.5
ALIKE: Final = 3.0
"""A part that changed so many times as much as the whole has a cause of its own."""

# Who can be asked, before what is only used by everybody.
_LEVELS: Final = (
    Dimension.KEY,
    Dimension.PROJECT,
    Dimension.USER,
    Dimension.FEATURE,
    Dimension.END_USER,
    Dimension.TEAM,
    Dimension.TAG,
    Dimension.MODEL,
    Dimension.PROVIDER,
    TOTAL,
)
_PEOPLE: Final = _LEVELS[:5]
_LEFT: Final = (Dimension.MODEL, Dimension.PROVIDER)
_METRICS: Final = (Metric.COST, Metric.REQUESTS, Metric.TOKENS, Metric.COST_PER_REQUEST, Metric.TOKENS_PER_REQUEST)


class Shares(Protocol):
    """Knows how changes overlap, see `Evidence`."""

    def share(self, of: AnomalyRow, other: Scope) -> float:
        """Say what share of an anomaly's change happened to the calls of a scope."""
        ...


@dataclass(slots=True, eq=False)
class Case:
    """An anomaly on its way: as it is to be kept, and what explains it."""

    row: AnomalyRow
    weight: float
    """How much there is to explain: nano dollars, or calls where nothing has a price."""
    into: Case | None = None

    @property
    def root(self) -> Case:
        """The anomaly that explains it in the end: itself, where none does."""
        return self if self.into is None else self.into.root

    @property
    def is_high(self) -> bool:
        """Whether it is too much."""
        return self.row.severity > 0

    @property
    def ratio(self) -> float:
        """By how much it is off, as a share of what was expected."""
        return abs(self.row.actual - self.row.expected) / max(abs(self.row.expected), 1e-12)

    @property
    def stands(self) -> bool:
        """Whether it is an entry already that says who it is: people were told of it by this name."""
        row = self.row
        return row.id is not None and row.merged_into_id is None and row.state in ACTIVE and row.dimension in _PEOPLE

    @property
    def level(self) -> tuple[int, int, int, bool]:
        """Order what could name a cause: whose calls, alone or as a pair, what of them, by the hour or by the day."""
        row, metric = self.row, Metric(self.row.metric)
        lasts = row.ended_at - row.started_at > timedelta(days=1)
        return (
            _LEVELS.index(row.dimension),
            int(row.second_dimension is not None),
            _METRICS.index(metric) if metric in _METRICS else len(_METRICS),
            (row.granularity == "day") is not lasts,
        )


def merge(cases: Sequence[Case], evidence: Shares) -> None:
    """Say of each case which other one explains it.

    Args:
        cases: All that are near in time; *into* is set anew.
        evidence: Asks the store.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    for case in cases:
        case.into = None
    ordered = sorted(cases, key=lambda each: (-each.weight, each.level, each.row.started_at, each.row.series_key))
    roots = [case for case in ordered if case.stands and not _is_dwarfed(case, cases)]
    for case in ordered:
        if case.into is not None or case in roots:
            continue
        case.into = next((root for root in roots if _belongs(case, root, evidence)), None)
        if case.into is None:
            found = _causes(case, cases, evidence)
            for each in (each for each in found if each not in roots and each.into is None):
                each.into = next((root for root in roots if _belongs(each, root, evidence)), None)
                roots += [] if each.into else [each]
            case.into = case.into if case in found else found[0]


def _is_dwarfed(case: Case, cases: Sequence[Case]) -> bool:
    """Say whether something much larger happens at the same time: that is no part of an entry that was told of."""
    return any(each.weight > MUCH_MORE * case.weight and _alike(each, case) for each in cases)


def _causes(case: Case, cases: Sequence[Case], evidence: Shares) -> list[Case]:
    """Find what explains a case that belongs to none so far: one at the level that says most, or a few, or itself."""
    if case.row.state_by is not None:
        return [case]
    near = [each for each in cases if each is not case and _alike(case, each)]
    finer = sorted((each for each in near if each.level < case.level), key=lambda each: (each.level, -each.weight))
    for each in finer:
        if each.weight >= ENOUGH * case.weight and evidence.share(case.row, scope_of(each.row)) >= HALF:
            return [each.root]
    return _few(case, finer, evidence) or [case]


def _few(case: Case, finer: Iterable[Case], evidence: Shares) -> list[Case]:
    """Find two or three members of one dimension that explain nearly all together."""
    by_level = dict[tuple[int, int, int, bool], list[Case]]()
    for each in (each for each in finer if each.into is None and each.row.dimension != Dimension.TAG):
        by_level.setdefault(each.level, []).append(each)
    for members in by_level.values():
        several = members[:FEW]
        if len(several) > 1 and sum(each.weight for each in several) >= NEARLY_ALL * case.weight:
            shares = [evidence.share(case.row, scope_of(each.row)) for each in several]
            if sum(shares) >= NEARLY_ALL:
                return several
    return []


def _belongs(case: Case, root: Case, evidence: Shares) -> bool:
    if not _alike(case, root) or evidence.share(case.row, scope_of(root.row)) < HALF:
        return False
    # A part of the calls can have a cause of its own, which the change of all of them hides.
    return case.level >= root.level or case.ratio <= ALIKE * root.ratio


def _alike(one: Case, other: Case) -> bool:
    """Say whether the first could have the second's cause: the same kind of news, at about the same time.

    What has less where the whole has more is a part of one change, as is a model where a key leaves it for another.
    """
    first, second = one.row, other.row
    mine, theirs = scope_of(first).choices.items(), scope_of(second).choices.items()
    is_left = theirs and (mine > theirs or first.dimension in _LEFT)
    if _kind(first) != _kind(second) or (one.is_high is not other.is_high and not is_left):
        return False
    apart = SAME_CAUSE if (mine >= theirs and theirs) or mine == theirs else timedelta()
    return first.started_at < second.ended_at + apart and second.started_at < first.ended_at + apart


def _kind(row: AnomalyRow) -> str:
    metric = Metric(row.metric)
    return "money" if metric.is_money else metric.value
