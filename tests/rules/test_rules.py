"""Rules over real calls: kept, evaluated now, and tested on the past by the same code, on both databases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import Engine, update

from tests.alerts.receiving import webhook
from usage_plugin.alerts.rules import rule_findings
from usage_plugin.detect.series import Scope
from usage_plugin.errors import InputError
from usage_plugin.event import CostConfidence, Status, UsageEvent
from usage_plugin.rules import (
    BurnRate,
    Detector,
    Firing,
    NoData,
    Rule,
    Threshold,
    Window,
    back_test,
    firing_now,
    row_of,
    rule_of,
)
from usage_plugin.settings import Settings
from usage_plugin.store.alerts import alerts
from usage_plugin.store.analysis_tables import AlertRule
from usage_plugin.store.database import changing
from usage_plugin.store.rules import remove_rule, rules, save_rule
from usage_plugin.store.sheets.build import add_up
from usage_plugin.store.tables import table_of
from usage_plugin.store.write import write_events
from usage_plugin.testing import FakeClock, make_event
from usage_plugin.worker import Job, JobContext, Work, run_once
from usage_plugin.worker.registry import all_jobs
from usage_plugin.worker.telling import Routes
from usage_plugin.worker.watching import Rules

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 4, 12, 30, 6, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NANO = 1_000_000_000
SEARCH: dict[str, Any] = {"team_id": "t1", "team_alias": "search", "api_key_hash": "k1", "api_key_alias": "one"}
WEB: dict[str, Any] = {"team_id": "t2", "team_alias": "web", "api_key_hash": "k2", "api_key_alias": "two"}
BY_DAY = Rule(name="Daily cost", settings=Threshold(above=10.0))
BURN = Rule(name="Fast", settings=BurnRate(windows=(Window(60, 4.0), Window(5, 4.0)), per_day=24.0))


def calls(
    start: datetime, end: datetime, every: timedelta = HOUR, cost_usd: str = "0.25", **how: Any
) -> list[UsageEvent]:
    count = -(-(end - start) // every)
    return [make_event(completed_at=start + number * every, cost_usd=cost_usd, **how) for number in range(count)]


def store(engine: Engine, *some: Iterable[UsageEvent]) -> None:
    write_events(engine, [event for each in some for event in each])


def spans(found: Iterable[Firing]) -> list[tuple[str | None, datetime, datetime]]:
    return [(each.scope.member, each.start, each.end) for each in found]


def test_a_rule_comes_back_as_it_was_kept(engine: Engine) -> None:
    """Each kind; changed under its number, and removed."""
    wanted = (
        BY_DAY,
        BURN,
        Rule(name="Silence", settings=NoData(hours=3), dimension="team", member="t1", severity="critical", owner="ana"),
        Rule(name="Unusual", settings=Detector(period="day", least=5.0), dimension="model", is_enabled=False),
    )
    for rule in wanted:
        save_rule(engine, row_of(rule), by="ana", now=NOW)
    kept = [rule_of(row) for row in rules(engine)]
    assert [replace(rule, id=None) for rule in kept] == sorted(wanted, key=lambda rule: rule.name)
    assert {row.created_by for row in rules(engine)} == {"ana"}
    assert [row.name for row in rules(engine, enabled_only=True)] == ["Daily cost", "Fast", "Silence"]
    changed = save_rule(engine, row_of(replace(kept[0], severity="info")), by="ben", now=NOW + HOUR)
    assert (changed.severity, changed.created_by, changed.updated_at) == ("info", "ana", NOW + HOUR)
    with pytest.raises(InputError, match="already"):
        save_rule(engine, row_of(BY_DAY), now=NOW)
    assert remove_rule(engine, changed.id or 0)
    assert not remove_rule(engine, changed.id or 0)
    with pytest.raises(InputError, match="there is no rule"):
        save_rule(engine, changed, now=NOW)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (replace(BY_DAY, name=" "), "without a name"),
        (replace(BY_DAY, metric="use"), "the metric cannot be 'use'"),
        (replace(BY_DAY, dimension="colour"), "the dimension cannot be 'colour'"),
        (replace(BY_DAY, member="t1"), "no part of all calls"),
        (replace(BY_DAY, severity="bad"), "the severity cannot be 'bad'"),
        (replace(BY_DAY, settings=Threshold()), "either above or below"),
        (replace(BY_DAY, settings=Threshold(above=float("nan"))), "nan is no limit"),
        (replace(BY_DAY, settings=Threshold(above=1.0, period="week")), "the period cannot be 'week'"),
        (replace(BURN, settings=BurnRate(windows=())), "needs a window"),
        (replace(BURN, settings=BurnRate(windows=(Window(0, 2.0),))), "is no window"),
        (replace(BURN, settings=BurnRate(windows=(Window(7 * 1440, 2.0), Window(5, 2.0)))), "whole hours"),
        (replace(BURN, dimension="model"), "by the minute cannot be 'model'"),
        (replace(BURN, metric="error_rate"), "the metric cannot be 'error_rate'"),
        (replace(BY_DAY, settings=NoData(hours=0)), "no rule"),
        (replace(BY_DAY, settings=Detector(least=-1.0)), "no amount"),
        (replace(BY_DAY, metric="unpriced_share", settings=Detector()), "the metric cannot be 'unpriced_share'"),
    ],
)
def test_what_cannot_be_is_refused_by_name(rule: Rule, said: str) -> None:
    """Before it is kept, and before it is tested."""
    with pytest.raises(InputError, match=said):
        row_of(rule)


def test_a_daily_cost_fires_from_the_hour_on_in_which_it_is_crossed_to_the_end_of_the_day(engine: Engine) -> None:
    """Days are those of the zone; what is at stake is what was spent beyond the limit."""
    dear = datetime(2026, 2, 20, 8, tzinfo=UTC)
    store(engine, calls(NOW - 30 * DAY, NOW), calls(dear, dear + 2 * HOUR, cost_usd="4", **SEARCH))
    tested = back_test(engine, BY_DAY, NOW, BERLIN, days=30)
    (fired,) = tested.firings
    # 00:00 in Berlin is 23:00 before: at 09:00 UTC eleven calls and both dear ones make $10.75.
    assert (fired.start, fired.end) == (datetime(2026, 2, 20, 9, tzinfo=UTC), datetime(2026, 2, 20, 23, tzinfo=UTC))
    assert (fired.value, fired.limit, fired.at_stake_nano_usd) == (14.0, 10.0, 4 * NANO)
    assert tested.at_stake_nano_usd == 4 * NANO
    (line,) = tested.lines
    assert len(line.values) == len(line.limits) == len(tested.buckets)
    assert firing_now(engine, BY_DAY, NOW, BERLIN) == []


@pytest.mark.parametrize(
    "rule",
    [
        BY_DAY,
        replace(BY_DAY, settings=Threshold(above=2.0, period="hour")),
        replace(BY_DAY, dimension="team", settings=Threshold(above=7.0)),
        replace(BY_DAY, settings=BurnRate(windows=(Window(1440, 1.5), Window(360, 1.5)))),
        replace(BY_DAY, settings=NoData(hours=3), dimension="team"),
    ],
)
def test_a_back_test_says_what_would_have_been_said(engine: Engine, rule: Rule) -> None:
    """A rule that is asked each hour fires exactly where its test says that it would have."""
    begin = NOW.replace(minute=0, second=0) - 3 * DAY
    quiet = begin + 30 * HOUR
    store(
        engine,
        calls(NOW - 40 * DAY, quiet, **SEARCH),
        calls(quiet + 6 * HOUR, NOW, **SEARCH),
        calls(NOW - 40 * DAY, NOW, **WEB),
        calls(begin + 20 * HOUR, begin + 24 * HOUR, every=10 * MINUTE, cost_usd="0.6", **WEB),
    )
    tested = back_test(engine, rule, begin + 60 * HOUR, UTC_BERLIN, days=2)
    assert tested.firings
    for hour in range(14, 61, 3):
        moment = begin + hour * HOUR
        now = {each.scope for each in firing_now(engine, rule, moment, UTC_BERLIN)}
        would = {each.scope for each in tested.firings if each.start < moment <= each.end}
        assert now == would, moment


UTC_BERLIN = ZoneInfo("UTC")


def test_a_limit_of_dollars_a_day_burns_out_in_minutes(engine: Engine) -> None:
    """A key that spends an hour's worth in minutes, as long as it does; the other key does not."""
    begin = NOW.replace(second=0) - 3 * HOUR
    rule = replace(BURN, dimension="key")
    store(engine, calls(NOW - 2 * DAY, NOW, cost_usd="0.5", **SEARCH), calls(NOW - 2 * DAY, NOW, cost_usd="0.5", **WEB))
    store(engine, calls(begin, begin + 20 * MINUTE, every=MINUTE, cost_usd="0.5", **WEB))
    *later, fired = back_test(engine, rule, NOW, BERLIN).firings
    assert fired.scope == Scope("key", "k2")
    assert fired.start == begin + 6 * MINUTE  # with that of the hour the eighth call
    assert fired.limit == pytest.approx(4.0)
    assert all(begin + 20 * MINUTE < each.start < begin + 80 * MINUTE for each in later), "the long window still burns"
    assert begin + 20 * MINUTE <= fired.end <= begin + 26 * MINUTE
    assert firing_now(engine, rule, begin + 15 * MINUTE, BERLIN)[0].start == fired.start
    assert firing_now(engine, rule, NOW, BERLIN) == []


def test_more_than_usual_over_days_is_a_leak(engine: Engine) -> None:
    """Half as much again for three days."""
    rule = replace(BY_DAY, settings=BurnRate(windows=(Window(3 * 1440, 1.4), Window(1440, 1.4))))
    store(engine, calls(NOW - 60 * DAY, NOW), calls(NOW - 20 * DAY, NOW - 15 * DAY, cost_usd="0.15"))
    add_up(engine, NOW, BERLIN)
    (fired,) = back_test(engine, rule, NOW, BERLIN, days=30).firings
    assert timedelta(days=1.5) < fired.start - (NOW - 20 * DAY) < 3 * DAY
    assert fired.at_stake_nano_usd is not None
    assert 0 < fired.at_stake_nano_usd < 5 * 24 * 0.15 * NANO


def test_silence_is_told_where_somebody_was_heard(engine: Engine) -> None:
    """After so many hours, until the next call; who never called is not missed."""
    gap = NOW.replace(minute=0, second=0) - 30 * HOUR
    store(
        engine,
        calls(NOW - 5 * DAY, gap, **SEARCH),
        calls(gap + 7 * HOUR, NOW, **SEARCH),
        calls(NOW - 2 * HOUR, NOW, **WEB),
    )
    rule = Rule(name="Silence", settings=NoData(hours=3), dimension="team")
    (fired,) = back_test(engine, rule, NOW, BERLIN, days=3).firings
    assert fired.scope == Scope("team", "t1")
    assert (fired.start - gap, fired.end - gap, fired.value) == (2 * HOUR, 7 * HOUR, 7.0)
    assert fired.at_stake_nano_usd is None
    assert spans(firing_now(engine, rule, gap + 3.5 * HOUR, BERLIN)) == [("t1", gap + 2 * HOUR, gap + 3.5 * HOUR)]


@pytest.mark.parametrize("member", ["k1", None])
def test_silence_is_an_alert_until_somebody_calls(engine: Engine, member: str | None) -> None:
    """However long where somebody is named, through restarts of the worker, and though others spend so much more.

    One of all keys is let go after a week: some are replaced and never come back.
    """
    gap = NOW.replace(minute=0, second=0) - 20 * DAY
    many = [
        make_event(completed_at=gap + 10 * DAY, cost_usd="9", api_key_hash=f"other{number}") for number in range(60)
    ]
    store(engine, calls(gap - 3 * DAY, gap, **SEARCH), many)
    save_rule(engine, row_of(Rule(name="Silence", settings=NoData(hours=3), dimension="key", member=member)), now=NOW)

    def ours(days: float) -> list[tuple[str, str]]:
        jobs = tuple(Job(each.name, each.every, each.run) for each in all_jobs() if each.name == "rules")
        clock = FakeClock(gap + days * DAY)
        assert run_once(Work(engine, Settings(timezone=BERLIN.key), clock=clock, jobs=jobs), lambda _done, _all: None)
        return [(each.state, each.title) for each in alerts(engine) if each.member == "k1"]

    assert ours(0.25) == [("open", "Silence: no call for 6 hours (key “one”)")]
    assert ours(6) == [("open", "Silence: no call for 144 hours (key “one”)")]
    if member is None:
        assert [state for state, _ in ours(9)] == ["resolved"]
        return
    assert ours(12) == [("open", "Silence: no call for 288 hours (key “one”)")]
    assert ours(19.5) == [("open", "Silence: no call for 468 hours (key “one”)")]
    store(engine, [make_event(completed_at=gap + 19.6 * DAY, **SEARCH)])
    assert [state for state, _ in ours(19.7)] == ["resolved"]
    (test,) = [
        each
        for each in back_test(engine, rule_of(rules(engine)[0]), gap + 19.5 * DAY, BERLIN).firings
        if each.scope.member == "k1"
    ]
    assert (test.start, test.value) == (gap + 2 * HOUR, 468.0)


@pytest.mark.parametrize(
    ("metric", "how", "limit"),
    [
        ("error_rate", {"status": Status.FAILURE, "cost_usd": None, "confidence": CostConfidence.FREE}, 0.3),
        ("unpriced_share", {"cost_usd": None, "confidence": CostConfidence.UNPRICED}, 0.3),
        ("latency_p95", {"latency_ms": 9000.0}, 5000.0),
    ],
)
def test_rates_and_latency_have_thresholds_too(engine: Engine, metric: str, how: dict[str, Any], limit: float) -> None:
    """Of an hour with calls enough; a bad call in a quiet hour is no rate."""
    bad = NOW.replace(minute=0, second=0) - 10 * HOUR
    many = calls(NOW - DAY, NOW, every=2 * MINUTE)
    store(engine, many, [make_event(completed_at=bad + number * MINUTE, **how) for number in range(40)])
    write_events(engine, [make_event(completed_at=NOW - 3 * DAY, **how)])
    rule = Rule(name="Bad", metric=metric, settings=Threshold(above=limit, period="hour"))
    (fired,) = back_test(engine, rule, NOW, BERLIN, days=5).firings
    assert (fired.start, fired.end) == (bad, bad + HOUR)
    assert fired.at_stake_nano_usd is None


def test_a_value_below_its_limit_is_judged_when_the_day_is_over(engine: Engine) -> None:
    """Every morning would be too low."""
    store(engine, calls(NOW - 5 * DAY, NOW - 3 * DAY), calls(NOW - 2 * DAY, NOW))
    rule = replace(BY_DAY, settings=Threshold(below=4.0))
    days = {
        fired.end.astimezone(BERLIN).date().isoformat()
        for fired in back_test(engine, rule, NOW, BERLIN, days=4).firings
    }
    assert days == {"2026-03-02", "2026-03-03"}


UNPRICED: dict[str, Any] = {"cost_usd": None, "confidence": CostConfidence.UNPRICED}


@pytest.mark.parametrize(
    "settings",
    [
        Threshold(below=4.0),
        Threshold(above=0.0),
        BurnRate(windows=(Window(1440, 1.0), Window(360, 1.0)), per_day=0.001),
        BurnRate(windows=(Window(60, 1.0), Window(5, 1.0)), per_day=0.001),
        BurnRate(windows=(Window(1440, 1.0),)),
    ],
)
def test_costs_that_nobody_knows_are_unknown_and_not_zero(engine: Engine, settings: Any) -> None:
    """No rule is fired by them, none of its points is drawn, and how many calls they are is said."""
    store(engine, calls(NOW - 3 * DAY, NOW, **UNPRICED))
    rule = replace(BY_DAY, settings=settings)
    tested = back_test(engine, rule, NOW, BERLIN, days=2)
    assert tested.firings == ()
    assert firing_now(engine, rule, NOW, BERLIN) == []
    (line,) = tested.lines
    assert np.isnan(line.values).any()
    assert not (line.values == 0).all()
    assert 45 <= tested.unpriced_requests <= 49


def test_how_many_calls_a_cost_does_not_hold_is_said(engine: Engine) -> None:
    """In the message, beside what is known; of other measures what was spent is unknown, not nothing."""
    store(engine, calls(NOW - DAY, NOW, **SEARCH), calls(NOW - 4 * HOUR, NOW, **UNPRICED))
    rule = replace(BY_DAY, settings=Threshold(above=2.0))
    (fired,) = firing_now(engine, rule, NOW, BERLIN)
    assert (fired.value, fired.unpriced_requests) == (3.25, 4)
    (finding,) = rule_findings(rule, [fired], BERLIN)
    assert "4 calls without a known price are not in it." in finding.body
    assert finding.details["unpriced_requests"] == 4
    of_many = Rule(name="Many", metric="requests", settings=Threshold(above=3, period="hour"), dimension="team")
    write_events(engine, [make_event(completed_at=NOW - MINUTE, **WEB, **UNPRICED) for _ in range(9)])
    (fired,) = firing_now(engine, of_many, NOW, BERLIN)
    assert (fired.value, fired.spent_nano_usd) == (9.0, None)
    assert rule_findings(of_many, [fired], BERLIN)[0].details["spent_usd"] is None


def test_what_is_usual_is_the_mean_of_what_is_known(engine: Engine) -> None:
    """Weeks without a price do not make the first ones with one look like twice as much."""
    store(engine, calls(NOW - 40 * DAY, NOW - 10 * DAY, **UNPRICED), calls(NOW - 10 * DAY, NOW))
    rule = replace(BY_DAY, settings=BurnRate(windows=(Window(1440, 1.5), Window(360, 1.5))))
    assert back_test(engine, rule, NOW, BERLIN, days=5).firings == ()


def test_the_detector_is_a_rule_too(engine: Engine) -> None:
    """It says when it would have alarmed, from so many dollars on."""
    spike = NOW.replace(minute=0, second=0) - 5 * DAY
    store(engine, calls(NOW - 80 * DAY, NOW), [make_event(completed_at=spike, cost_usd="30")])
    rule = Rule(name="Unusual", settings=Detector(period="hour", least=10.0))
    (fired,) = back_test(engine, rule, NOW, BERLIN, days=20).firings
    assert (fired.start, fired.value) == (spike, 30.25)
    assert fired.at_stake_nano_usd == pytest.approx(30 * NANO, rel=0.02)
    assert back_test(engine, replace(rule, settings=Detector(least=50.0)), NOW, BERLIN, days=20).firings == ()
    assert spans(firing_now(engine, rule, spike + 90 * MINUTE, BERLIN)) == [(None, spike, spike + HOUR)]


def test_without_calls_nothing_fires(engine: Engine) -> None:
    """Nor with members that there are not."""
    for rule in (BY_DAY, BURN, replace(BY_DAY, dimension="team"), Rule(name="Unusual", settings=Detector())):
        assert back_test(engine, rule, NOW, BERLIN, days=3).firings == ()
        assert firing_now(engine, rule, NOW, BERLIN) == []


def test_the_worker_tells_of_a_rule_that_fires_and_of_its_end(engine: Engine) -> None:
    """In words that a person understands; a rule that cannot be read keeps no other from firing."""
    store(engine, calls(NOW - 2 * DAY, NOW, cost_usd="1", **SEARCH))
    rule = Rule(name="Search is dear", settings=Threshold(above=10.0), dimension="team", owner="ana")
    kept = save_rule(engine, row_of(rule), now=NOW)
    broken = save_rule(engine, row_of(replace(rule, name="Broken")).model_copy(update={"settings": "{}x"}), now=NOW)
    jobs = tuple(Job(each.name, each.every, each.run) for each in all_jobs() if each.name in ("rules", "deliver"))
    clock = FakeClock(NOW)
    with webhook() as hook:
        work = Work(engine, Settings(alert_urls=hook.url, timezone=BERLIN.key), clock=clock, jobs=jobs)
        outcomes = []
        for _ in range(2):
            done = run_once(work, lambda _done, _all: None)
            assert done is not None
            outcomes.append([each.outcome.value for each in done.results])
            clock.advance(60)
            remove_rule(engine, broken.id or 0)
        remove_rule(engine, kept.id or 0)
        clock.advance(600)
        for _ in range(2):
            run_once(work, lambda _done, _all: None)
            clock.advance(60)
    assert outcomes == [["failed", "done"], ["done", "done"]]
    told, ended = hook.bodies
    assert told["title"] == "[warning] Search is dear: cost of the day is $13.00, above $10.00 (team “search”)"
    assert "$3.00 are at stake so far. It has been so since 2026-03-04 10:00 (Europe/Berlin)." in told["body"]
    assert (told["alerts"][0]["owner"], told["alerts"][0]["at_stake_usd"]) == ("ana", 3.0)
    assert ended["kind"] == "resolved"


def test_a_rule_that_fails_takes_nothing_back(engine: Engine) -> None:
    """Nobody knows whether it still holds, so that its alert goes on until the rule says otherwise."""
    store(engine, calls(NOW - 2 * DAY, NOW, cost_usd="1", **SEARCH))
    rule = Rule(name="Search is dear", settings=Threshold(above=10.0), dimension="team")
    kept = save_rule(engine, row_of(rule), now=NOW)
    save_rule(engine, row_of(replace(rule, name="All is dear", dimension="total")), now=NOW)
    clock = FakeClock(NOW)
    context = JobContext(engine, Settings(timezone=BERLIN.key), clock=clock)
    watched = Rules(Routes())
    assert watched(context).startswith("Alerts: 2 opened")

    def said(settings: str) -> None:
        with changing(engine) as connection:
            row = table_of(AlertRule)
            connection.execute(update(row).where(row.c.id == kept.id).values(settings=settings))

    said("{}x")
    for _ in range(10):
        clock.advance(60)
        with pytest.raises(InputError, match="1 of 2 rules cannot be evaluated: Search is dear"):
            watched(context)
    assert [each.state for each in alerts(engine, sources=("rule",))] == ["open", "open"]
    said(row_of(replace(rule, settings=Threshold(above=1000.0))).settings)
    clock.advance(600)
    assert watched(context).startswith("Alerts: 1 resolved")


def test_each_kind_says_what_it_means() -> None:
    """Value, limit and unit."""
    fired = Firing(
        scope=Scope("key", "k2"), label="two", start=NOW, end=NOW + HOUR, value=9.0, limit=4.0,
        at_stake_nano_usd=5 * NANO, spent_nano_usd=9 * NANO,
    )  # fmt: skip
    said = [
        rule_findings(rule, [fired], BERLIN)[0].title
        for rule in (
            BURN,
            replace(BY_DAY, settings=NoData()),
            Rule(name="Errors", metric="error_rate", settings=Threshold(below=0.5, period="hour")),
            Rule(name="Unusual", settings=Detector()),
        )
    ]
    assert said == [
        "Fast: $9.00 in 60 minutes (key “two”)",
        "Daily cost: no call for 9 hours (key “two”)",
        "Errors: error rate of the hour is 900.0%, below 50.0% (key “two”)",
        "Unusual: cost of the hour is $9.00, which is not as expected (key “two”)",
    ]


def test_the_detector_is_asked_only_for_what_it_judges() -> None:
    """Costs of a call are judged by the day: a rule of the hour would stop when it is evaluated."""
    with pytest.raises(InputError, match="cost_per_request is not judged by the hour"):
        row_of(Rule(name="dear calls", settings=Detector(), metric="cost_per_request"))
