"""What is watched is what is measured: the combination of `make bench-detection`, each with its profile."""

from __future__ import annotations

import inspect

from sqlalchemy import Engine

from tests.detection import watched
from tests.detection.__main__ import by_hour_score
from tests.detection.spend import generate
from tests.detection.stored import look
from tests.detection.watched import hourly_watch
from usage_plugin.analysis.memory import PER_CALL_BY_DAY, SPEND_BY_DAY, SPEND_BY_HOUR
from usage_plugin.detect.choose import Chosen
from usage_plugin.detect.series import WATCHES, Metric, Scope, Series, Side, watch_of
from usage_plugin.detect.stake import is_said_in_dollars
from usage_plugin.detect.table import LEAST_PRICED
from usage_plugin.store.read import Granularity

HOUR, DAY = Granularity.HOUR, Granularity.DAY


def test_series_with_prices_are_judged_as_the_benchmark_judges_them() -> None:
    """Dollars by hour and day, calls by day, dollars per call by day where they rise; of rates see the docs."""
    rates = (Metric.ERROR_RATE, Metric.LATENCY_P95, Metric.CACHE_HIT_RATE)
    judged = {
        (each.metric, each.granularity): (each.profile, each.side)
        for each in WATCHES
        if each.metric not in rates and not is_said_in_dollars(Series(each.metric, each.granularity, Scope()))
    }
    assert judged == {
        (Metric.COST, HOUR): (SPEND_BY_HOUR, Side.BOTH),
        (Metric.COST, DAY): (SPEND_BY_DAY, Side.BOTH),
        (Metric.REQUESTS, DAY): (SPEND_BY_DAY, Side.BOTH),
        (Metric.COST_PER_REQUEST, DAY): (PER_CALL_BY_DAY, Side.HIGH),
    }
    assert watched.LEAST_CALLS == LEAST_PRICED
    assert "per_call_by_day(spend) > 1" in inspect.getsource(watched.daily_watch)


def test_a_series_has_one_key() -> None:
    """The same for the same, another for any other, whatever characters names have."""
    scopes = [
        Scope(),
        Scope("team", None),
        Scope("team", "None"),
        Scope("team", "a"),
        Scope("user", "a"),
        Scope("team", "a", "model", "b"),
        Scope("team", "a', 'model", None, "b"),
    ]
    keys = {Series(metric, each, scope).key for metric in Metric for each in (HOUR, DAY) for scope in scopes}
    assert len(keys) == len(Metric) * 2 * len(scopes)
    assert {len(key) for key in keys} == {32}


def test_pairs_and_latencies_are_few() -> None:
    """Pairs by day and in dollars, latencies of providers and models."""
    pair = Scope("key", "k", "model", "m")
    chosen = Chosen((Scope(), Scope("key", "k"), pair), (Scope(),))
    by_hour, by_day = chosen.series(HOUR), chosen.series(DAY)
    assert {each.metric for each in by_day if each.scope == pair} == {Metric.COST, Metric.COST_PER_REQUEST}
    assert pair not in {each.scope for each in by_hour}
    assert {each.scope for each in by_hour if each.metric is Metric.LATENCY_P95} == {Scope()}
    assert {each.metric for each in by_hour} == {each.metric for each in WATCHES if each.granularity is HOUR}
    assert all(watch_of(each).metric is each.metric for each in [*by_hour, *by_day])


def test_what_is_stored_is_found_as_well_as_what_is_in_memory(sqlite: Engine) -> None:
    """Eight tenants of the benchmark as keys of one company: most events are entries, and little else is."""
    spend = generate(203, 8, 80)
    ours, alone = by_hour_score(spend, look(sqlite, spend)), by_hour_score(spend, hourly_watch(spend))
    assert ours.f1 > alone.f1 - 0.1
    assert ours.f1 > 0.7
    assert ours.false_alarms < alone.false_alarms + 0.2
