"""Filters and the address: whatever is chosen survives the way there and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dashboard.filters import CUSTOM, RANGES, UNSET, Filters
from usage_plugin.store.read import Dimension, Granularity

NOW = datetime(2026, 3, 4, 12, 30, 45, tzinfo=UTC)
MINUTES = st.datetimes(datetime(2001, 1, 1), datetime(2198, 1, 1)).map(
    lambda moment: moment.replace(second=0, microsecond=0, tzinfo=UTC)
)
VALUES = st.lists(st.text(min_size=1, max_size=20), max_size=3).map(tuple)
CHOSEN = st.builds(
    Filters,
    range=st.sampled_from(list(RANGES)),
    granularity=st.sampled_from(["auto", "hour", "day"]),
    group_by=st.sampled_from(list(Dimension)),
    **{dimension.value: VALUES for dimension in Dimension},
)


@given(CHOSEN, st.none() | st.tuples(MINUTES, st.timedeltas(timedelta(minutes=1), timedelta(days=3000))))
@example(Filters(team=("a&b=c", "ü %", "+", UNSET)), None)
def test_query_round_trip(filters: Filters, custom: tuple[datetime, timedelta] | None) -> None:
    """Reading what was written gives the same filters, custom times and odd characters included."""
    if custom is not None:
        end = (custom[0] + custom[1]).replace(second=0, microsecond=0)
        filters = filters.over(CUSTOM, custom[0], end)
    assert Filters.from_query(filters.to_query()) == filters


@given(st.text() | st.none() | st.integers())
@example("?range=custom&from=0001-01-01T00:00&to=9999-12-31T23:59")
@example("?range=custom&from=2026-01-02&to=2026-01-01")
@example("?group=nothing&granularity=century&range=forever&from=x")
@example("?team=%ff%fe&team=&=&&&")
def test_any_address_can_be_read_and_asked(search: object) -> None:
    """No address raises, and each gives a question that the store can be asked."""
    question = Filters.from_query(search).question(NOW)
    assert question.start < question.end


def test_defaults_need_no_query() -> None:
    """The plain address is the default."""
    assert Filters().to_query() == ""
    assert Filters.from_query("") == Filters()


def test_absent_values_are_asked_for_as_none() -> None:
    """Choosing (none) asks for calls without a team."""
    assert Filters(team=("a", UNSET)).question(NOW).team == ("a", None)
    assert Filters().only(Dimension.USER, None).user == (UNSET,)


@pytest.mark.parametrize(
    ("name", "granularity", "expected"),
    [
        ("6h", "auto", Granularity.HOUR),
        ("7d", "auto", Granularity.HOUR),
        ("30d", "auto", Granularity.DAY),
        ("30d", "hour", Granularity.HOUR),
        ("24h", "day", Granularity.DAY),
    ],
)
def test_granularity_fits_the_range(name: str, granularity: str, expected: Granularity) -> None:
    """Short ranges are drawn by the hour, long ones by the day, unless asked otherwise."""
    assert Filters(range=name, granularity=granularity).bucket is expected


def test_a_year_is_never_drawn_by_the_hour() -> None:
    """8,760 bars are more than a chart can show."""
    year = Filters(granularity="hour").over(CUSTOM, datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    assert year.bucket is Granularity.DAY


def test_period_is_compared_with_the_same_part_of_the_one_before() -> None:
    """At half past twelve a day of 24 hours counts 23.5, and so does the day before it."""
    period = Filters(range="24h").period(NOW)
    assert (period.start, period.end) == (datetime(2026, 3, 3, 13, tzinfo=UTC), datetime(2026, 3, 4, 13, tzinfo=UTC))
    assert period.previous_start == period.start - timedelta(days=1)
    assert period.previous_end - period.previous_start == timedelta(hours=23, minutes=30)


def test_cleared_keeps_time_and_split() -> None:
    """Clearing drops the filters and nothing else."""
    filters = Filters(range="30d", group_by=Dimension.TEAM, model=("m",))
    assert filters.cleared() == Filters(range="30d", group_by=Dimension.TEAM)
    assert (filters.count, filters.cleared().count) == (1, 0)
