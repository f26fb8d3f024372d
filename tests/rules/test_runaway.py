"""The watch over the last minutes: calls in a database in, who runs away out, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from tests.alerts.receiving import webhook
from usage_plugin.alerts.runaways import runaway_findings
from usage_plugin.analysis.burn import Runaway
from usage_plugin.event import CostConfidence, UsageEvent
from usage_plugin.rules.minutes import TOTAL, Measured, Recent, Scope
from usage_plugin.rules.past_weeks import PastWeeks
from usage_plugin.rules.runaway import Case, Limits, watch
from usage_plugin.settings import Settings
from usage_plugin.store import read
from usage_plugin.store.calendar import plan_event
from usage_plugin.store.sheets.build import add_up
from usage_plugin.store.write import write_events
from usage_plugin.store.zones import UTC_ZONE
from usage_plugin.testing import FakeClock, make_event
from usage_plugin.worker import Job, Work, run_once
from usage_plugin.worker.registry import all_jobs

NOW = datetime(2026, 3, 4, 12, 30, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
BATCH = {
    "api_key_hash": "b4tch",
    "api_key_alias": "nightly-batch",
    "user_id": "ana",
    "team_id": "t1",
    "team_alias": "search",
}
OTHER = {"api_key_hash": "0ther", "api_key_alias": "website", "user_id": "ben", "team_id": "t2", "team_alias": "web"}
WHAT = Limits(dollars=Runaway(least_per_point=5 / 60), unpriced=Runaway(least_per_point=600 / 60))


def calls(
    start: datetime, end: datetime, per_minute: float, cost_usd: str | None = "0.05", **who: Any
) -> Iterator[UsageEvent]:
    """Make calls that end at equal distances."""
    step, moment = MINUTE / per_minute, start
    while moment < end:
        yield make_event(completed_at=moment, cost_usd=cost_usd, **who)
        moment += step


def store(engine: Engine, *some: Iterator[UsageEvent]) -> None:
    write_events(engine, [event for each in some for event in each])


@pytest.fixture
def busy(engine: Engine) -> Engine:
    """Two keys that have called each other minute for two days, and the last hours added up."""
    since = NOW - timedelta(days=2, hours=3)
    store(engine, calls(since, NOW, 1, **BATCH), calls(since, NOW, 0.2, cost_usd="0.5", **OTHER))
    add_up(engine, NOW, UTC_ZONE)
    return engine


def look(engine: Engine, now: datetime = NOW, known: tuple[Scope, ...] = ()) -> list[Case]:
    recent = Recent(engine)
    recent.catch_up(now)
    return watch(recent, PastWeeks(engine), WHAT, known)


def test_a_loop_is_told_of_its_key_alone_with_what_it_costs(busy: Engine) -> None:
    """Not of its user, its team and all calls too, which it explains."""
    assert look(busy) == []
    begin = NOW.replace(second=0) - 2 * MINUTE
    store(busy, calls(begin, NOW, 19, **BATCH, model="gpt-4o", model_group="gpt-4o"))
    (case,) = look(busy)
    assert (case.scope, case.label) == (Scope("key", "b4tch"), "nightly-batch")
    assert (case.start, case.end) == (begin, NOW.replace(second=0))
    assert case.actual == pytest.approx(2.0)
    assert (case.requests, case.unpriced_requests) == (40, 0)
    assert case.expected == pytest.approx(0.1, rel=0.02)
    assert case.per_hour == pytest.approx(60)
    (finding,) = runaway_findings(busy, [case], UTC_ZONE)
    assert finding.title == "Key “nightly-batch” runs away: $60.00 an hour, 20 times as much as usual"
    assert finding.body == (
        "Key “nightly-batch” in the 2 minutes from 12:28 to 12:30: $2.00 where $0.100 was expected, $1.90 more "
        "(20 times as much). Model “gpt-4o”, never seen before, drove it: $1.90, all of the change. "
        "These were 40 requests, mostly of user “ana”, team “search”, model “gpt-4o”. "
        "If it goes on, an hour of it costs $60.00."
    )
    assert finding.at_stake_nano_usd == pytest.approx(1_900_000_000, rel=0.01)


def test_what_many_do_is_told_of_all_of_them(busy: Engine) -> None:
    """Five keys of a team that are all too much: the team, where no single key is."""
    begin = NOW.replace(second=0) - 3 * MINUTE
    team = {"team_id": "t3", "team_alias": "agents"}
    keys = [{"api_key_hash": f"k{number}", "user_id": f"u{number}", **team} for number in range(12)]
    store(busy, *(calls(NOW - 20 * HOUR, NOW, 0.05, cost_usd="0.01", **key) for key in keys))
    store(busy, *(calls(begin, NOW, 1.2, cost_usd="0.06", **key) for key in keys))
    (case,) = look(busy)
    assert (case.scope, case.label) == (Scope("team", "t3"), "agents")


def test_it_goes_on_until_it_ends(busy: Engine) -> None:
    """Its begin stays the same, and what it costs grows."""
    begin = NOW.replace(second=0)
    store(busy, calls(begin, begin + 30 * MINUTE, 19, **BATCH))
    recent, weeks, key = Recent(busy), PastWeeks(busy), Scope("key", "b4tch")
    seen: list[Case] = []
    for minute in range(1, 46, 9):
        recent.catch_up(NOW + minute * MINUTE)
        seen += watch(recent, weeks, WHAT, (key,) if seen else ())
    assert {case.start for case in seen} == {begin}
    assert {case.scope for case in seen} == {key}
    assert [case.actual for case in seen] == sorted(case.actual for case in seen)
    assert len(seen) == 4


def test_the_minutes_that_are_known_are_not_read_again(engine: Engine) -> None:
    """Catching up minute by minute knows the same as reading all at once; a call that comes late is seen."""
    recent = Recent(engine)
    for minute in range(0, 40, 4):
        now = NOW + minute * MINUTE
        store(engine, calls(now - 3 * MINUTE, now, 3, **BATCH), calls(now - 9 * MINUTE, now - 8 * MINUTE, 2, **OTHER))
        recent.catch_up(now)
    fresh = Recent(engine)
    fresh.catch_up(now)
    scopes = [TOTAL, Scope("key", "b4tch"), Scope("user", "ben"), Scope("team", "t1")]
    for known in (Recent.dollars, Recent.requests, Recent.unpriced):
        assert known(recent, scopes).tolist() == known(fresh, scopes).tolist()
    assert (
        recent.requests(scopes)[0].sum()
        == read.totals(engine, read.Question(start=NOW - HOUR, end=now.replace(second=0))).requests
    )


def test_a_clock_that_is_set_back_stops_no_watch(busy: Engine) -> None:
    """Minutes that are still to come are forgotten; a runaway in the minutes that come again is told."""
    recent = Recent(busy)
    for now in (NOW - 2 * HOUR, NOW, NOW - HOUR):
        recent.catch_up(now)
        fresh = Recent(busy)
        fresh.catch_up(now)
        assert recent.requests([TOTAL]).tolist() == fresh.requests([TOTAL]).tolist()
    begin = (NOW - HOUR).replace(second=0)
    store(busy, calls(begin, begin + 3 * MINUTE, 19, **BATCH))
    recent.catch_up(begin + 3 * MINUTE)
    assert [case.scope for case in watch(recent, PastWeeks(busy), WHAT, ())] == [Scope("key", "b4tch")]


def test_calls_without_a_price_are_counted_and_cost_nobody_knows(engine: Engine) -> None:
    """They make no dollars of their own."""
    store(engine, calls(NOW - 5 * MINUTE, NOW, 4, **BATCH))
    write_events(
        engine, [make_event(completed_at=NOW - 2 * MINUTE, cost_usd=None, confidence=CostConfidence.UNPRICED, **BATCH)]
    )
    recent = Recent(engine)
    recent.catch_up(NOW)
    (unpriced,), (dollars,) = recent.unpriced([TOTAL]), recent.dollars([TOTAL])
    assert unpriced.sum() == 1
    assert dollars.sum() == pytest.approx(0.05 * recent.requests([TOTAL]).sum() - 0.05, abs=0.051)


UNPRICED: dict[str, Any] = {"cost_usd": None, "confidence": CostConfidence.UNPRICED}


def test_calls_whose_price_nobody_knows_run_away_too(busy: Engine) -> None:
    """By how many they are; the message says that their price is unknown."""
    since, begin = NOW - timedelta(hours=30), NOW.replace(second=0) - 2 * MINUTE
    own = {**BATCH, "api_key_hash": "l0cal", "api_key_alias": "local-agent", "model": "own-7b"}
    store(busy, calls(since, NOW, 1, **own, **UNPRICED))
    assert look(busy) == []
    store(busy, calls(begin, NOW, 30, **own, **UNPRICED))
    (case,) = look(busy)
    assert (case.scope, case.by, case.start) == (Scope("key", "l0cal"), Measured.UNPRICED, begin)
    assert (case.actual, case.spent_nano_usd, case.unpriced_requests) == (62, 0, 62)
    (finding,) = runaway_findings(busy, [case], UTC_ZONE)
    assert finding.title == (
        "Key “local-agent” runs away: 1,860 requests an hour without a known price, 31 times as much as usual"
    )
    assert finding.body == (
        "Key “local-agent” in the 2 minutes from 12:28 to 12:30: 62 requests where 2 requests were expected, "
        "60 requests more (31 times as much). "
        "These were 62 requests, mostly of user “ana”, team “search”, model “own-7b”. "
        "Their price is unknown: nobody can say what they cost. If it goes on, an hour of it is 1,860 requests."
    )
    assert finding.at_stake_nano_usd is None
    assert "actual_usd" not in finding.details


def test_who_runs_away_in_dollars_is_told_in_dollars(busy: Engine) -> None:
    """Once, with how many calls have no price."""
    begin = NOW.replace(second=0) - 2 * MINUTE
    store(busy, calls(begin, NOW, 19, **BATCH), calls(begin, NOW, 300, **BATCH, **UNPRICED))
    (case,) = look(busy)
    assert (case.scope, case.by, case.unpriced_requests) == (Scope("key", "b4tch"), Measured.DOLLARS, 600)


def test_calls_that_lose_their_price_are_no_runaway(engine: Engine) -> None:
    """There are as many as before."""
    begin = NOW.replace(second=0) - 5 * MINUTE
    many: dict[str, Any] = {"calls": 60, **BATCH}
    store(engine, calls(NOW - 30 * HOUR, begin, 2, "3", **many), calls(begin, NOW, 2, **(many | UNPRICED)))
    assert look(engine) == []


def test_what_the_same_hour_of_other_weeks_cost_is_usual(engine: Engine) -> None:
    """A job of each Wednesday noon is none, though the days before were quiet."""
    quiet = calls(NOW - 50 * HOUR, NOW, 0.1, **BATCH)
    weekly = [
        calls(NOW - week * 168 * HOUR - 5 * MINUTE, NOW - week * 168 * HOUR, 600, **BATCH) for week in (1, 2, 3, 4)
    ]
    begin = NOW.replace(second=0) - 5 * MINUTE
    store(engine, quiet, calls(begin, NOW, 20, **BATCH), *weekly[:0])
    assert [case.scope for case in look(engine)] == [Scope("key", "b4tch")]
    store(engine, *weekly)
    assert look(engine) == []
    add_up(engine, NOW, UTC_ZONE)
    assert look(engine) == []


def test_weeks_before_are_read_once_an_hour(engine: Engine) -> None:
    """A watch looks each minute, and what was a week ago does not change by then; whoever is new is asked about."""
    store(engine, calls(NOW - 2 * HOUR, NOW, 20, **BATCH), calls(NOW - 2 * HOUR, NOW, 20, **OTHER))
    recent, weeks = Recent(engine), PastWeeks(engine)
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    def statements(now: datetime, *keys: str) -> int:
        recent.catch_up(now)
        asked.clear()
        usual = weeks.by_minute(recent, Measured.DOLLARS, [Scope("key", key) for key in keys])
        assert usual.shape == (len(keys), recent.points)
        return len(asked)

    assert statements(NOW, "b4tch") > 0
    assert statements(NOW + 10 * MINUTE, "b4tch") == 0
    assert statements(NOW + 11 * MINUTE, "b4tch", "0ther") > 0
    assert statements(NOW + 12 * MINUTE, "b4tch", "0ther") == 0
    assert statements(NOW + HOUR, "b4tch", "0ther") > 0


def test_a_planned_event_is_no_runaway(busy: Engine) -> None:
    """Of its scope, or of all."""
    store(busy, calls(NOW - 3 * MINUTE, NOW, 19, **BATCH))
    cases = look(busy)
    plan_event(busy, "other", starts_at=NOW - HOUR, ends_at=NOW + HOUR, dimension="key", member="0ther", now=NOW)
    assert len(runaway_findings(busy, cases, UTC_ZONE)) == 1
    plan_event(busy, "load test", starts_at=NOW - HOUR, ends_at=NOW + HOUR, dimension="key", member="b4tch", now=NOW)
    assert runaway_findings(busy, cases, UTC_ZONE) == []


def test_the_worker_tells_within_a_minute_and_of_the_end(busy: Engine, tmp_path: Path) -> None:
    """Once, critical, and resolved some minutes after the loop has ended."""
    clock = FakeClock(NOW)
    begin = NOW.replace(second=0)
    store(busy, calls(begin, begin + 4 * MINUTE, 19, **BATCH))
    with webhook() as hook:
        jobs = tuple(
            Job(each.name, each.every, each.run) for each in all_jobs() if each.name in ("watch", "tell", "deliver")
        )
        work = Work(busy, Settings(alert_urls=hook.url), clock=clock, jobs=jobs)
        told_after: list[int] = []
        for minute in range(22):
            assert run_once(work, lambda _done, _all: None) is not None
            told_after += [minute] * (len(hook.bodies) - len(told_after))
            clock.advance(60)
    opened, resolved = hook.bodies
    assert [opened["kind"], resolved["kind"]] == ["open", "resolved"]
    assert told_after[0] <= 2
    assert opened["alerts"][0]["severity"] == "critical"
    assert opened["title"].startswith("[critical] Key “nightly-batch” runs away: $")
