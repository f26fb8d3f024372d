from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from usage_plugin.demo import fill, plan
from usage_plugin.demo.company import TEAMS
from usage_plugin.demo.generate import generate
from usage_plugin.demo.workloads import WORKLOADS
from usage_plugin.event import CostConfidence
from usage_plugin.rules import rule_of
from usage_plugin.store.budgets import budgets
from usage_plugin.store.calendar import planned_events
from usage_plugin.store.rules import rules

NOW = datetime(2026, 11, 20, 15, 24, 10, tzinfo=UTC)


def test_what_is_generated_is_what_is_stored(engine: Engine) -> None:
    """Rows, totals and money are those of the events, on both databases; progress ends at the end."""
    seen: list[tuple[int, int]] = []
    result = fill(engine, NOW, days=2, progress=lambda done, total: seen.append((done, total)))
    count, events = generate(NOW, days=2)
    known = [event for event in events if event.cost.confidence is not CostConfidence.UNPRICED]
    with engine.connect() as connection:
        rows, cost = connection.execute(text("SELECT COUNT(*), SUM(cost_nano_usd) FROM usage_record")).one()
        total = connection.execute(text("SELECT SUM(cost_nano_usd) FROM usage_daily")).scalar_one()
    assert rows == result.calls == count
    assert cost == total == sum(event.cost.cost_nano_usd or 0 for event in known)
    assert seen[-1] == (count, count)
    assert result.until == NOW


def test_filling_twice_is_filling_once(engine: Engine) -> None:
    """The keys decide, so an interrupted run can be repeated."""
    fill(engine, NOW, days=1)
    fill(engine, NOW, days=1)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT COUNT(*) FROM usage_record")).scalar_one()
    assert rows == generate(NOW, days=1)[0]


def test_a_moment_right_after_the_hour_works() -> None:
    """The last hour has only just begun."""
    on_the_hour = NOW.replace(minute=0, second=0) + timedelta(microseconds=1)
    count, events = generate(on_the_hour, days=1)
    assert len(list(events)) == count > 0


def test_the_company_has_budgets_rules_and_a_calendar(engine: Engine) -> None:
    """Each is of somebody who makes calls, and one event is over while another comes."""
    plan(engine, NOW)
    callers = {f"team-{team}" for team in TEAMS} | {workload.feature for workload in WORKLOADS}
    kept, events = budgets(engine), planned_events(engine)
    assert len({budget.period for budget in kept}) == 4
    assert len({budget.action for budget in kept}) == 3
    assert {budget.part.member for budget in kept if budget.part.member} <= callers
    assert {event.member for event in events} <= callers
    assert {rule_of(row).kind.value for row in rules(engine)} == {"threshold", "burn rate", "no data"}
    assert sorted(event.ends_at < NOW for event in events) == [False, True]
