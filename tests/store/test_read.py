"""The read door, on SQLite and PostgreSQL: the same question gives the same exact answer."""

from __future__ import annotations

import dataclasses
import importlib
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from usage_plugin.errors import StoreUnavailable
from usage_plugin.event import CostConfidence, PriceSnapshot, Status, UsageEvent
from usage_plugin.store import read
from usage_plugin.store.database import connect
from usage_plugin.store.read import Dimension, Granularity, Order, Question, Usage
from usage_plugin.store.sheets.build import add_up
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event
from usage_plugin.time_zone import UTC_ZONE

# The function of the same name hides the module.
RECORDS = importlib.import_module("usage_plugin.store.read.records")
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = Question(start=NOON.replace(hour=0), end=NOON.replace(hour=0) + timedelta(days=1))


def at(hour: int, minute: int = 0, **overrides: Any) -> UsageEvent:
    return make_event(completed_at=NOON.replace(hour=hour, minute=minute), **overrides)


def test_totals_are_exact_to_a_billionth(engine: Engine) -> None:
    """Costs that no float holds add up to the last digit."""
    write_events(engine, [at(1, cost_usd=Decimal("1234567.123456789")), at(2, cost_usd=Decimal("0.000000001"))])
    assert read.totals(engine, DAY).cost_nano_usd == 1234567_123456790


def test_unknown_cost_is_not_zero(engine: Engine) -> None:
    """A day of calls that nobody could price has no cost, and says how many calls that are."""
    write_events(engine, [at(1, cost_usd=None), at(2, cost_usd=None)])
    usage = read.totals(engine, DAY)
    assert usage.cost_nano_usd is None
    assert usage.unpriced_requests == usage.requests == 2
    assert usage.cost_per_1k_tokens_nano_usd is None


@pytest.mark.parametrize(
    ("statuses", "rate"),
    [
        ([], None),
        ([Status.REJECTED, Status.REJECTED], None),
        ([Status.FAILURE, Status.SUCCESS, *[Status.REJECTED] * 8], 0.5),
        ([Status.INTERRUPTED, Status.FAILURE], 1.0),
        ([Status.SUCCESS, Status.REJECTED], 0.0),
    ],
)
def test_error_rate_is_of_requests_that_were_let_in(engine: Engine, statuses: list[Status], rate: float | None) -> None:
    """A client that runs into its limit a thousand times does not make the provider look reliable."""
    write_events(engine, [at(1, status=status) for status in statuses])
    assert read.totals(engine, DAY).error_rate == rate


def test_ragged_ends_count_to_the_second(engine: Engine) -> None:
    """A range that begins and ends inside an hour counts just the calls inside it."""
    write_events(engine, [at(9, 29), at(9, 30), at(10, 5), at(12, 14), at(12, 15)])
    ragged = DAY.between(NOON.replace(hour=9, minute=30), NOON.replace(hour=12, minute=15))
    assert read.totals(engine, ragged).requests == 3
    within_an_hour = DAY.between(NOON.replace(hour=9, minute=10), NOON.replace(hour=9, minute=30))
    assert read.totals(engine, within_an_hour).requests == 1


def test_empty_database_gives_nothing_and_says_so(engine: Engine) -> None:
    """Without calls every answer is empty, none is a zero cost."""
    assert read.totals(engine, DAY) == Usage()
    assert {usage.cost_nano_usd for usage in read.series(engine, DAY).usage} == {None}
    assert len(read.series(engine, DAY).buckets) == 24
    assert read.stack(engine, DAY, top=3).members == ()
    assert read.shares(engine, DAY, top=3) == ()
    assert read.latency_p95_ms(engine, DAY) is None
    assert read.recent(engine, DAY, limit=5) == ()
    assert read.records(engine, DAY) == read.Page((), 0)
    assert read.newest(engine) == read.Newest(0, None)
    assert read.record_detail(engine, "missing") is None
    assert read.confidence(engine, DAY).requests == {}


@pytest.mark.parametrize(("granularity", "places"), [(Granularity.HOUR, [3, 30]), (Granularity.DAY, [0, 1])])
def test_series_fills_gaps(engine: Engine, granularity: Granularity, places: list[int]) -> None:
    """Each bucket is there once, in order; a bucket without calls is empty and its cost unknown."""
    write_events(engine, [at(3), make_event(completed_at=NOON.replace(hour=6) + timedelta(days=1))])
    two_days = dataclasses.replace(DAY, granularity=granularity, end=DAY.end + timedelta(days=1))
    series = read.series(engine, two_days)
    assert [index for index, usage in enumerate(series.usage) if usage.requests] == places
    assert list(series.buckets) == [
        DAY.start + index * granularity.length for index in range(2 * (24 if granularity is Granularity.HOUR else 1))
    ]


def test_stack_and_shares_add_up_with_the_rest(engine: Engine) -> None:
    """The largest members stand alone, the rest is one, and together they are the whole."""
    spend = {"a": "4", "b": "3", "c": "2", None: "1"}
    write_events(engine, [at(hour, team_id=team, cost_usd=cost) for hour, (team, cost) in enumerate(spend.items())])
    question = DAY.grouped_by(Dimension.TEAM)
    stack, shares = read.stack(engine, question, top=2), read.shares(engine, question, top=2)
    assert [member.value for member in stack.members] == ["a", "b"]
    assert stack.other is not None
    assert stack.other_count == 2
    whole = sum(cost or 0 for row in (*stack.cost_nano_usd, stack.other) for cost in row)
    assert whole == read.totals(engine, DAY).cost_nano_usd
    assert sum(share.spent.requests for share in shares) == read.totals(engine, DAY).requests == 4
    assert [share.spent.cost_nano_usd for share in shares] == [4 * 10**9, 3 * 10**9, 3 * 10**9]
    everyone = read.stack(engine, question, top=4)
    assert everyone.other is None
    assert everyone.members[-1].value is None


def test_rest_of_unpriced_members_is_unknown(engine: Engine) -> None:
    """Where nobody beyond the largest has a price, the rest has no cost either."""
    write_events(engine, [at(1, model="a", cost_usd=1), at(1, model="b", cost_usd=None)])
    stack = read.stack(engine, DAY, top=1)
    assert stack.other is not None
    assert set(stack.other) == {None}
    assert [cost for cost in stack.cost_nano_usd[0] if cost is not None] == [10**9]


def test_filters_take_values_and_their_absence(engine: Engine) -> None:
    """A filter matches any of its values, and None matches calls that have none."""
    write_events(engine, [at(1, team_id="a"), at(1, team_id="b"), at(1), at(1, team_id="a", status=Status.FAILURE)])

    def in_rollups(question: Question) -> int:
        return read.totals(engine, question).requests

    def in_records(question: Question) -> int:
        return read.records(engine, question).total

    for table_reader in (in_rollups, in_records):
        assert table_reader(dataclasses.replace(DAY, team=("a",))) == 2
        assert table_reader(dataclasses.replace(DAY, team=("b", None))) == 2
        assert table_reader(dataclasses.replace(DAY, team=("a",), status=("failure",))) == 1
        assert table_reader(dataclasses.replace(DAY, team=("nobody",))) == 0


def test_p95_is_the_nearest_rank(engine: Engine) -> None:
    """Of 1..40 ms the 38th is the one that 95 % stay within; rejected requests have no part in it."""
    calls = [at(5, latency_ms=float(ms)) for ms in range(1, 41)]
    write_events(engine, [*calls, at(5, latency_ms=9e9, status=Status.REJECTED), at(7, latency_ms=8.0)])
    assert read.latency_p95_ms(engine, DAY.between(NOON.replace(hour=5), NOON.replace(hour=6))) == pytest.approx(
        38.0, rel=0.01
    )
    by_hour = read.latency_p95_series(engine, DAY).p95_ms
    assert by_hour[6] is None
    assert (by_hour[5], by_hour[7]) == pytest.approx((38.0, 8.0), rel=0.01)


def test_confidence_counts_calls_and_dollars(engine: Engine) -> None:
    """Each way of knowing a cost has its calls and, where there are any, its dollars."""
    kinds = {CostConfidence.EXACT: 3, CostConfidence.ESTIMATED: 2, CostConfidence.UNPRICED: None}
    write_events(engine, [at(1, confidence=kind, cost_usd=cost) for kind, cost in kinds.items()])
    split = read.confidence(engine, DAY)
    assert split.requests == {"exact": 1, "estimated": 1, "unpriced": 1}
    assert split.cost_nano_usd == {"exact": 3 * 10**9, "estimated": 2 * 10**9}


def test_a_row_that_counts_calls_is_so_many_calls(engine: Engine) -> None:
    """It counts as many times as it says; its mean latency has no part in the percentile of single calls."""
    write_events(engine, [at(1, calls=40, latency_ms=9e6, cost_usd=2), at(1, latency_ms=8.0, cost_usd=1)])
    assert read.confidence(engine, DAY).requests == {"exact": 41}
    assert read.totals(engine, DAY.between(DAY.start, NOON.replace(hour=1, minute=30))).requests == 41
    assert read.latency_p95_ms(engine, DAY) == pytest.approx(8.0, rel=0.01)


def test_records_are_paged_and_sorted_with_unknowns_last(engine: Engine) -> None:
    """A page of a sorted list, the same on each database, and how many there are in all."""
    write_events(engine, [at(1, cost_usd=1), at(2, cost_usd=None), at(3, cost_usd=3), at(4, cost_usd=2)])
    by_cost = read.records(engine, DAY, order=Order("cost_nano_usd", descending=False))
    assert [record.cost_nano_usd for record in by_cost.records] == [10**9, 2 * 10**9, 3 * 10**9, None]
    second = read.records(engine, DAY, offset=1, limit=2)
    assert [record.completed_at.hour for record in second.records] == [3, 2]
    assert second.total == 4
    unknown_column = read.records(engine, DAY, order=Order("no_such_column"))
    assert unknown_column.records[0].completed_at.hour == 4


def test_only_the_newest_of_many_calls_are_listed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whichever order; of few calls far apart only the hours that have any are looked into."""
    monkeypatch.setattr(RECORDS, "MOST_LISTED", 3)
    monkeypatch.setattr(RECORDS, "MOST_SORTED", 2)
    events = [at(hour, cost_usd=20 - hour, team_id="a") for hour in range(1, 6)]
    write_events(engine, [*events, at(1, cost_usd=9, team_id="b"), at(20, calls=2, cost_usd=8, team_id="b")])
    for add in (lambda: None, lambda: add_up(engine, NOON.replace(day=NOON.day + 3), UTC_ZONE)):
        add()
        team = dataclasses.replace(DAY, team=("a",))
        within = read.extent(engine, team)
        assert (within.calls, within.stretches) == (5, ((NOON.replace(hour=1), NOON.replace(hour=6)),))
        newest = read.records(engine, team, within=within, limit=2)
        assert ([record.completed_at.hour for record in newest.records], newest.total) == ([5, 4], 3)
        cheapest = read.records(engine, team, within=within, order=Order("cost_nano_usd"))
        assert [record.completed_at.hour for record in cheapest.records] == [4, 5]
        sparse = read.extent(engine, dataclasses.replace(DAY, team=("b",)))
        assert [start.hour for start, _ in sparse.stretches] == [1, 20]
        both = read.records(engine, dataclasses.replace(DAY, team=("b",)), within=sparse)
        assert (sparse.calls, [record.calls for record in both.records], both.total) == (3, [2, 1], 2)
        nothing = dataclasses.replace(DAY, team=("c",))
        assert read.records(engine, nothing, within=read.extent(engine, nothing)) == read.Page((), 0)
        assert read.extent(engine, DAY.between(DAY.end, DAY.start)) == read.Extent(0, ())


def test_detail_has_tags_and_the_price_of_its_day(engine: Engine) -> None:
    """One call in full: its tags by name, its unit prices as exact decimals."""
    price = PriceSnapshot(
        "p1", "openai", "gpt-4o", "litellm_price_map", "1.100", (("input_cost_per_token", "0.0000025"),)
    )
    event = at(1, tags=("b", "a"), price=price)
    write_events(engine, [event, at(2)])
    detail = read.record_detail(engine, event.event_key)
    assert detail is not None
    assert detail.tags == ("a", "b")
    assert detail.price is not None
    assert detail.price.prices_usd == {"input_cost_per_token": Decimal("0.0000025")}
    assert detail.price.first_used_at == event.timing.completed_at


def test_values_carry_the_names_people_know(engine: Engine) -> None:
    """A filter offers ids as values and aliases as labels, whatever is filtered now."""
    write_events(engine, [at(1, team_id="t1", team_alias="Search"), at(2, api_key_hash="h", api_key_alias="ci")])
    values = read.distinct_values(engine, dataclasses.replace(DAY, team=("other",)))
    assert read.Member("t1", "Search") in values[Dimension.TEAM]
    assert read.Member(None, "") in values[Dimension.TEAM]
    assert read.Member("h", "ci") in values[Dimension.KEY]


def test_cost_series_tells_no_calls_from_no_price(engine: Engine) -> None:
    """An hour without calls cost nothing; an hour of calls without a price is not a number."""
    write_events(engine, [at(1, cost_usd=2), at(2, cost_usd=None), at(3, cost_usd=0)])
    found = read.cost_series(engine, DAY)
    assert (found.cost_usd[0], found.cost_usd[1], found.cost_usd[3]) == (0, 2, 0)
    assert math.isnan(found.cost_usd[2])
    assert found.called[:5].tolist() == [False, True, True, True, False]


def test_newest_follows_writes(engine: Engine) -> None:
    """Each new row changes the last word of the store."""
    write_events(engine, [at(5)])
    before = read.newest(engine)
    write_events(engine, [at(3)])
    after = read.newest(engine)
    assert after.row_id > before.row_id
    assert after.completed_at == before.completed_at == NOON.replace(hour=5)


def test_database_without_tables_says_where(sqlite_url: str) -> None:
    """A query that cannot run becomes one line that names the database."""
    with pytest.raises(StoreUnavailable, match=r"usage\.db cannot be used"):
        read.totals(connect(sqlite_url), DAY)


def test_question_needs_a_time_zone() -> None:
    """A naive time would mean another moment on each machine, so it is refused."""
    with pytest.raises(ValueError, match="time zone"):
        Question(start=NOON.replace(tzinfo=None), end=NOON)


CALLS: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    cost_usd=st.one_of(st.none(), st.decimals(0, 100, places=9)),
    status=st.sampled_from(list(Status)),
    is_terminal=st.booleans(),
    cache_hit=st.booleans(),
    latency_ms=st.floats(0, 1e6).map(round).map(float),
    calls=st.integers(1, 5),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CALLS, max_size=8), st.integers(0, 24 * 60 - 1))
def test_totals_of_any_part_of_a_day_agree(engine: Engine, calls: list[dict[str, Any]], minute: int) -> None:
    """Splitting a day anywhere gives the day: the sums of calls mean what the sheets mean."""
    write_events(engine, [at(call.pop("hour"), call.pop("minute"), **call) for call in calls])
    cut = DAY.start + timedelta(minutes=minute)
    parts = read.totals(engine, DAY.between(DAY.start, cut)) + read.totals(engine, DAY.between(cut, DAY.end))
    assert parts == read.totals(engine, DAY)
