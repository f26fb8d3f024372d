"""Two anomalies in, how much of the one's change happened to the other's calls out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from usage_plugin.detect.asking import totals
from usage_plugin.detect.scan import Setting
from usage_plugin.detect.series import Metric, Scope, question_of
from usage_plugin.detect.usual import usual_times
from usage_plugin.store.analysis_tables import AnomalyRow
from usage_plugin.store.read import Usage

_MEASURED: Final = {
    Metric.REQUESTS: "requests",
    Metric.TOKENS: "total_tokens",
    Metric.TOKENS_PER_REQUEST: "total_tokens",
    Metric.ERROR_RATE: "failed_requests",
    Metric.CACHE_HIT_RATE: "cached_requests",
    Metric.LATENCY_P95: "requests",
}
"""What adds up of each metric; of the others it is the cost."""
OF_KEYS: Final = ("user_agent", "client_ip")
"""What a key can use that is no dimension of calls."""


def scope_of(row: AnomalyRow) -> Scope:
    """Give whose calls an anomaly is about; a novelty is about its key's."""
    if row.second_dimension in OF_KEYS:
        return Scope(row.dimension, row.member)
    return Scope(row.dimension, row.member, row.second_dimension, row.second_member)


def amount(usage: Usage, metric: str) -> int:
    """Give what adds up of a metric."""
    if metric in _MEASURED:
        return int(getattr(usage, _MEASURED[Metric(metric)]))
    return usage.cost_nano_usd or 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Asks the store, each question once."""

    setting: Setting
    since: datetime
    """Nothing is known before."""
    _known: dict[tuple[Scope, Scope, datetime, datetime], tuple[Usage, Usage, int]] = field(default_factory=dict)

    def share(self, of: AnomalyRow, other: Scope) -> float:
        """Say what share of an anomaly's change happened to the calls of a scope: 1 is all of it."""
        mine = scope_of(of)
        if mine == other or mine.choices.items() >= other.choices.items():
            return 1.0
        if _never_meet(mine, other):
            return 0.0
        both = self._change(mine, other, of)
        alone = self._change(mine, mine, of)
        return both / alone if alone else 0.0

    def _change(self, one: Scope, other: Scope, row: AnomalyRow) -> float:
        actual, usual, times = self._used(one, other, row.started_at, row.ended_at)
        if row.metric == Metric.LATENCY_P95:
            return float(amount(actual, row.metric))
        return amount(actual, row.metric) - (amount(usual, row.metric) / times if times else 0.0)

    def _used(self, one: Scope, other: Scope, start: datetime, end: datetime) -> tuple[Usage, Usage, int]:
        place = (one, other, start, end)
        if place not in self._known:
            spans = usual_times(start, end, self.setting.zone, self.since)
            known = [used for span in spans if (used := self._ask(one, other, *span)) is not None]
            actual = self._ask(one, other, start, end) or Usage()
            self._known[place] = (actual, sum(known, Usage()), len(known))
        return self._known[place]

    def _ask(self, one: Scope, other: Scope, start: datetime, end: datetime) -> Usage | None:
        return totals(self.setting.engine, question_of({**one.choices, **other.choices}, start, end))


def _never_meet(one: Scope, other: Scope) -> bool:
    """Say whether no call can be both's. A call may have two tags, but no question can ask for both: so none is."""
    shared = one.choices.keys() & other.choices.keys()
    return any(one.choices[each] != other.choices[each] for each in shared)
