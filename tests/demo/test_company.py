from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from usage_plugin.analysis.memory import SPEND_BY_DAY, SPEND_BY_HOUR, Profile, Scores, run
from usage_plugin.arithmetic import cost_lines, total_usd
from usage_plugin.demo.anomalies import ANOMALIES
from usage_plugin.demo.calls import Calls, Floats
from usage_plugin.demo.events import to_events
from usage_plugin.demo.generate import DAYS, SEED, draw_calls, generate
from usage_plugin.demo.models import GPT_MINI, MODELS, PRICES_FROM
from usage_plugin.demo.pricing import price
from usage_plugin.demo.workloads import WORKLOADS
from usage_plugin.event import (
    INPUT_TOKEN_FIELDS,
    OUTPUT_TOKEN_FIELDS,
    TOKEN_FIELDS,
    CostConfidence,
    Status,
    TokensSource,
    UsageEvent,
)

NOW = datetime(2026, 11, 20, 15, 24, 10, tzinfo=UTC)
HOUR_S = 3600


@pytest.fixture(scope="module")
def calls() -> Calls:
    """The whole 90 days as columns."""
    return draw_calls(NOW)


@pytest.fixture(scope="module")
def events() -> list[UsageEvent]:
    """The last six days as events."""
    return list(generate(NOW, days=6)[1])


def by_hour(calls: Calls, feature: str, column: object) -> Floats:
    """Add a column up by hour, for one feature."""
    mine = calls.workload == [workload.feature for workload in WORKLOADS].index(feature)
    end = NOW.replace(minute=0, second=0).timestamp() + HOUR_S
    hour = ((calls.completed_at_s[mine] - end) // HOUR_S).astype(int) + DAYS * 24
    return np.bincount(hour, weights=np.asarray(column, dtype=float)[mine], minlength=DAYS * 24).astype(float)


def scored(values: Floats, profile: Profile) -> Scores:
    """Score a series that ends now, on the clocks of UTC."""
    monday = datetime(2018, 1, 1, tzinfo=UTC)
    last = (NOW - monday) // timedelta(days=1 / profile.day)
    return run(profile, values, np.arange(last - values.size + 1, last + 1))


def test_the_same_seed_makes_the_same_company(events: list[UsageEvent]) -> None:
    """To the last digit; another seed makes another one."""
    again = list(generate(NOW, days=6)[1])
    assert again == events
    assert [event.event_key for event in generate(NOW, seed=SEED + 1, days=6)[1]] != [
        event.event_key for event in events
    ]


def test_it_is_as_large_as_a_company(calls: Calls) -> None:
    """Tens of thousands of calls by forty users with fourteen models of eight providers or so."""
    assert 60_000 < len(calls) < 120_000
    assert len(set(calls.model.tolist())) == len(MODELS) >= 12
    assert len({model.provider for model in MODELS}) >= 6
    people = {(WORKLOADS[workload].users[user]) for workload, user in zip(calls.workload, calls.user, strict=True)}
    assert len(people) >= 35
    assert len({workload.team for workload in WORKLOADS}) == 8


def test_every_kind_of_outcome_occurs(calls: Calls) -> None:
    """Each status, each confidence, streams, reasoning, cache reads and writes, searches."""
    sample = list(to_events(calls, SEED))
    assert {event.status for event in sample} == set(Status)
    assert {event.cost.confidence for event in sample} == set(CostConfidence)
    assert {event.tokens.source for event in sample} == set(TokensSource)
    assert any(event.stream and event.timing.ttft_ms for event in sample)
    assert any(event.fallbacks for event in sample)
    assert any(event.units.search_units for event in sample)
    used = Counter(name for event in sample for name in TOKEN_FIELDS if getattr(event.tokens, name))
    assert min(used[name] for name in TOKEN_FIELDS if used[name]) > 100
    assert len({event.event_key for event in sample}) == len(sample)


def test_each_cost_is_units_times_prices(events: list[UsageEvent]) -> None:
    """What a detail page works out from the price snapshot is what was stored, to a billionth."""
    priced = 0
    for event in events:
        if event.cost.price is None or event.cost.confidence is CostConfidence.CACHED:
            continue
        units = {name: getattr(event.tokens, name) for name in TOKEN_FIELDS}
        units |= {"search_units": event.units.search_units, "prompt_tokens": event.tokens.prompt_tokens}
        prices = {name: Decimal(text) for name, text in event.cost.price.prices_usd}
        lines = cost_lines(units, prices)
        assert total_usd(lines) == Decimal(event.cost.cost_nano_usd or 0).scaleb(-9)
        unpriced = any(line.unit_price_usd is None for line in lines)
        assert event.tokens.source is TokensSource.ESTIMATED or unpriced == (
            event.cost.confidence is CostConfidence.PARTIAL
        )
        priced += 1
    assert priced > 0.8 * len(events)


def test_prices_are_those_of_the_price_map_they_name() -> None:
    """Each price stands in LiteLLM's map under its name; the company's own models stand in none."""
    assert metadata.version("litellm") == PRICES_FROM, "read the prices anew and set PRICES_FROM"
    package = find_spec("litellm")
    assert package is not None
    assert package.origin is not None
    file = Path(package.origin).with_name("model_prices_and_context_window_backup.json")
    known = json.loads(file.read_text())
    for model in MODELS:
        listed = known.get(model.name) or known.get(f"{model.provider}/{model.name}")
        assert (listed is None) == model.name.startswith("acme-")
        for name, usd in model.usd_per_million.items() if listed else ():
            assert Decimal(str(listed[name])) * 1_000_000 == Decimal(usd), (model.name, name)


def test_a_price_is_whole_billionths() -> None:
    """0.15 dollars a million tokens are 150 billionths a token."""
    assert GPT_MINI.nano_usd_per("input_uncached_tokens") == 150
    assert GPT_MINI.nano_usd_per("output_reasoning_tokens") == 600
    assert GPT_MINI.nano_usd_per("search_units") is None


def test_token_categories_add_up(events: list[UsageEvent]) -> None:
    """Disjoint categories, inclusive totals."""
    for event in events:
        tokens = event.tokens
        if tokens.source is TokensSource.NONE:
            assert tokens.total_tokens is None
            continue
        assert sum(getattr(tokens, name) or 0 for name in INPUT_TOKEN_FIELDS) == tokens.prompt_tokens
        assert sum(getattr(tokens, name) or 0 for name in OUTPUT_TOKEN_FIELDS) == tokens.completion_tokens
        assert all((getattr(tokens, name) or 0) >= 0 for name in TOKEN_FIELDS)


def test_unknown_costs_have_a_reason_and_cached_ones_a_saving(events: list[UsageEvent]) -> None:
    """Unknown is not zero."""
    for event in events:
        cost = event.cost
        assert (cost.cost_nano_usd is None) == (cost.confidence is CostConfidence.UNPRICED)
        assert (cost.unpriced_reason is not None) == (
            cost.confidence in (CostConfidence.UNPRICED, CostConfidence.PARTIAL)
        )
        assert (cost.saved_cost_nano_usd is not None) == (cost.confidence is CostConfidence.CACHED)


def test_time_runs_forwards_and_ends_now(calls: Calls, events: list[UsageEvent]) -> None:
    """In order, none in the future, the last minutes alive; each call in its own order too."""
    assert (np.diff(calls.completed_at_s) >= 0).all()
    assert NOW - timedelta(minutes=30) < events[-1].timing.completed_at <= NOW
    assert calls.completed_at_s[0] >= (NOW - timedelta(days=DAYS)).timestamp()
    for event in events:
        timing = event.timing
        assert timing.received_at <= timing.started_at <= timing.completed_at
        assert timing.latency_ms is not None
        assert timing.ttft_ms is None or timing.ttft_ms <= timing.latency_ms


def test_nights_and_weekends_are_quiet(calls: Calls) -> None:
    """An office's calls at three at night and on Sunday are few beside those of a Tuesday noon."""
    hourly = by_hour(calls, "code-review", np.ones(len(calls)))
    start = NOW.replace(minute=0, second=0) - timedelta(hours=len(hourly) - 1)
    groups = defaultdict(list)
    for index, count in enumerate(hourly):
        moment = start + timedelta(hours=index)
        kind = (
            "weekend" if moment.weekday() >= 5 else "noon" if moment.hour == 13 else "night" if moment.hour == 3 else ""
        )
        groups[kind].append(count)
    assert np.mean(groups["noon"]) > 20 * np.mean(groups["night"])
    assert np.mean(groups["noon"]) > 10 * np.mean(groups["weekend"])


def test_it_grows(calls: Calls) -> None:
    """The last month has a tenth more calls than the first one."""
    thirds = np.array_split(by_hour(calls, "support-bot", np.ones(len(calls))), 3)
    assert thirds[2].sum() > 1.1 * thirds[0].sum()


def test_each_anomaly_happens_to_a_workload_that_exists() -> None:
    """Of six kinds, to six workloads, all within the time that is shown."""
    assert {anomaly.feature for anomaly in ANOMALIES} <= {workload.feature for workload in WORKLOADS}
    assert len({anomaly.kind for anomaly in ANOMALIES}) == len(ANOMALIES) == 6
    assert all(anomaly.first_hour_ago < DAYS * 24 / 2 for anomaly in ANOMALIES)


@pytest.mark.parametrize(
    ("feature", "hours_ago"), [("campaign-writer", 22 * 24), ("support-bot", 11 * 24), ("coding-agent", 28)]
)
def test_the_daily_detector_sees_what_was_planted(calls: Calls, feature: str, hours_ago: int) -> None:
    """The spike day, the switch to a dearer model and the runaway are flagged on their day."""
    hourly = by_hour(calls, feature, price(calls).full_nano_usd)
    daily = hourly[hourly.size % 24 :].reshape(-1, 24).sum(axis=1)
    alarms = scored(daily, SPEND_BY_DAY).alarms[0]
    assert alarms[-1 - hours_ago // 24]


def test_the_hourly_detector_sees_the_runaway(calls: Calls) -> None:
    """While it goes on, in the cost of the whole company."""
    cost = price(calls).full_nano_usd
    hourly = sum(by_hour(calls, workload.feature, cost) for workload in WORKLOADS)
    alarms = scored(np.asarray(hourly), SPEND_BY_HOUR).alarms[0]
    runaway = next(anomaly for anomaly in ANOMALIES if anomaly.kind == "runaway")
    first = len(alarms) - 1 - runaway.first_hour_ago
    assert alarms[first : first + runaway.hours].any()


def test_the_provider_outage_shows_as_failures(calls: Calls) -> None:
    """More than a third of the calls of those hours fail, beside one in a hundred otherwise."""
    failed = by_hour(calls, "answer-box", calls.error > 0)
    made = by_hour(calls, "answer-box", np.ones(len(calls)))
    outage = next(anomaly for anomaly in ANOMALIES if anomaly.kind == "provider outage")
    last = len(made) - 1
    hours = slice(last - outage.first_hour_ago, last - outage.first_hour_ago + outage.hours)
    assert failed[hours].sum() > made[hours].sum() / 3
    assert failed.sum() - failed[hours].sum() < made.sum() / 30
