"""What the gate is told of spend, beside what both databases hold."""

from __future__ import annotations

import itertools
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from usage_plugin.errors import NoLongerKept, StoreUnavailable
from usage_plugin.event import UsageEvent
from usage_plugin.gate import Account, Gate, Limit, Refused
from usage_plugin.hold import spending
from usage_plugin.hold.counted import EXACTLY_EVERY_S
from usage_plugin.hold.learned import MOST_CALLS_REMEMBERED
from usage_plugin.hold.spending import (
    AGAIN_AFTER_S,
    BUDGETS_EVERY_S,
    COUNT_EVERY_S,
    HURRIED_TURN_EVERY_S,
    TURN_EVERY_S,
    TURN_S,
    Spending,
)
from usage_plugin.periods import Period, span_of
from usage_plugin.store import spend, write
from usage_plugin.store.budgets import Action, Budget, budgets, remove_budget, save_budget
from usage_plugin.store.database import connect, writing
from usage_plugin.store.part import Part
from usage_plugin.store.prune import prune
from usage_plugin.store.read import Question, totals
from usage_plugin.store.read.answer import answered
from usage_plugin.store.retention import Retention
from usage_plugin.store.write import write_events
from usage_plugin.testing import FakeClock, make_event

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BLUE = Budget(name="blue", part=Part.read("team=blue"), amount_nano_usd=10**9, period=Period.MONTH, action=Action.BLOCK)


@dataclass
class Bench:
    """A gate and what tells it, on a clock that moves when told."""

    engine: Engine
    gate: Gate
    spending: Spending
    clock: FakeClock

    def attend(self, seconds: float = 0.0) -> None:
        self.clock.advance(seconds)
        self.spending.attend(self.engine, all_is_stored=True)

    def accounts(self) -> dict[str, Account]:
        plan = self.gate.plan
        every = [*plan.everybody, *(each for members in plan.members for them in members.values() for each in them)]
        return {account.limit.name: account for account in every}

    def spent(self, name: str = "blue") -> int:
        return self.accounts()[name].spent_nano_usd


@pytest.fixture
def bench(engine: Engine) -> Bench:
    clock = FakeClock(NOW)
    gate = Gate(lambda: clock().timestamp())
    spending = Spending(gate, BERLIN, lambda _key: None, clock, lambda: clock().timestamp())
    return Bench(engine, gate, spending, clock)


def call(**of: object) -> UsageEvent:
    return make_event(**{"completed_at": NOW, "team_id": "blue", "cost_usd": "0.1"} | of)


def test_budgets_come_and_go(bench: Bench) -> None:
    """Within seconds, without a word to the proxy; alerts limit nobody, nor does what is switched off."""
    bench.attend()
    assert bench.gate.is_open
    blue = save_budget(bench.engine, BLUE, NOW)
    save_budget(bench.engine, replace(BLUE, name="told", action=Action.ALERT), NOW)
    write_events(bench.engine, [call(), call(team_id="red")])
    bench.attend(BUDGETS_EVERY_S)
    assert (list(bench.accounts()), bench.spent()) == (["blue"], 10**8)
    save_budget(bench.engine, replace(blue, is_enabled=False), NOW + timedelta(seconds=1))
    bench.attend(BUDGETS_EVERY_S)
    assert bench.gate.is_open
    save_budget(bench.engine, replace(blue, amount_nano_usd=7), NOW + timedelta(seconds=2))
    bench.attend(BUDGETS_EVERY_S)
    assert (bench.accounts()["blue"].limit.amount_nano_usd, bench.spent()) == (7, 10**8)
    assert blue.id is not None
    remove_budget(bench.engine, blue.id, NOW)
    bench.attend(BUDGETS_EVERY_S)
    assert bench.gate.is_open


def test_others_calls_are_counted_within_a_second(bench: Bench) -> None:
    """Whoever stored them; a call's own reservation goes when it is counted, and not before."""
    save_budget(bench.engine, BLUE, NOW)
    write_events(bench.engine, [call()])
    bench.attend()
    assert bench.gate.ask(bench.gate.plan, "k", (("blue",),), "gpt-4o-mini") is None
    (account,) = bench.accounts().values()
    assert account.in_flight_nano_usd == 10**8  # as the one before
    write_events(bench.engine, [call(cost_usd="0.3"), call(team_id=None), call(cost_usd=None)])
    bench.attend(COUNT_EVERY_S)
    assert (account.spent_nano_usd, account.in_flight_nano_usd) == (4 * 10**8, 10**8)
    write_events(bench.engine, [call(cost_usd="0.2")])
    bench.spending.stored(["k"])
    bench.attend()  # what was just stored is counted at once
    assert (account.spent_nano_usd, account.in_flight_nano_usd) == (6 * 10**8, 0)


def test_a_call_needs_room_in_all_above_its_budget(bench: Bench) -> None:
    """A parent that nothing was spent of is no obstacle; one that is spent is, also for other members of its parts."""
    top = save_budget(
        bench.engine, replace(BLUE, name="top", part=Part.read("organization=acme"), amount_nano_usd=10**8), NOW
    )
    middle = save_budget(bench.engine, replace(BLUE, name="middle", action=Action.ALERT, parent_id=top.id), NOW)
    save_budget(bench.engine, replace(BLUE, name="leaf", part=Part.read("tag=x"), parent_id=middle.id), NOW)
    bench.attend()
    plan = bench.gate.plan
    assert set(plan.dimensions) == {"organization", "team", "tag"}

    serial = itertools.count()

    def verdict(**members: str) -> object:
        scopes = tuple((members[each],) if each in members else () for each in bench.gate.plan.dimensions)
        return bench.gate.ask(bench.gate.plan, f"{members} {next(serial)}", scopes, None)

    assert verdict(tag="x") is None
    write_events(bench.engine, [call(organization_id="acme")])
    bench.attend(COUNT_EVERY_S)
    for members in ({"tag": "x"}, {"team": "blue"}, {"organization": "acme"}):
        refused = verdict(**members)
        assert isinstance(refused, Refused), members
        assert refused.limit.name == "top"
    assert verdict(tag="y", team="red") is None
    save_budget(bench.engine, replace(middle, is_enabled=False), NOW)
    bench.attend(BUDGETS_EVERY_S)
    assert isinstance(verdict(tag="x"), Refused)


def test_a_budget_that_could_not_be_counted_is_counted_next(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no room for everything until somebody looks exactly, a minute later."""
    write_events(bench.engine, [call() for _ in range(12)])
    save_budget(bench.engine, BLUE, NOW)

    def away(*_of: object) -> None:
        raise StoreUnavailable("locked", "wait")

    with monkeypatch.context() as patch:
        patch.setattr(spending, "spent_since", away)
        with pytest.raises(StoreUnavailable):
            bench.attend()
        assert bench.gate.is_open
    bench.attend(COUNT_EVERY_S)
    assert bench.spent() == 12 * 10**8


def test_a_database_that_is_away_is_asked_once_a_second(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the thread looks more often while a budget has no limit yet."""
    save_budget(bench.engine, BLUE, NOW)
    asked = list[datetime]()

    def away(*_of: object) -> None:
        asked.append(bench.clock())
        raise StoreUnavailable("locked", "wait")

    with monkeypatch.context() as patch:
        patch.setattr(spending, "spent_since", away)
        for _ in range(60):
            with suppress(StoreUnavailable):
                bench.attend(HURRIED_TURN_EVERY_S)
    assert len(asked) == 3
    bench.attend(AGAIN_AFTER_S)
    assert not bench.gate.is_open


def test_a_group_that_asks_another_model_is_known_by_that(bench: Bench) -> None:
    """What a group asked long ago is forgotten, so that limits of a model are asked again."""
    asked = {"model_group": "chat", "provider": "openai", "cost_usd": "0.0001", "team_id": "red"}
    save_budget(bench.engine, replace(BLUE, part=Part.read("model=new"), amount_nano_usd=10**12), NOW)
    write_events(bench.engine, [call(model="old", **asked)])
    bench.attend()
    assert bench.gate.plan.only_target["chat"] == ("old", "openai")
    write_events(bench.engine, [call(model="new", **asked) for _ in range(MOST_CALLS_REMEMBERED + 1)])
    bench.attend(COUNT_EVERY_S)
    assert bench.gate.plan.only_target["chat"] == ("new", "openai")


def test_a_new_period_begins_with_nothing(bench: Bench) -> None:
    """At midnight in Berlin; a late call of yesterday is yesterday's."""
    save_budget(bench.engine, replace(BLUE, period=Period.DAY), NOW)
    save_budget(bench.engine, replace(BLUE, name="two days", period=Period.ROLLING, rolling_days=2), NOW)
    write_events(bench.engine, [call()])
    bench.attend()
    assert (bench.spent(), bench.spent("two days")) == (10**8, 10**8)
    bench.attend(11 * 3600 + 1)
    assert (bench.spent(), bench.spent("two days")) == (0, 10**8)
    midnight = datetime(2026, 11, 20, 23, tzinfo=UTC)
    write_events(
        bench.engine,
        [
            call(completed_at=midnight - timedelta(microseconds=1), cost_usd="0.2"),
            call(completed_at=midnight, cost_usd="0.4"),
        ],
    )
    bench.attend(COUNT_EVERY_S)
    assert (bench.spent(), bench.spent("two days")) == (4 * 10**8, 7 * 10**8)


def test_no_call_meets_a_new_period_with_the_spend_of_the_old_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks between the two steps in which an account begins a period: the old one's spend would refuse."""
    save_budget(bench.engine, replace(BLUE, period=Period.DAY, amount_nano_usd=5 * 10**8), NOW)
    write_events(bench.engine, [call() for _ in range(5)])
    bench.attend()
    begin, serial, verdicts = Account.renew, itertools.count(), list[object]()

    def ask() -> None:
        gate = bench.gate
        verdicts.append(gate.ask(gate.plan, f"k{next(serial)}", (("blue",),), None))

    def renew(account: Account, limit: Limit) -> None:
        ask()
        begin(account, limit)
        ask()

    monkeypatch.setattr(Account, "renew", renew)
    ask()
    assert isinstance(verdicts.pop(), Refused)
    bench.attend(12 * 3600)
    assert verdicts == [None, None]
    assert bench.accounts()["blue"].limit.starts_at == datetime(2026, 11, 20, 23, tzinfo=UTC)


MIDNIGHT = datetime(2026, 11, 20, 23, tzinfo=UTC)
"""In Berlin."""


def pruned(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no sum can be told exactly."""

    def answered(*_of: Any, **_how: Any) -> Any:
        raise NoLongerKept("pruned", "ask about a later time")

    monkeypatch.setattr(spend, "answered", answered)


def test_many_budgets_turn_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last of sixty is limited by what is spent after midnight, however long all take to be counted exactly."""
    teams = [f"t{number}" for number in range(60)]
    for team in teams:
        save_budget(bench.engine, replace(BLUE, name=team, part=Part.read(f"team={team}"), period=Period.DAY), NOW)
    while len(bench.accounts()) < len(teams):
        bench.attend(HURRIED_TURN_EVERY_S)
    real = spend._cost

    def slow(connection: Connection, question: Question) -> int | None:
        bench.clock.advance(2 * TURN_S)
        return real(connection, question)

    monkeypatch.setattr(spend, "_cost", slow)
    bench.clock.now = MIDNIGHT
    verdicts = list[object]()
    for key in map(str, range(30)):
        verdicts.append(bench.gate.ask(bench.gate.plan, key, (("t59",),), None))
        if verdicts[-1] is None:
            write_events(bench.engine, [call(team_id="t59", completed_at=bench.clock())])
            bench.spending.stored([key])
        bench.attend(0.1)
    assert (verdicts[:10], None in verdicts[10:]) == ([None] * 10, False)
    assert {account.limit.starts_at for account in bench.accounts().values()} == {MIDNIGHT}


def test_calls_of_the_new_period_that_came_before_its_turn_count_in_it(bench: Bench) -> None:
    """The clock of whoever stored them is a little ahead, or they came while this process looked."""
    for name, period, days in (("day", Period.DAY, None), ("rolling", Period.ROLLING, 2)):
        save_budget(bench.engine, replace(BLUE, name=name, period=period, rolling_days=days), NOW)
    bench.attend()
    bench.clock.now = MIDNIGHT - timedelta(seconds=2)
    bench.attend()
    write_events(bench.engine, [call(completed_at=MIDNIGHT), call(completed_at=bench.clock(), cost_usd="0.2")])
    bench.attend(COUNT_EVERY_S)
    assert (bench.spent("day"), bench.spent("rolling")) == (2 * 10**8, 2 * 10**8)
    bench.spending._counted = {
        number: replace(each, due_s=bench.clock().timestamp() + EXACTLY_EVERY_S)
        for number, each in bench.spending._counted.items()
    }
    bench.attend(COUNT_EVERY_S)
    assert (bench.spent("day"), bench.spent("rolling")) == (10**8, 3 * 10**8)
    write_events(bench.engine, [call(completed_at=bench.clock(), cost_usd="0.4")])
    bench.attend(COUNT_EVERY_S)
    assert (bench.spent("day"), bench.spent("rolling")) == (5 * 10**8, 7 * 10**8)


def test_what_nobody_can_count_exactly_begins_anew_and_drops_its_days(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new day begins with nothing; of three days only those stay that are in them, also those of before."""
    save_budget(bench.engine, replace(BLUE, name="day", period=Period.DAY), NOW)
    save_budget(bench.engine, replace(BLUE, name="three", period=Period.ROLLING, rolling_days=3), NOW)
    before = [(NOW - timedelta(days=2), "0.1"), (NOW - timedelta(days=1), "0.01"), (NOW, "0.001")]
    write_events(bench.engine, [call(completed_at=moment, cost_usd=cost) for moment, cost in before])
    bench.attend()
    assert (bench.spent("day"), bench.spent("three")) == (10**6, 111 * 10**6)
    pruned(bench, monkeypatch)
    costs = [111 * 10**6]
    for _ in range(5):
        bench.attend(86400)
        assert bench.spent("day") == 0
        write_events(bench.engine, [call(completed_at=bench.clock(), cost_usd="0.2")])
        bench.attend(COUNT_EVERY_S)
        assert bench.spent("day") == 2 * 10**8
        costs.append(bench.spent("three"))
    assert costs[1:] == [211 * 10**6, 401 * 10**6, *[6 * 10**8] * 3]


def test_days_without_a_database_are_of_their_own_periods(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is back, what was spent on the days between is not of today."""
    save_budget(bench.engine, replace(BLUE, period=Period.DAY), NOW)
    write_events(bench.engine, [call()])
    bench.attend()
    pruned(bench, monkeypatch)
    bench.clock.advance(3 * 86400)
    moments = [bench.clock() - timedelta(days=days) for days in range(4)]
    write_events(bench.engine, [call(completed_at=moment, cost_usd="0.2") for moment in moments])
    bench.attend()
    assert bench.spent() == 2 * 10**8


@pytest.mark.parametrize("is_pruned", [False, True])
def test_another_kind_of_period_goes_on_with_what_is_known(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, is_pruned: bool
) -> None:
    """Then it has the whole year's; what cannot be counted goes on with what is known, until that period ends."""
    blue = save_budget(bench.engine, replace(BLUE, period=Period.DAY), NOW)
    write_events(bench.engine, [call()])
    bench.attend()
    if is_pruned:
        pruned(bench, monkeypatch)
    save_budget(bench.engine, replace(blue, period=Period.YEAR), NOW)
    bench.attend(86400)
    assert (bench.accounts()["blue"].limit.period, bench.spent()) == ("a year", 10**8)
    bench.attend(365 * 86400)
    assert bench.spent() == 0


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, 5), max_size=4), min_size=1, max_size=5))
def test_periods_that_turn_need_no_exact_sum(bench: Bench, steps: list[list[int]]) -> None:
    """Calls of hours and days, one after the other: what is known is what the read door says."""
    kinds = {"day": (Period.DAY, None), "week": (Period.WEEK, None), "rolling": (Period.ROLLING, 3)}
    known = {each.name: each for each in budgets(bench.engine)}
    for name, (period, days) in kinds.items():
        if name not in known:
            save_budget(bench.engine, replace(BLUE, name=name, period=period, rolling_days=days), bench.clock())
    bench.attend(BUDGETS_EVERY_S)
    for hours in steps:
        for each in hours:
            bench.clock.advance(each * 5 * 3600)
            write_events(bench.engine, [call(completed_at=bench.clock())])
            for counted in bench.spending._counted.values():
                counted.due_s = float("inf")
            bench.attend(COUNT_EVERY_S)
            for name, (period, days) in kinds.items():
                span = span_of(period, bench.clock(), BERLIN, days)
                usage = totals(bench.engine, BLUE.part.question(span.start, span.end, BERLIN))
                assert bench.spent(name) == (usage.cost_nano_usd or 0), name


def test_a_row_of_a_transaction_that_ended_late_is_counted(bench: Bench) -> None:
    """Its number is below one that was seen before it."""
    if bench.engine.dialect.name == "sqlite":
        pytest.skip("one transaction writes at a time")
    save_budget(bench.engine, BLUE, NOW)
    write_events(bench.engine, [call()])
    bench.attend()
    with writing(bench.engine).connect() as slow, slow.begin():
        # Another user at another hour, so that the other transaction need not wait for this one.
        write._store(slow, write._coming([call(cost_usd="0.2", user_id="u")], ()))
        write_events(bench.engine, [call(cost_usd="0.3", completed_at=NOW + timedelta(hours=2))])
        bench.attend(COUNT_EVERY_S)
        assert bench.spent() == 4 * 10**8
    bench.attend(COUNT_EVERY_S)
    assert bench.spent() == 6 * 10**8
    bench.attend(COUNT_EVERY_S)
    assert bench.spent() == 6 * 10**8


def test_a_withdrawn_row_is_put_right_within_a_minute(bench: Bench) -> None:
    """The late report of a call replaces the row that stood in for it."""
    save_budget(bench.engine, BLUE, NOW)
    interim = call(cost_usd="0.5")
    write_events(bench.engine, [interim])
    bench.attend()
    write_events(bench.engine, [call(cost_usd="0.2", replaces=interim.event_key)])
    bench.attend(COUNT_EVERY_S)
    assert bench.spent() == 7 * 10**8
    bench.attend(EXACTLY_EVERY_S)
    assert bench.spent() == 2 * 10**8


def test_an_outage_loses_no_reservation(bench: Bench) -> None:
    """Calls that were stored and not counted yet are counted when the database is back."""
    save_budget(bench.engine, BLUE, NOW)
    bench.attend()
    bench.gate.ask(bench.gate.plan, "k", (("blue",),), None)
    bench.spending.understood([("k", 3), ("other", 4), ("k", None)])
    (account,) = bench.accounts().values()
    assert account.in_flight_nano_usd == 3
    write_events(bench.engine, [call()])
    bench.spending.stored(["k"])
    away = connect("postgresql+psycopg://u:p@127.0.0.1:9/none")
    with pytest.raises(StoreUnavailable):
        bench.spending.attend(away, all_is_stored=True)
    assert account.in_flight_nano_usd == 3
    bench.attend(AGAIN_AFTER_S)
    assert (account.spent_nano_usd, account.in_flight_nano_usd) == (10**8, 0)


def test_forgotten_reservations_end(bench: Bench) -> None:
    """A call that was folded away with others never comes by its name."""
    save_budget(bench.engine, BLUE, NOW)
    write_events(bench.engine, [call()])
    bench.attend()
    bench.gate.ask(bench.gate.plan, "k", (("blue",),), None)
    bench.attend(EXACTLY_EVERY_S)
    assert len(bench.gate) == 1
    bench.attend(EXACTLY_EVERY_S)
    assert len(bench.gate) == 0


QUESTION_S = 0.02


@pytest.fixture
def asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Name whom is counted exactly, and let each question take a while."""
    names, real = list[str](), spend._cost

    def cost(connection: Connection, question: Question) -> int | None:
        bench.clock.advance(QUESTION_S)
        names.append("total" if question.team == () else str(question.team[0]))
        return real(connection, question)

    monkeypatch.setattr(spend, "_cost", cost)
    return names


def test_many_budgets_are_counted_in_turns(bench: Bench, asked: list[str]) -> None:
    """No turn is long; from its first count on each is exact, whatever is stored meanwhile."""
    teams = [f"t{number}" for number in range(12)]
    for team in teams:
        save_budget(bench.engine, replace(BLUE, name=team, part=Part.read(f"team={team}")), NOW)
    stored = Counter[str]()

    def turn(number: int) -> int:
        team, before = teams[number % len(teams)], len(asked)
        write_events(bench.engine, [call(team_id=team, cost_usd="0.1")])
        stored[team] += 10**8
        bench.attend(TURN_EVERY_S)
        counted = {name: account.spent_nano_usd for name, account in bench.accounts().items()}
        if len(asked) > before:  # else news may be a second old
            assert counted == {name: stored[name] for name in counted}
        return len(asked) - before

    first = [turn(0)]
    assert bench.spending.rest_s == HURRIED_TURN_EVERY_S
    first += [turn(number) for number in range(1, 6)]
    assert bench.spending.rest_s == TURN_EVERY_S
    assert max(first) == -(-TURN_S // QUESTION_S)
    assert (sorted(asked), set(bench.accounts())) == (sorted(teams), set(teams))
    began, numbers = bench.clock(), itertools.count(6)
    while bench.clock() - began < timedelta(seconds=EXACTLY_EVERY_S):
        assert turn(next(numbers)) <= 1
    assert set(Counter(asked).values()) <= {2, 3}
    assert len(asked) <= 2 * len(teams) + 2
    bench.attend(COUNT_EVERY_S)
    assert {name: account.spent_nano_usd for name, account in bench.accounts().items()} == stored


def test_what_limits_nobody_is_not_counted(bench: Bench, asked: list[str]) -> None:
    """Another amount, name or threshold needs no new count either; another period does."""
    blue = save_budget(bench.engine, BLUE, NOW)
    red = save_budget(bench.engine, replace(BLUE, name="red", part=Part.read("team=red")), NOW)
    write_events(bench.engine, [call()])
    bench.attend()
    assert sorted(asked) == ["blue", "red"]
    told = save_budget(bench.engine, replace(BLUE, name="told", action=Action.ALERT), NOW)
    bench.attend(BUDGETS_EVERY_S)
    save_budget(bench.engine, replace(told, amount_nano_usd=3), NOW)
    save_budget(bench.engine, replace(red, amount_nano_usd=3), NOW)
    bench.attend(BUDGETS_EVERY_S)
    assert bench.accounts()["red"].limit.amount_nano_usd == 3
    assert sorted(asked) == ["blue", "red"]
    save_budget(bench.engine, replace(blue, period=Period.YEAR), NOW)
    bench.attend(BUDGETS_EVERY_S)
    assert asked[2:] == ["blue"]
    assert (bench.accounts()["blue"].limit.period, bench.spent()) == ("a year", 10**8)


def test_a_budget_of_pruned_calls_goes_on_with_what_it_knew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And with what comes; the others are counted as ever. The log says it once."""
    for team in ("blue", "red"):
        save_budget(bench.engine, replace(BLUE, name=team, part=Part.read(f"team={team}")), NOW)
    write_events(bench.engine, [call(), call(team_id="red")])
    bench.attend()
    interim = [call(team_id=team, cost_usd="0.5") for team in ("blue", "red")]
    write_events(bench.engine, interim)
    bench.attend(COUNT_EVERY_S)
    ends = [replace(each, event_key=each.event_key[::-1], replaces=each.event_key) for each in interim]
    write_events(bench.engine, ends)

    def pruned(connection: Connection, question: Question, **how: Any) -> Any:
        if question.team == ("blue",):
            raise NoLongerKept("pruned", "ask about a later time")
        return answered(connection, question, **how)

    monkeypatch.setattr(spend, "answered", pruned)
    bench.attend(COUNT_EVERY_S)
    for _ in range(3):
        bench.attend(EXACTLY_EVERY_S)
    assert (bench.spent("blue"), bench.spent("red")) == (11 * 10**8, 6 * 10**8)
    write_events(bench.engine, [call(cost_usd="0.2")])
    bench.attend(COUNT_EVERY_S)
    assert bench.spent("blue") == 13 * 10**8
    assert caplog.text.count("budget_not_counted_exactly") == 1


PARTS = ("total", "team=blue", "team=red", "user=u", "tag=a", "tag=b", "feature=f", "end_user=e", "model=gpt-4o-mini")
# The first moment of the month in Berlin, and others around it.
FIRST = datetime(2026, 10, 31, 23, tzinfo=UTC)
MOMENTS = (NOW, FIRST, FIRST - timedelta(seconds=1), NOW - timedelta(days=50), NOW + timedelta(days=30))
some_calls = st.lists(
    st.builds(
        call,
        completed_at=st.sampled_from(MOMENTS),
        team_id=st.sampled_from([None, "blue", "red"]),
        user_id=st.sampled_from([None, "u"]),
        end_user_id=st.sampled_from([None, "e"]),
        feature=st.sampled_from([None, "f"]),
        tags=st.sampled_from([(), ("a",), ("a", "b"), ("b", "c")]),
        model=st.sampled_from(["gpt-4o-mini", "other"]),
        cost_usd=st.sampled_from([None, "0", "0.1", "0.000000001"]),
    ),
    max_size=12,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(some_calls, min_size=1, max_size=4), st.sampled_from([Period.DAY, Period.MONTH, Period.YEAR]))
def test_counted_bit_by_bit_is_what_the_read_door_says(
    bench: Bench, batches: list[list[UsageEvent]], period: Period
) -> None:
    """Any calls, in any portions, by any dimension."""
    known = {each.name: each for each in budgets(bench.engine)}
    for name in PARTS:
        new = replace(BLUE, name=name, part=Part.read(name), period=period)
        save_budget(bench.engine, replace(known.get(name, new), period=period), bench.clock())
    bench.attend(BUDGETS_EVERY_S)
    for events in batches:
        write_events(bench.engine, [replace(event, event_key=make_event().event_key) for event in events])
        bench.attend(COUNT_EVERY_S)
    span = span_of(period, bench.clock(), BERLIN)
    counted = {name: account.spent_nano_usd for name, account in bench.accounts().items()}
    asked = {name: totals(bench.engine, Part.read(name).question(span.start, span.end, BERLIN)) for name in PARTS}
    assert counted == {name: usage.cost_nano_usd or 0 for name, usage in asked.items()}


def test_what_is_gone_makes_no_budget_free_and_none_that_is_counted_less(bench: Bench) -> None:
    """A proxy that has counted all of it goes on with that; one that starts later counts what is kept."""
    month = [call(completed_at=NOW - timedelta(days=day)) for day in reversed(range(10))]
    write_events(bench.engine, month)
    save_budget(bench.engine, BLUE, NOW)
    bench.attend()
    assert bench.spent() == 10 * 10**8
    prune(bench.engine, Retention(1, 3, 0), NOW)
    for _ in range(3):
        bench.attend(EXACTLY_EVERY_S)
    assert bench.spent() == 10 * 10**8
    later = Gate(lambda: bench.clock().timestamp())
    restarted = Spending(later, BERLIN, lambda _key: None, bench.clock, lambda: bench.clock().timestamp())
    started = replace(bench, gate=later, spending=restarted)
    started.attend()
    assert started.spent() == 4 * 10**8
