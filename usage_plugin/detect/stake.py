"""What a series did while it was off in, the dollars at stake out, and whether that is enough to tell somebody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from usage_plugin.detect.options import Options
from usage_plugin.detect.series import Metric, Series
from usage_plugin.detect.table import FloatArray, Table
from usage_plugin.store.read import Granularity

NANO_PER_USD: Final = 1_000_000_000
USUAL_DAYS: Final = 28
LEAST_RATE: Final = 0.05
"""Rates that move by less are no news."""
LEAST_SLOWER: Final = 0.5
"""Nor are latencies."""
_ONLY_UNPRICED: Final = {
    (Metric.REQUESTS, Granularity.HOUR),
    (Metric.TOKENS, Granularity.HOUR),
    (Metric.TOKENS, Granularity.DAY),
    (Metric.TOKENS_PER_REQUEST, Granularity.DAY),
}
"""Where calls have a price, dollars say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """What a series was off by, in what it is made of."""

    expected: float
    actual: float
    """Of sums the sum, of others the mean, in the values' own unit."""
    is_priced: bool
    """Whether calls of the series cost anything that is known."""
    at_stake_nano_usd: int | None
    requests: float
    """That there were."""
    affected: float
    """Requests beyond what was expected: calls, failed ones, ones that missed the cache."""

    @property
    def share(self) -> float:
        """How far it is off, as a share of what was expected."""
        return abs(self.actual - self.expected) / max(abs(self.expected), 1e-12)


def amounts(series: Series, table: Table, within: slice, row: FloatArray, expected_row: FloatArray) -> Amounts:
    """Work out what is at stake.

    Args:
        series: That was off.
        table: What it is made of.
        within: The buckets in which it was.
        row: All its points, as the detector saw them; NaN where nobody knows.
        expected_row: What was expected of them.
    """
    place, values, expected = table.scopes.index(series.scope), row[within], expected_row[within]
    off = np.nan_to_num(values - expected)
    known = np.isfinite(values)
    mean = np.sum if series.metric.is_sum else np.mean
    let_in = table.let_in[place, within]
    usual = slice(max(within.start - USUAL_DAYS * _points_a_day(table), 0), max(within.start, 1))
    rates = _Rates.of(table, place, usual, within)
    stakes = {
        Metric.COST: float(off.sum()) * NANO_PER_USD,
        Metric.REQUESTS: float(off.sum()) * rates.per_call,
        Metric.TOKENS: float(off.sum()) * rates.per_token,
        Metric.COST_PER_REQUEST: float((off * table.priced[place, within]).sum()) * NANO_PER_USD,
        Metric.TOKENS_PER_REQUEST: float((off * table.measures["requests"][place, within]).sum()) * rates.per_token,
        Metric.CACHE_HIT_RATE: -float((off * let_in).sum()) * rates.per_call,
    }
    stake = stakes.get(series.metric)
    return Amounts(
        expected=float(mean(expected[known])) if known.any() else 0.0,
        actual=float(mean(values[known])) if known.any() else 0.0,
        is_priced=rates.is_priced,
        at_stake_nano_usd=None if stake is None or not rates.is_priced else round(stake),
        requests=float(table.measures["requests"][place, within].sum()),
        affected=abs(float((off * let_in).sum() if not series.metric.is_sum else off.sum())),
    )


def is_said_in_dollars(series: Series) -> bool:
    """Say whether a series is watched only for those whose calls have no known price, or cost nothing."""
    return (series.metric, series.granularity) in _ONLY_UNPRICED


def is_material(series: Series, found: Amounts, options: Options) -> bool:
    """Say whether an anomaly is worth somebody's time."""
    if found.share < options.least_share:
        return False
    if series.metric is Metric.LATENCY_P95:
        return found.share >= LEAST_SLOWER and found.requests >= options.least_requests
    if series.metric in (Metric.ERROR_RATE, Metric.CACHE_HIT_RATE):
        return found.affected >= options.least_failed and abs(found.actual - found.expected) >= LEAST_RATE
    if found.at_stake_nano_usd is None:
        enough = found.affected if series.metric is Metric.REQUESTS else found.requests
        return enough >= options.least_requests
    return abs(found.at_stake_nano_usd) >= options.least_usd * NANO_PER_USD


@dataclass(frozen=True, slots=True)
class _Rates:
    """What a call and a token of the scope cost usually, in nano dollars."""

    per_call: float
    per_token: float
    is_priced: bool

    @classmethod
    def of(cls, table: Table, place: int, usual: slice, within: slice) -> _Rates:
        cost = table.measures["cost_nano_usd"][place]
        spent = float(cost[usual].sum())
        priced, tokens = (
            float(table.priced[place, usual].sum()),
            float(table.measures["total_tokens"][place, usual].sum()),
        )
        per_call, per_token = (spent / count if count > 0 else 0.0 for count in (priced, tokens))
        return cls(per_call, per_token, spent > 0 or bool(cost[within].sum() > 0))


def _points_a_day(table: Table) -> int:
    return 24 if table.granularity is Granularity.HOUR else 1
