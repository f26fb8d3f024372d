"""Sheets of totals beside the calls that they add up: whatever is asked, both say the same to the billionth."""

from __future__ import annotations

import dataclasses
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select

from tests.extent import extent
from usage_plugin.event import Attribution, CostConfidence, Status, UsageEvent
from usage_plugin.store import read
from usage_plugin.store.quarters import floor_quarter
from usage_plugin.store.read import Dimension, Granularity, Question
from usage_plugin.store.read.contents import TOTAL, fetch
from usage_plugin.store.read.plan import plan
from usage_plugin.store.read.wish import Wish
from usage_plugin.store.sheets import build, fold
from usage_plugin.store.sheets.build import add_up
from usage_plugin.store.tables import UsageSegment, UsageSheet, table_of
from usage_plugin.store.verify import verify
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

START = datetime(2026, 3, 28, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
# Each crosses a change of its clocks, or is no whole hour from UTC, or both.
ZONES = {
    "UTC": START,
    "Europe/Berlin": datetime(2026, 3, 27, tzinfo=UTC),
    "Asia/Kolkata": START,
    "Asia/Kathmandu": START,
    "America/St_Johns": datetime(2026, 10, 31, tzinfo=UTC),
    "Australia/Lord_Howe": datetime(2026, 4, 3, tzinfo=UTC),
}


def calls(count: int, *, start: datetime = START, days: int = 4, seed: int = 1) -> list[UsageEvent]:
    """Make calls that differ in everything, skewed: some values have most calls, most values few."""
    chance = random.Random(seed)
    return [_call(chance, start, days) for _ in range(count)]


def of_owners(events: Sequence[UsageEvent]) -> list[UsageEvent]:
    """Give each key to a user with a team, an organization and a project; one key changes hands after two days."""
    return [dataclasses.replace(event, who=_owner(event)) for event in events]


def _owner(event: UsageEvent) -> Attribution:
    if event.who.api_key_hash is None:
        return dataclasses.replace(event.who, user_id=None, team_id=None, organization_id=None, project_id=None)
    number = int(event.who.api_key_hash[1:])
    is_handed_on = number == 1 and event.timing.completed_at >= START + timedelta(days=2)
    return dataclasses.replace(
        event.who,
        user_id="u3" if is_handed_on else f"u{number // 2}",
        team_id=f"t{number % 5}",
        organization_id=f"o{number % 2}",
        project_id=f"j{number % 3}" if number % 7 else None,
    )


def _call(chance: random.Random, start: datetime, days: int) -> UsageEvent:
    def skewed(name: str, size: int) -> str | None:
        number = int(chance.paretovariate(0.7)) - 1
        return None if number >= size else f"{name}{number}"

    cost, confidence = chance.choice(
        [(Decimal(chance.randrange(10**9)).scaleb(-9), kind) for kind in ("exact", "estimated", "partial")]
        + [(None, "unpriced"), (Decimal(0), "free"), (Decimal(0), "cached")]
    )
    prompt, completion = chance.randrange(5000), chance.randrange(900)
    return make_event(
        completed_at=start + timedelta(seconds=chance.random() * days * 86_400),
        provider=skewed("p", 3) or "p0",
        model=skewed("m", 20),
        team_id=skewed("t", 9),
        team_alias="Name",
        organization_id=skewed("o", 2),
        user_id=skewed("u", 60),
        api_key_hash=skewed("k", 80),
        project_id=skewed("j", 5),
        end_user_id=skewed("e", 400),
        feature=skewed("f", 4),
        environment=skewed("v", 3),
        tags=tuple(dict.fromkeys(filter(None, (skewed("g", 12) for _ in range(chance.randrange(4)))))),
        call_type=chance.choice(["acompletion", "aembedding"]),
        status=chance.choice([Status.SUCCESS] * 5 + list(Status)),
        is_terminal=chance.random() > 0.05,
        cache_hit=chance.random() < 0.1,
        latency_ms=round(chance.lognormvariate(7, 1), chance.choice((0, 9))),
        ttft_ms=chance.choice([None, chance.lognormvariate(5, 1)]),
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        calls=chance.choice([1] * 20 + [3]),
        cost_usd=cost,
        confidence=CostConfidence(confidence),
    )


def without_sheets(engine: Engine) -> None:
    with engine.begin() as connection:
        for table in (UsageSheet, UsageSegment):
            connection.execute(delete(table_of(table)))


def answers(engine: Engine, questions: Sequence[Question]) -> list[Any]:
    """Ask all that can be asked; the parts that are ranked are brought into an order that does not depend on it."""
    return [_answers(engine, question) for question in questions]


def _answers(engine: Engine, question: Question) -> Any:
    members = sorted(read.members(engine, question), key=lambda entry: str(entry[0].value))
    stack = read.stack(engine, question, top=400)
    rows = sorted(zip(stack.members, stack.cost_nano_usd, strict=True), key=lambda entry: str(entry[0].value))
    return (
        read.totals(engine, question),
        read.series(engine, question),
        [(member.value, usage) for member, usage in members],
        [(member.value, costs) for member, costs in rows],
        read.confidence(engine, question),
        read.latency_p95_ms(engine, question),
        read.latency_p95_series(engine, question, column="ttft_ms", share=0.5).p95_ms,
    )


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    """Every filter with every split, some with two filters or several values, in days and hours."""
    whole = Question(start=START, end=START + timedelta(days=4), granularity=Granularity.DAY)
    values = {
        Dimension.PROVIDER: "p0", Dimension.MODEL: "m1", Dimension.TEAM: "t0", Dimension.ORGANIZATION: "o0",
        Dimension.USER: "u3", Dimension.KEY: "k0", Dimension.PROJECT: "j1", Dimension.END_USER: "e2",
        Dimension.FEATURE: "f0", Dimension.TAG: "g0", Dimension.ENVIRONMENT: "v1",
        Dimension.CALL_TYPE: "aembedding", Dimension.STATUS: "success",
    }  # fmt: skip
    chance, found = random.Random(5), [whole.grouped_by(by) for by in Dimension]
    for filtered, value in values.items():
        for by in chance.sample(list(Dimension), 4):
            only: dict[str, Any] = {filtered.value: (value,)}
            found.append(dataclasses.replace(whole, group_by=by, **only))
        other = chance.choice([each for each in Dimension if each is not filtered])
        two: dict[str, Any] = {filtered.value: (value, None), other.value: (values[other],)}
        found.append(dataclasses.replace(whole, group_by=chance.choice(list(Dimension)), **two))
    ragged = whole.between(START + timedelta(hours=7, minutes=13), START + timedelta(days=3, hours=5, seconds=7))
    return [*found, ragged, dataclasses.replace(ragged, granularity=Granularity.HOUR, tag=("g0", "g1"))]


@pytest.fixture(scope="module")
def questions_of_users() -> list[Question]:
    """Users of whom some share a key one after the other, alone and with another filter, with every split."""
    whole = Question(start=START, end=START + timedelta(days=4), granularity=Granularity.DAY)
    users: tuple[tuple[str | None, ...], ...] = (("u0",), ("u3",), ("u0", "u3"), (None,), ("u12", None), ("nobody",))
    found = [dataclasses.replace(whole, user=some, group_by=by) for some in users[:2] for by in Dimension]
    found += [dataclasses.replace(whole, user=some, group_by=Dimension.USER) for some in users]
    found += [dataclasses.replace(whole, user=some, model=("m1",), group_by=Dimension.TEAM) for some in users]
    found += [dataclasses.replace(whole, user=some, key=("k1",), group_by=Dimension.USER) for some in users]
    told = (Dimension.USER, Dimension.TEAM, Dimension.ORGANIZATION, Dimension.PROJECT)
    found += [dataclasses.replace(whole, key=("k0", "k1"), group_by=by) for by in told]
    found += [dataclasses.replace(whole, model=("m0",), group_by=by) for by in told]
    found += [dataclasses.replace(whole, feature=("f0",), team=("t1",), group_by=by) for by in told]
    ragged = whole.between(START + timedelta(hours=7), START + timedelta(days=3, hours=5))
    return [*found, *(dataclasses.replace(ragged, user=some, group_by=Dimension.USER) for some in users)]


@pytest.mark.parametrize("most_told", [100, 10_000])
def test_what_a_key_tells_is_what_the_calls_say(
    engine: Engine, questions_of_users: list[Question], most_told: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where each key has one owner, sheets leave out what follows from it."""
    monkeypatch.setattr(fold, "MOST_SINGLE", 256)
    monkeypatch.setattr(fold, "MOST_SHARING", 128)
    monkeypatch.setattr(fold, "MOST_TOLD", most_told)
    monkeypatch.setattr(fold, "ROWS_PER_PART", 64)
    write_events(engine, of_owners(calls(2000)))
    questions = questions_of_users[:: extent(11, 7) if engine.dialect.name == "postgresql" else extent(5, 2)]
    expected = answers(engine, questions)
    add_up(engine, START + timedelta(days=20), UTC_ZONE)
    of_users = select(table_of(UsageSheet)).where(table_of(UsageSheet).c.dimension == Dimension.USER.number)
    with engine.connect() as connection:
        assert connection.execute(of_users).all() == []
    found = answers(engine, questions)
    for question, before, after in zip(questions, expected, found, strict=True):
        assert after == before, question


@pytest.mark.parametrize("count", [700, 6000])
def test_sheets_say_what_the_calls_say(
    engine: Engine, questions: list[Question], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Totals, series, splits, confidence and quantiles are the same from sheets as from the calls."""
    # As with ten times as many calls a day: some values have sheets of their own, the others share some.
    monkeypatch.setattr(fold, "MOST_SINGLE", 256)
    monkeypatch.setattr(fold, "MOST_SHARING", 128)
    monkeypatch.setattr(fold, "ROWS_PER_PART", 64)
    write_events(engine, calls(count))
    questions = questions[:: extent(11, 7) if engine.dialect.name == "postgresql" else extent(5, 2)]
    expected = answers(engine, questions)
    made = add_up(engine, START + timedelta(days=20), UTC_ZONE)
    assert made.calls == count
    found = answers(engine, questions)
    for question, before, after in zip(questions, expected, found, strict=True):
        assert after == before, question


def test_what_a_key_tells_is_read_again_when_its_time_is_added_up_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user's new key counts as soon as sheets know it, though what keys tell was read before."""
    monkeypatch.setattr(fold, "MOST_SINGLE", 256)
    monkeypatch.setattr(fold, "MOST_SHARING", 128)
    monkeypatch.setattr(fold, "ROWS_PER_PART", 64)
    question = Question(start=START, end=START + timedelta(days=4), granularity=Granularity.DAY, user=("u0",))
    write_events(engine, of_owners(calls(2000)))
    add_up(engine, START + timedelta(days=20), UTC_ZONE)
    before = read.totals(engine, question)
    late = make_event(completed_at=START + timedelta(hours=5), user_id="u0", api_key_hash="new")
    write_events(engine, [late])
    add_up(engine, START + timedelta(days=20), UTC_ZONE)
    after = read.totals(engine, question)
    without_sheets(engine)
    assert read.totals(engine, question) == after
    assert after.requests == before.requests + 1


def test_more_values_are_asked_for_than_a_statement_takes(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """All keys of users without a name may be very many: they are asked for in portions."""
    monkeypatch.setattr(fold, "MOST_SINGLE", 256)
    monkeypatch.setattr(fold, "MOST_SHARING", 128)
    monkeypatch.setattr(fold, "ROWS_PER_PART", 64)
    write_events(engine, calls(2000))
    add_up(engine, START + timedelta(days=20), UTC_ZONE)
    question = Question(start=START, end=START + timedelta(days=4), granularity=Granularity.DAY)
    with engine.connect() as connection:
        pieces = plan(connection, question, in_buckets=True).pieces
        few, many = (
            fetch(connection, pieces, Wish({Dimension.KEY.number: tuple(range(1, count))}), {TOTAL})
            for count in (5_000, 70_000)
        )
    assert few == many != {}


def test_what_is_written_later_is_seen_at_once(engine: Engine) -> None:
    """A late call, a corrected one and a withdrawn one show before their day is added up again, and after it too."""
    write_events(engine, calls(500))
    now, day = START + timedelta(days=20), Question(start=START, end=START + timedelta(days=4))
    add_up(engine, now, UTC_ZONE)
    early = make_event(completed_at=START + timedelta(hours=30), cost_usd=1)
    for late in (early, make_event(completed_at=early.timing.completed_at, cost_usd=3, replaces=early.event_key)):
        known = read.totals(engine, day).cost_nano_usd or 0
        write_events(engine, [late])
        seen = read.totals(engine, day).cost_nano_usd or 0
        assert seen - known == (10**9 if late is early else 2 * 10**9)
        assert add_up(engine, now, UTC_ZONE).calls > 0
        assert read.totals(engine, day).cost_nano_usd == seen
        assert add_up(engine, now, UTC_ZONE).sheets == 0, "nothing is left to do"


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("made_for", ["UTC", "the zone"])
def test_days_are_those_of_the_wall_clock(sqlite_engine: Engine, zone: str, made_for: str) -> None:
    """Days of 23, 24 and 25 hours hold what ended in them by the clocks of the place, whoever sheets were made for."""
    place, start = ZoneInfo(zone), ZONES[zone]
    events = calls(900, start=start, days=5, seed=3)
    write_events(sqlite_engine, events)
    add_up(sqlite_engine, start + timedelta(days=30), place if made_for == "the zone" else UTC_ZONE)
    for granularity, shape in ((Granularity.DAY, "%Y-%m-%d"), (Granularity.HOUR, "%Y-%m-%d %H")):
        question = Question(start=start, end=start + timedelta(days=5), granularity=granularity, zone=place)
        found: dict[str, int] = {}
        series = read.series(sqlite_engine, question)
        for bucket, usage in zip(series.buckets, series.usage, strict=True):
            name = bucket.astimezone(place).strftime(shape)
            found[name] = found.get(name, 0) + (usage.cost_nano_usd or 0)
        expected: dict[str, int] = {}
        for event in events:
            name = event.timing.completed_at.astimezone(place).strftime(shape)
            expected[name] = expected.get(name, 0) + (event.cost.cost_nano_usd or 0)
        if granularity is Granularity.DAY:
            assert {name: cost for name, cost in found.items() if cost} == expected
        else:
            assert sum(found.values()) == sum(expected.values())


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 4 * 96), seed=st.integers(0, 1))
def test_time_may_be_cut_anywhere(sqlite_engine: Engine, cut: int, seed: int) -> None:
    """Two parts of a time add up to the whole, wherever it is cut, and in whichever segments it was added up."""
    write_events(sqlite_engine, calls(120, seed=seed))
    add_up(sqlite_engine, START + timedelta(days=20 if cut % 2 else 4), ZoneInfo("Asia/Kolkata"))
    whole = Question(start=START, end=START + timedelta(days=4))
    middle = START + timedelta(minutes=15 * cut)
    parts = (whole.between(START, middle), whole.between(middle, whole.end))
    left, right = (read.totals(sqlite_engine, part) for part in parts)
    assert left + right == read.totals(sqlite_engine, whole)


def test_a_call_before_1970_is_in_its_quarter_of_an_hour(engine: Engine) -> None:
    """From sheets and from the calls, in days of a zone that splits those of UTC."""
    at = datetime(1969, 12, 31, 18, 20, tzinfo=UTC)
    write_events(engine, [make_event(completed_at=at), make_event(completed_at=at + timedelta(minutes=5))])
    whole = Question(start=at - timedelta(days=1), end=at + timedelta(days=1), zone=ZoneInfo("Asia/Kolkata"))
    for _ in range(2):
        for question, places in ((whole, [24]), (whole.between(at - timedelta(days=200), whole.end), [4800])):
            found = [place for place, each in enumerate(read.series(engine, question).usage) if each.requests]
            assert found == places, question
        assert read.totals(engine, whole.between(whole.start, at)).requests == 0
        add_up(engine, at + timedelta(days=20), UTC_ZONE)


def test_two_who_add_up_the_same_time_leave_one_segment(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker and ``prune``, for days of two zones: the later one replaces what the earlier one stored."""
    write_events(engine, [make_event(completed_at=START + timedelta(hours=hour)) for hour in range(24)])
    both, errors, forget = threading.Barrier(2), list[BaseException](), build._forget

    def meet(*arguments: Any) -> None:
        with suppress(threading.BrokenBarrierError):
            both.wait(0.5)  # whoever waits for the other's end comes never
        forget(*arguments)

    def run(stretch: tuple[int, int]) -> None:
        try:
            build.make(engine, stretch)
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)

    monkeypatch.setattr(build, "_forget", meet)
    first = floor_quarter(START)
    for stretches in ([(first, first + 96)] * 2, [(first, first + 96), (first + 22, first + 96)]):
        threads = [threading.Thread(target=run, args=(each,)) for each in stretches]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        both.reset()
        assert not errors
        assert read.totals(engine, Question(start=START, end=START + timedelta(days=1))).requests == 24
        assert verify(engine).is_right


def test_a_scope_cannot_be_widened(engine: Engine) -> None:
    """Who may see one team sees it and no other, whatever is filtered, from sheets and from calls."""
    write_events(engine, [make_event(completed_at=START, team_id=team) for team in ("a", "a", "b", None)])
    mine: read.Scope = ((Dimension.TEAM, ("a",)),)
    asked = Question(start=START, end=START + timedelta(days=1), scope=mine, group_by=Dimension.TEAM)
    for _ in range(2):
        assert read.totals(engine, asked).requests == 2
        assert read.totals(engine, dataclasses.replace(asked, team=("b",))).requests == 0
        assert [member.value for member, _ in read.members(engine, asked)] == ["a"]
        assert read.records(engine, asked).total == 2
        assert {member.value for member in read.distinct_values(engine, asked)[Dimension.TEAM]} == {"a"}
        add_up(engine, START + timedelta(days=20), UTC_ZONE)


def test_quantiles_are_within_two_percent(sqlite_engine: Engine) -> None:
    """From hours of 5,000 calls put together, the 50th, 95th and 99th are the exact ones within two percent."""
    events = calls(5000)
    write_events(sqlite_engine, events)
    add_up(sqlite_engine, START + timedelta(days=5), UTC_ZONE)
    question = Question(start=START, end=START + timedelta(days=4))
    counted = sorted(
        event.timing.latency_ms
        for event in events
        if event.calls == 1
        and event.is_terminal
        and event.status is not Status.REJECTED
        and event.timing.latency_ms is not None
    )
    for share in (0.5, 0.95, 0.99):
        exact = counted[-(-len(counted) * round(share * 100) // 100) - 1]
        assert read.latency_p95_ms(sqlite_engine, question, share=share) == pytest.approx(exact, rel=0.02)


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    from usage_plugin.store.database import connect
    from usage_plugin.store.migrate import migrate

    engine = connect(sqlite_url)
    migrate(engine)
    yield engine
    engine.dispose()
