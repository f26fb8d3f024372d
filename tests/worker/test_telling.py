"""The worker's look at what is known: an anomaly, a budget and a failing job reach a channel."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from tests.alerts.receiving import webhook
from usage_plugin.alerts.anomalies import anomaly_findings
from usage_plugin.periods import Period
from usage_plugin.settings import Settings
from usage_plugin.store.alerts import alerts
from usage_plugin.store.analysis_tables import AnomalyRow
from usage_plugin.store.anomalies import keep, set_state
from usage_plugin.store.budgets import Budget, save_budget
from usage_plugin.store.database import changing
from usage_plugin.store.part import Part
from usage_plugin.store.write import write_events
from usage_plugin.testing import FakeClock, make_event
from usage_plugin.worker import Job, JobContext, Work, run_once
from usage_plugin.worker.registry import all_jobs
from usage_plugin.worker.telling import budgets_told

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
NANO = 1_000_000_000
ANOMALY = AnomalyRow(
    anomaly_key="a" * 32, series_key="b" * 32, metric="cost", granularity="hour", dimension="team", member="t1",
    label="search", kind="runaway", started_at=NOW - 3 * HOUR, peak_at=NOW - HOUR, ended_at=NOW, is_over=False,
    expected=2.0 * NANO, actual=42.0 * NANO, peak_actual=20.0 * NANO, z=12.0, severity=3.0, at_stake_nano_usd=40 * NANO,
    headline="Cost of team “search” since 09:30: $42.00 where $2.00 was expected. Key “batch” drove it.",
    explanation="{}", state="open", found_at=NOW, updated_at=NOW,
)  # fmt: skip


def fail(_context: JobContext) -> str:
    msg = "no such thing"
    raise KeyError(msg)


def work(engine: Engine, url: str, clock: FakeClock, folder: Path) -> None:
    """Let the jobs of the worker that tell run once, and one that fails."""
    file = folder / "alerts.yaml"
    file.write_text("group_for: 0s\ndigest: {}\nchannels: {ops: {webhook: os.environ/OPS_HOOK}}")
    settings = Settings(alerts_file=file)
    telling = (each for each in all_jobs() if each.name in ("budgets", "tell", "deliver"))
    jobs = (*telling, Job("mine", HOUR, fail))
    done = run_once(
        Work(engine, settings, clock=clock, jobs=jobs, environment={"OPS_HOOK": url}), lambda _done, _all: None
    )
    assert done is not None
    assert [each.job for each in done.results if each.outcome == "failed"] == ["mine"]


def test_what_is_known_is_told_and_its_end_too(engine: Engine, tmp_path: Path) -> None:
    """An anomaly that is looked at, a budget that is spent, a job that fails: in one message, by dollars."""
    clock = FakeClock(NOW)
    with changing(engine) as connection:
        (row,) = keep(connection, [ANOMALY.model_copy()])
    write_events(engine, [make_event(completed_at=NOW - HOUR, team_id="t1", cost_usd="25")])
    part = Part.of("team", "t1")
    save_budget(
        engine, Budget(name="search", part=part, amount_nano_usd=20 * NANO, period=Period.DAY, owner="ana"), NOW
    )
    with webhook() as hook:
        work(engine, hook.url, clock, tmp_path)
        clock.advance(60)
        work(engine, hook.url, clock, tmp_path)
        told = {each["source"]: each for body in hook.bodies for each in body["alerts"]}
        assert (told["anomaly"]["severity"], told["anomaly"]["at_stake_usd"]) == ("warning", 40.0)
        assert told["anomaly"]["title"] == "Cost of team “search” since 09:30: $42.00 where $2.00 was expected"
        assert told["anomaly"]["details"]["actual_usd"] == 42.0
        assert (told["budget"]["severity"], told["budget"]["at_stake_usd"]) == ("critical", 5.0)
        assert told["budget"]["title"] == "Budget “search” is spent: $25.00 of $20.00"
        assert told["budget"]["owner"] == "ana"
        assert told["pipeline"]["title"].startswith("The worker's job “mine” failed at 2026-03-04 12:30 UTC: KeyError")
        before = len(hook.bodies)
        set_state(engine, row.id or 0, "false alarm", by="ana", note=None, now=clock())
        clock.advance(60)
        work(engine, hook.url, clock, tmp_path)
    (end,) = hook.bodies[before:]
    assert [(each["source"], each["state"]) for each in end["alerts"]] == [("anomaly", "resolved")]
    assert {each.source: each.state for each in alerts(engine)} == {
        "anomaly": "resolved",
        "budget": "open",
        "pipeline": "open",
    }


def test_history_and_what_is_explained_are_no_news(engine: Engine, tmp_path: Path) -> None:
    """Nor what somebody called expected; what somebody looks after is an alert without a message."""
    changes: tuple[dict[str, Any], ...] = (
        {"started_at": NOW - 80 * HOUR, "ended_at": NOW - 79 * HOUR, "is_over": True},
        {"merged_into_id": 99},
        {"state": "expected"},
        {"state": "acknowledged", "state_by": "ben"},
    )
    rows = [
        ANOMALY.model_copy(update={"anomaly_key": f"{number:032x}", **change}) for number, change in enumerate(changes)
    ]
    with changing(engine) as connection:
        keep(connection, rows)
    with webhook() as hook:
        clock = FakeClock(NOW)
        work(engine, hook.url, clock, tmp_path)
        told = [each for body in hook.bodies for each in body["alerts"] if each["source"] == "anomaly"]
    assert told == []
    (found,) = alerts(engine, sources=("anomaly",))
    assert (found.state, found.state_by) == ("acknowledged", "ben")


def test_what_ended_while_no_worker_ran_is_told_when_it_is_found(engine: Engine) -> None:
    """For as long as any news; what ended days ago is history."""
    ended = {"started_at": NOW - 24 * HOUR, "is_over": True, "found_at": NOW}
    late = ANOMALY.model_copy(update={**ended, "anomaly_key": "1" * 32, "ended_at": NOW - 20 * HOUR})
    old = ANOMALY.model_copy(update={**ended, "anomaly_key": "2" * 32, "ended_at": NOW - 80 * HOUR})
    with changing(engine) as connection:
        keep(connection, [late, old])
    assert len(anomaly_findings(engine, NOW + HOUR)) == 1
    assert anomaly_findings(engine, NOW + 7 * HOUR) == []


def test_a_rolling_budget_that_stays_spent_is_one_alert(engine: Engine) -> None:
    """Its days move on each midnight, which is no news; a month that begins is another month."""
    rolling = Budget(
        name="rolling", part=Part(), amount_nano_usd=20 * NANO, period=Period.ROLLING, rolling_days=30, id=None
    )
    save_budget(engine, rolling, NOW)
    save_budget(engine, replace(rolling, name="monthly", period=Period.MONTH, rolling_days=None), NOW)
    write_events(engine, [make_event(completed_at=NOW - HOUR, cost_usd="25")])
    clock = FakeClock(NOW)
    context = JobContext(engine, Settings(timezone="Europe/Berlin"), clock=clock)
    for _ in range(29):
        budgets_told(context)
        clock.advance(24 * 3600)
    found = [(each.title.partition("”")[0], each.state) for each in alerts(engine, sources=("budget",))]
    assert sorted(found) == [("Budget “monthly", "resolved"), ("Budget “rolling", "open")]
    clock.advance(3 * 24 * 3600)
    assert budgets_told(context) == "Alerts: 1 resolved."
