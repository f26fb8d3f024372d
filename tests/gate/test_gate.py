"""The gate by itself: what is reserved, counted and given back, and whom that lets through."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usage_plugin.gate import Account, Beyond, Degraded, Gate, Limit, Plan, Recall, Refused
from usage_plugin.gate.recall import PLACES

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def limit(amount: int, *, beyond: Beyond = Beyond.BLOCK, name: str = "b", is_rolling: bool = False) -> Limit:
    group = "cheap" if beyond is Beyond.DEGRADE else None
    ends = NOW + timedelta(days=1)
    return Limit(
        budget_id=1, name=name, amount_nano_usd=amount, beyond=beyond, degrade_to=group,
        starts_at=NOW, ends_at=ends, is_rolling=is_rolling,
    )  # fmt: skip


def gate_of(*accounts: Account, mean: int = 10) -> Gate:
    gate = Gate(NOW.timestamp)
    gate.put_up(Plan(everybody=dict.fromkeys(accounts), means_nano_usd={"dear": mean, "cheap": 1}, usual_nano_usd=5))
    return gate


def ask(gate: Gate, key: str, group: str = "dear", *, may_degrade: bool = True) -> str:
    """Ask as the handler does: for the other group, too, where a call is sent there."""
    verdict = gate.ask(gate.plan, key, (), group, may_degrade=may_degrade)
    sent_to = verdict.group if isinstance(verdict, Degraded) else None
    if sent_to is not None:
        verdict = gate.ask(gate.plan, key, (), sent_to)
    if isinstance(verdict, Refused):
        return "spent" if verdict.is_spent else "busy"
    return sent_to or "go"


def test_nobody_is_asked_without_limits() -> None:
    """The event loop looks at one attribute."""
    gate = Gate()
    assert gate.is_open
    gate.put_up(Plan(everybody={Account(limit(1)): None}))
    assert not gate.is_open
    gate.put_up(Plan())
    assert gate.is_open


def test_calls_in_flight_take_room() -> None:
    """Three of ten go through a limit of thirty; when one turns out cheaper there is room again."""
    account = Account(limit(30))
    gate = gate_of(account)
    assert [ask(gate, str(number)) for number in range(5)] == ["go", "go", "go", "busy", "busy"]
    gate.count({account: 4}, ["0"])
    assert (account.spent_nano_usd, account.in_flight_nano_usd) == (4, 20)
    assert [ask(gate, "5"), ask(gate, "6")] == ["go", "busy"]
    gate.count({account: 60}, ["1", "2", "5"])
    assert (account.spent_nano_usd, account.in_flight_nano_usd, ask(gate, "7")) == (64, 0, "spent")


def test_a_call_that_is_asked_for_twice_is_reserved_once() -> None:
    """LiteLLM may ask again for the same request."""
    account = Account(limit(10))
    gate = gate_of(account)
    assert [ask(gate, "a"), ask(gate, "a")] == ["go", "go"]
    assert (account.in_flight_nano_usd, len(gate)) == (10, 1)


def test_a_call_that_nobody_will_know_again_reserves_nothing() -> None:
    """It is refused like any other."""
    account = Account(limit(10))
    gate = gate_of(account)
    assert [gate.ask(gate.plan, None, (), "dear") for _ in range(3)] == [None, None, None]
    assert (account.in_flight_nano_usd, len(gate)) == (0, 0)
    gate.count({account: 10}, [])
    assert isinstance(gate.ask(gate.plan, None, (), "dear"), Refused)


def test_a_group_that_nobody_called_is_reserved_with_the_usual() -> None:
    """Better than nothing."""
    account = Account(limit(30))
    gate = gate_of(account)
    assert ask(gate, "a", "new") == "go"
    assert account.in_flight_nano_usd == 5


def test_a_call_of_several_groups_is_reserved_with_what_all_cost() -> None:
    """All of them answer; one that nobody called is reserved with the usual."""
    account = Account(limit(30))
    gate = gate_of(account)
    assert gate.ask(gate.plan, "a", (), "dear,cheap,new", several=("dear", "cheap", "new")) is None
    assert account.in_flight_nano_usd == 10 + 1 + 5


def test_degraded_calls_go_on_and_count() -> None:
    """With what the other group costs; who asks for that group already, or cannot be sent there, goes on as he is."""
    account = Account(limit(10, beyond=Beyond.DEGRADE))
    gate = gate_of(account)
    assert [ask(gate, "a"), ask(gate, "b"), ask(gate, "c", "cheap")] == ["go", "cheap", "go"]
    assert account.in_flight_nano_usd == 12
    assert ask(gate, "d", may_degrade=False) == "go"


def test_a_call_that_is_to_go_elsewhere_reserves_nothing_yet() -> None:
    """The other group may have limits of its own."""
    spent, other = Account(limit(10, beyond=Beyond.DEGRADE)), Account(limit(0))
    gate = Gate(NOW.timestamp)
    plan = Plan(everybody={spent: None}, dimensions=("model",), members=({"cheap": {other: None}},), usual_nano_usd=10)
    gate.put_up(plan)
    assert gate.ask(plan, "a", ((),), "dear", may_degrade=True) is None
    assert isinstance(gate.ask(plan, "b", ((),), "dear", may_degrade=True), Degraded)
    assert (len(gate), spent.in_flight_nano_usd) == (1, 10)
    refused = gate.ask(plan, "b", (("cheap",),), "cheap")
    assert isinstance(refused, Refused)
    assert refused.limit is other.limit


def test_scopes_that_come_again_meet_the_same_accounts() -> None:
    """As many as are remembered, and more."""
    accounts = {str(number): Account(limit(100, name=str(number))) for number in range(9)}
    plan = Plan(dimensions=("user",), members=({name: {account: None} for name, account in accounts.items()},))
    for number in range(3 * PLACES):
        mine = str(number % 10)
        for _ in range(number % 4):
            assert plan.accounts_of(((mine, f"u{number}"),)) == ((accounts[mine],) if mine in accounts else ())
    assert replace(plan, usual_nano_usd=7).met is plan.met


def test_what_comes_twice_is_remembered() -> None:
    """It keeps its place beside whatever comes once, and leaves it to another that comes twice."""
    recall = Recall[str]()
    recall.put(1, "one")
    assert recall.get(1) is None
    recall.put(1, "one")
    recall.put(1 + PLACES, "other")
    assert (recall.get(1), recall.get(1 + PLACES)) == ("one", None)
    recall.put(1 + PLACES, "other")
    assert (recall.get(1), recall.get(1 + PLACES)) == (None, "other")


def test_a_refusal_goes_before_another_group() -> None:
    """Whichever limit is looked at first."""
    both = [Account(limit(0, beyond=Beyond.DEGRADE)), Account(limit(0))]
    assert ask(gate_of(*both), "a") == ask(gate_of(*reversed(both)), "a") == "spent"


def test_a_refused_call_takes_no_room() -> None:
    """Neither of the limit that refused it nor of any other."""
    spent, other = Account(limit(0)), Account(limit(100))
    gate = gate_of(other, spent)
    assert ask(gate, "a") == "spent"
    assert (other.in_flight_nano_usd, len(gate)) == (0, 0)


def test_members_of_many_dimensions_meet_their_limits_once() -> None:
    """A call with two tags of one budget's parent reserves there once."""
    parent, red, blue = (Account(limit(100, name=name)) for name in ("parent", "red", "blue"))
    gate = Gate()
    members = ({"red": {red: None, parent: None}, "blue": {blue: None, parent: None}}, {"team": {parent: None}})
    plan = Plan(dimensions=("tag", "team"), members=members, usual_nano_usd=7)
    gate.put_up(plan)
    assert gate.ask(plan, "k", (("red", "blue", "green"), ("team",)), None) is None
    assert [each.in_flight_nano_usd for each in (parent, red, blue)] == [7, 7, 7]
    assert gate.ask(plan, "l", (("green",), ()), None) is None
    assert len(gate) == 1


@pytest.mark.parametrize(("is_rolling", "verdict"), [(False, "go"), (True, "spent")])
def test_a_period_that_is_over_has_room(is_rolling: bool, verdict: str) -> None:
    """Until the next one is counted; a rolling one goes on with the days that stay in it."""
    now_s = [NOW.timestamp()]
    gate, account = Gate(lambda: now_s[0]), Account(limit(30, is_rolling=is_rolling))
    gate.put_up(Plan(everybody={account: None}))
    gate.count({}, [], {account: 50})
    assert ask(gate, "a") == "spent"
    now_s[0] += 86400
    assert ask(gate, "b") == verdict


def test_a_period_that_is_over_has_room_for_calls_in_flight_alone() -> None:
    """While the database is away nobody counts: what is reserved is limited as ever, and no call is told of a reset."""
    now_s = [NOW.timestamp()]
    gate, account = Gate(lambda: now_s[0]), Account(limit(30))
    gate.put_up(Plan(everybody={account: None}, usual_nano_usd=10))
    gate.count({}, [], {account: 50})
    now_s[0] += 86400
    assert [ask(gate, str(number)) for number in range(5)] == ["go", "go", "go", "busy", "busy"]
    gate.correct("0", 5)
    assert [ask(gate, "5"), ask(gate, "6")] == ["go", "busy"]


def test_a_cost_that_is_known_early_takes_the_place_of_the_guess() -> None:
    """While the database is away calls are not counted, but what they cost is known."""
    account = Account(limit(100))
    gate = gate_of(account)
    ask(gate, "a")
    for _ in range(2):  # a batch that cannot be stored is read again
        gate.correct("a", 90)
    gate.correct("nobody", 5)
    assert account.in_flight_nano_usd == 90
    assert [ask(gate, "b"), ask(gate, "c")] == ["go", "busy"]
    gate.count({account: 90}, ["a"])
    assert (account.spent_nano_usd, account.in_flight_nano_usd) == (90, 10)


def test_what_nobody_knows_any_more_is_named() -> None:
    """Old, and not in flight."""
    now_s = [0.0]
    gate = Gate(lambda: now_s[0])
    gate.put_up(Plan(everybody={Account(limit(30)): None}))
    for now_s[0], key in ((0.0, "old"), (1.0, "running"), (50.0, "young")):
        ask(gate, key)
    now_s[0] = 100.0
    assert gate.forgotten(lambda key: key == "running", 60) == ["old"]


calls = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6), st.booleans()), max_size=60)


@settings(max_examples=300)
@given(calls, st.integers(1, 200), st.integers(0, 30))
def test_overshoot_is_what_was_in_flight(calls: list[tuple[int, int, bool]], amount: int, mean: int) -> None:
    """Whatever calls cost and whenever they end: beyond the amount go at most the calls in flight at the last leave."""
    account = Account(limit(amount))
    gate = gate_of(account, mean=mean)
    running, spent, most_beyond = dict[str, int](), 0, 0
    for number, (cost, ending, is_known_early) in enumerate(calls):
        if ask(gate, str(number)) == "go":
            running[str(number)] = cost
            assert spent < amount
            most_beyond = sum(running.values())
        for key in list(running)[:ending]:
            if is_known_early:
                gate.correct(key, running[key])
            spent += (ended := running.pop(key))
            gate.count({account: ended}, [key])
        assert account.spent_nano_usd == spent
        assert account.in_flight_nano_usd >= 0
    gate.count({account: sum(running.values())}, list(running))
    assert (account.in_flight_nano_usd, len(gate)) == (0, 0)
    assert account.spent_nano_usd <= amount + most_beyond
