"""An anomaly in, why it happened out: by every dimension, and by volume, mix, tokens per call and price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from usage_plugin.analysis.why import (
    Explanation,
    Metered,
    ModelUse,
    Name,
    Standing,
    break_down,
    explain,
    ranked,
    reconcile,
)
from usage_plugin.arithmetic import cost_lines
from usage_plugin.detect.asking import members, totals
from usage_plugin.detect.evidence import scope_of
from usage_plugin.detect.explanation import Split, Why, terms_of
from usage_plugin.detect.scan import Setting
from usage_plugin.detect.series import Metric, Scope, question_of
from usage_plugin.detect.usual import Span, usual_times, whole
from usage_plugin.event import TOKEN_FIELDS
from usage_plugin.money import NANO_PER_USD
from usage_plugin.store import read
from usage_plugin.store.analysis_tables import AnomalyRow
from usage_plugin.store.read import Dimension, Usage

EXPLAINED_BY: Final = (
    Dimension.KEY,
    Dimension.USER,
    Dimension.TEAM,
    Dimension.PROJECT,
    Dimension.FEATURE,
    Dimension.END_USER,
    Dimension.TAG,
    Dimension.MODEL,
    Dimension.PROVIDER,
    Dimension.ENVIRONMENT,
)
LOOKS_BACK: Final = timedelta(days=90)
"""Who was not there in that time was never seen before."""
_COUNTED: Final = {
    Metric.REQUESTS: ("requests", "requests"),
    Metric.TOKENS: ("tokens", "total_tokens"),
    Metric.TOKENS_PER_REQUEST: ("tokens", "total_tokens"),
    Metric.ERROR_RATE: ("failed requests", "failed_requests"),
    Metric.CACHE_HIT_RATE: ("cached requests", "cached_requests"),
    Metric.LATENCY_P95: ("requests", "requests"),
}
"""What is counted of each metric; of all others it is the cost."""


@dataclass(frozen=True, slots=True)
class Told:
    """An explanation, the analysis's own view of its best dimension, and the names that people know its members by."""

    why: Why
    best: Explanation | None
    labels: Mapping[Name, str]


def because(setting: Setting, row: AnomalyRow, since: datetime) -> Told:
    """Explain an anomaly.

    Args:
        setting: Of the run.
        row: Whose scope and time it is; of a sum of cost, requests or tokens what was expected, too.
        since: Nothing is known before.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    spans = usual_times(row.started_at, row.ended_at, setting.zone, since)
    asking = _Asking(setting, row, scope_of(row), spans)
    unit, _ = _COUNTED.get(Metric(row.metric), ("nano_usd", ""))
    actual_use, usual_use = asking.totals()
    actual = asking.amount(actual_use) or 0
    expected = _expected(row, asking, actual, usual_use)
    found = dict[str, tuple[Explanation, Mapping[Name, str]]]()
    # Latencies do not add up: who had how many requests says nothing about them.
    for dimension in () if row.metric == Metric.LATENCY_P95 else EXPLAINED_BY:
        if dimension not in asking.scope.choices:
            found[dimension.value] = asking.split(dimension, expected, actual)
    best = ranked(each for each, _ in found.values())
    terms = asking.terms(expected) if unit == "nano_usd" else None
    why = Why(
        unit=unit,
        expected=expected,
        actual=actual,
        splits=tuple(Split.of(each, found[each.dimension][1]) for each in best),
        terms=terms,
        unpriced_requests=actual_use.unpriced_requests if unit == "nano_usd" else 0,
        compared_with=spans,
    )
    return Told(why, best[0] if best else None, found[best[0].dimension][1] if best else {})


def _expected(row: AnomalyRow, asking: _Asking, actual: int, usual: Usage) -> int:
    """Take what the detector expected, where that is a sum; of cost per request what its calls should have cost."""
    metric = Metric(row.metric)
    if metric.is_sum:
        return round(row.expected)
    if metric is Metric.COST_PER_REQUEST:
        return actual - (row.at_stake_nano_usd or 0)
    return round((asking.amount(usual) or 0) / max(len(asking.spans), 1))


@dataclass(frozen=True, slots=True)
class _Asking:
    """What is asked about the calls of an anomaly."""

    setting: Setting
    row: AnomalyRow
    scope: Scope
    spans: Sequence[Span]

    def amount(self, usage: Usage) -> int | None:
        """Give what adds up; ``None`` where there were calls and nobody knows."""
        counted = _COUNTED.get(Metric(self.row.metric))
        if counted is not None:
            return int(getattr(usage, counted[1]))
        return usage.cost_nano_usd if usage.cost_nano_usd is not None or usage.requests else 0

    def totals(self) -> tuple[Usage, Usage]:
        """Give what was used then, and usually, all times together."""
        ask = self.setting.engine
        actual = totals(ask, self.scope.question(self.row.started_at, self.row.ended_at))
        return actual or Usage(), sum(
            (totals(ask, self.scope.question(*span)) or Usage() for span in self.spans), Usage()
        )

    def members(self, dimension: Dimension) -> tuple[dict[Name, Usage], dict[Name, Usage], dict[Name, str]]:
        """Give the same by member, and their names."""
        actual, labels = self._of(dimension, (self.row.started_at, self.row.ended_at))
        usual = dict[Name, Usage]()
        for span in self.spans:
            found, names = self._of(dimension, span)
            labels = {**names, **labels}
            for member, usage in found.items():
                usual[member] = usual.get(member, Usage()) + usage
        return actual, usual, labels

    def _of(self, dimension: Dimension, span: Span) -> tuple[dict[Name, Usage], dict[Name, str]]:
        found = members(self.setting.engine, self.scope.question(*span).grouped_by(dimension))
        return {member.value: usage for member, usage in found}, {member.value: member.label for member, _ in found}

    def split(self, dimension: Dimension, expected: int, actual: int) -> tuple[Explanation, Mapping[Name, str]]:
        """Explain the change by one dimension."""
        now, usual, labels = self.members(dimension)
        before = {member: self.amount(usage) for member, usage in usual.items()}
        had = {member: self.amount(usage) for member, usage in now.items()}
        totals = {"expected_total": expected, "actual_total": actual}
        found = explain(dimension.value, before, had, **totals)
        new = [each.member for each in found.contributions if each.standing is Standing.NEW]
        seen = [member for member in new if self._was_seen(dimension, member)]
        if seen:
            found = explain(dimension.value, {**before, **dict.fromkeys(seen, 0)}, had, **totals)
        return found, labels

    def _was_seen(self, dimension: Dimension, member: Name) -> bool:
        """Say whether a member that had nothing at the usual times was there at any other."""
        start = self.row.started_at
        mine = question_of({**self.scope.choices, dimension: member}, start - LOOKS_BACK, start)
        found = totals(self.setting.engine, mine)
        return found is None or not found.is_empty

    def terms(self, expected: int) -> Mapping[str, int] | None:
        """Break the change of cost down."""
        now, usual, _ = self.members(Dimension.MODEL)
        names = [name for name in {*now, *usual} if name is not None]
        before, then = (
            read.prices_of(self.setting.engine, names, end)
            for end in (whole(self.spans)[1] if self.spans else self.row.started_at, self.row.ended_at)
        )
        return terms_of(
            break_down(
                {name or "": _use(usage, before.get(name or "", {})) for name, usage in usual.items()},
                {name or "": _use(usage, then.get(name or "", {})) for name, usage in now.items()},
                expected_total_nano_usd=expected,
            ).total
        )


def _use(usage: Usage, prices_usd: Mapping[str, Decimal]) -> ModelUse:
    """Divide what a model cost among its kinds of tokens, as their prices say; what has no token counts by the call."""
    calls = usage.requests + usage.unfinished_attempts - usage.unpriced_requests
    units = {name: getattr(usage, name) for name in TOKEN_FIELDS if getattr(usage, name)}
    lines = cost_lines(units, prices_usd)
    shares = {line.label: round((line.cost_usd or Decimal(0)) * NANO_PER_USD) for line in lines}
    cost_nano_usd = usage.cost_nano_usd or 0
    if sum(shares.values()) > 0:
        costs = reconcile(shares, cost_nano_usd)
        kinds = {line.label: Metered(units=int(line.units), cost_nano_usd=costs[line.label]) for line in lines}
    elif usage.total_tokens:
        kinds = {"Tokens": Metered(units=usage.total_tokens, cost_nano_usd=cost_nano_usd)}
    else:
        kinds = {"Calls": Metered(units=calls, cost_nano_usd=cost_nano_usd)}
    return ModelUse(calls=calls, kinds=kinds, unpriced_calls=usage.unpriced_requests)
