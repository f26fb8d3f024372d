"""Measures by member and bucket at once: equal to what is asked one by one, with sheets and without."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from usage_plugin.event import PriceSnapshot, Status
from usage_plugin.store import read
from usage_plugin.store.read import Dimension, Question
from usage_plugin.store.sheets.build import add_up
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event
from usage_plugin.time_zone import UTC_ZONE

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = Question(start=NOON - timedelta(hours=4), end=NOON + timedelta(hours=4))
MEASURES = ("requests", "failed_requests", "total_tokens", "cost_nano_usd", "unpriced_requests")


@pytest.fixture(params=["calls", "sheets"])
def filled(engine: Engine, request: pytest.FixtureRequest) -> Engine:
    teams = ("search", "sales", None, "search", "data")
    write_events(
        engine,
        [
            make_event(
                completed_at=NOON + timedelta(minutes=37 * (number % 12 - 6)),
                team_id=teams[number % 5],
                model=f"m{number % 3}",
                tags=(f"t{number % 2}", "all"),
                cost_usd=None if number % 7 == 0 else Decimal(number),
                status=Status.FAILURE if number % 4 == 0 else Status.SUCCESS,
                prompt_tokens=1000 + number,
            )
            for number in range(40)
        ],
    )
    if request.param == "sheets":
        add_up(engine, NOON + timedelta(days=20), UTC_ZONE)
    return engine


@pytest.mark.parametrize("by", [Dimension.TEAM, Dimension.MODEL, Dimension.TAG])
def test_each_row_is_what_a_filter_gives(filled: Engine, by: Dimension) -> None:
    """To the billionth, bucket by bucket, the largest first."""
    found = read.sums(filled, DAY, MEASURES, by=by)
    assert found.buckets == read.bucket_starts(DAY)
    asked = read.members(filled, DAY.grouped_by(by))
    assert [each.value for each in found.members] == [member.value for member, _ in asked]
    for place, member in enumerate(found.members):
        only = Question(start=DAY.start, end=DAY.end, **{by.value: (member.value,)})  # type: ignore[arg-type]
        usage = read.series(filled, only).usage
        for name in MEASURES:
            assert found.measures[name][place].tolist() == [getattr(each, name) or 0 for each in usage]


def test_all_calls_are_one_row(filled: Engine) -> None:
    """As many buckets, and the sums of all."""
    found = read.sums(filled, DAY, MEASURES, by=None)
    usage = read.series(filled, DAY).usage
    assert found.measures["total_tokens"].tolist() == [[each.total_tokens for each in usage]]


def test_some_members_and_the_largest(filled: Engine) -> None:
    """Those that have no call have no row."""
    every = read.sums(filled, DAY, ["requests"], by=Dimension.TEAM)
    assert read.sums(filled, DAY, ["requests"], by=Dimension.TEAM, top=2).members == every.members[:2]
    some = read.sums(filled, DAY, ["requests"], by=Dimension.TEAM, only=(None, "data", "nobody"))
    assert {each.value for each in some.members} == {None, "data"}
    assert list(some.measures) == ["requests"]
    assert some.measures["requests"].sum() == 16
    assert read.sums(filled, DAY, ["requests"], by=Dimension.TEAM, only=("x",)).measures["requests"].shape == (0, 8)


def test_nothing_there_is_nothing(engine: Engine) -> None:
    """No member, and zeros for all calls."""
    assert read.sums(engine, DAY, MEASURES, by=Dimension.KEY).members == ()
    assert read.sums(engine, DAY, MEASURES, by=None).measures["requests"].tolist() == [[0] * 8]


def test_what_keys_used(engine: Engine) -> None:
    """Each value with its calls and its time; what the proxy refused was not used."""
    write_events(
        engine,
        [
            make_event(completed_at=NOON, api_key_hash="k", user_agent="a/1", client_ip="10.0.0.1", cost_usd=None),
            make_event(completed_at=NOON + timedelta(hours=1), api_key_hash="k", user_agent="a/1", cost_usd=2),
            make_event(completed_at=NOON, api_key_hash="k", user_agent="b/1", status=Status.REJECTED),
            make_event(completed_at=NOON, user_agent="c/1"),
        ],
    )
    found = {(use.attribute, use.value): use for use in read.uses(engine, NOON, NOON + timedelta(hours=2))}
    assert set(found) == {
        ("model", "gpt-4o-mini"),
        ("provider", "openai"),
        ("user_agent", "a/1"),
        ("client_ip", "10.0.0.1"),
    }
    agent = found["user_agent", "a/1"]
    assert (agent.calls, agent.cost_nano_usd) == (2, 2_000_000_000)
    assert (agent.first_used_at, agent.last_used_at) == (NOON, NOON + timedelta(hours=1))
    assert found["client_ip", "10.0.0.1"].cost_nano_usd is None
    assert read.uses(engine, NOON + timedelta(hours=2), NOON + timedelta(hours=9)) == []


def test_prices_are_those_of_the_time(engine: Engine) -> None:
    """The latest before a moment."""
    for number, hour in enumerate((0, 2)):
        prices = PriceSnapshot(
            f"{number:032x}", "openai", "m", "map", "1.0", (("input_cost_per_token", f"0.{hour + 1}"),)
        )
        write_events(engine, [make_event(completed_at=NOON + timedelta(hours=hour), model="m", price=prices)])
    assert read.prices_of(engine, ["m", "x"], NOON + timedelta(hours=1)) == {
        "m": {"input_cost_per_token": Decimal("0.1")}
    }
    assert read.prices_of(engine, ["m"], NOON + timedelta(hours=3))["m"]["input_cost_per_token"] == Decimal("0.3")
    assert read.prices_of(engine, ["m"], NOON) == {}
