"""Filters and the address: whatever is chosen survives the way there and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dashboard.filters import CUSTOM, RANGES, Filters
from dashboard.members import UNSET, name_of, read_back, written
from usage_plugin.store.read import Dimension, Granularity, Member
from usage_plugin.time_zone import UTC_ZONE

NOW = datetime(2026, 3, 4, 12, 30, 45, tzinfo=UTC)
MINUTES = st.datetimes(datetime(2001, 1, 1), datetime(2198, 1, 1)).map(
    lambda moment: moment.replace(second=0, microsecond=0, tzinfo=UTC)
)
VALUES = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20), max_size=3
).map(tuple)
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
    question = Filters.from_query(search).question(NOW, UTC_ZONE)
    assert question.start < question.end


ANY_TEXT = st.text(st.characters(), max_size=8)


@given(st.lists(st.tuples(st.sampled_from(list(Dimension)), ANY_TEXT), max_size=4), st.booleans())
@example([(Dimension.TEAM, "\0"), (Dimension.TEAM, "a\0b"), (Dimension.KEY, ""), (Dimension.USER, "\ud800")], False)
@example([(Dimension.TEAM, "\0")], True)
def test_no_filter_holds_what_a_database_refuses(pairs: list[tuple[str, str]], quoted: bool) -> None:
    """NUL, lone surrogates and nothing at all are no values: PostgreSQL would refuse the whole question."""
    joined = "&".join(f"{name}={quote(value, errors='surrogatepass') if quoted else value}" for name, value in pairs)
    for filters in (Filters.from_query(f"?{joined}"), Filters.from_pairs(pairs)):
        for value in (value for dimension in Dimension for value in filters.chosen(dimension)):
            assert value
            assert "\0" not in value
            assert value.encode()
        assert Filters.from_query(filters.to_query()) == filters


def test_what_is_left_of_a_value_is_still_asked_for() -> None:
    """Only what cannot be stored is dropped, as it is from the calls themselves."""
    assert Filters.from_query("?team=a%00b&team=%00&user=").question(NOW, UTC_ZONE).choices == {Dimension.TEAM: ("ab",)}


@given(st.none() | st.text(), st.none() | st.text())
@example(None, UNSET)
@example(UNSET, f"={UNSET}")
def test_no_two_members_are_written_alike(one: str | None, other: str | None) -> None:
    """Calls without a team and a team that is called (none) have links of their own."""
    assert read_back(written(one)) == one
    assert (written(one) == written(other)) is (one == other)


def test_a_member_that_looks_absent_is_quoted() -> None:
    """People can tell a team called (none) from no team."""
    assert [name_of(Member(None, "")), name_of(Member(UNSET, UNSET)), name_of(Member("t1", UNSET))] == [
        "(none)",
        "“(none)”",
        "“(none)”",
    ]
    assert name_of(Member("t1", "Search")) == "Search"


def test_defaults_need_no_query() -> None:
    """The plain address is the default."""
    assert Filters().to_query() == ""
    assert Filters.from_query("") == Filters()


def test_absent_values_are_asked_for_as_none() -> None:
    """Choosing (none) asks for calls without a team."""
    assert Filters(team=("a", UNSET)).question(NOW, UTC_ZONE).team == ("a", None)
    assert Filters().only(Dimension.USER, None).user == (UNSET,)
    assert Filters().only(Dimension.TEAM, UNSET).question(NOW, UTC_ZONE).team == (UNSET,)


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
    period = Filters(range="24h").period(NOW, UTC_ZONE)
    assert (period.start, period.end) == (datetime(2026, 3, 3, 13, tzinfo=UTC), datetime(2026, 3, 4, 13, tzinfo=UTC))
    assert period.previous_start == period.start - timedelta(days=1)
    assert period.previous_end - period.previous_start == timedelta(hours=23, minutes=30)


@pytest.mark.parametrize(
    ("name", "now", "start_to_end", "before"),
    [
        # Clocks are put forward on 29 March: these 30 days are an hour short, and those before them are not.
        ("30d", "2026-04-05T12:30+02", "2026-03-07T00+01 2026-04-06T00+02", "2026-02-05T00+01 2026-03-06T12:30+01"),
        # 24 hours are 24 hours.
        ("24h", "2026-03-29T12:30+02", "2026-03-28T12+01 2026-03-29T13+02", "2026-03-27T12+01 2026-03-28T11:30+01"),
    ],
)
def test_days_are_those_of_the_zone(name: str, now: str, start_to_end: str, before: str) -> None:
    """Also over a change of clocks, where days have 23 or 25 hours, and the time before ends at the same o'clock."""
    period = Filters(range=name).period(datetime.fromisoformat(now), ZoneInfo("Europe/Berlin"))
    found = [period.start, period.end, period.previous_start, period.previous_end]
    assert found == [datetime.fromisoformat(moment) for moment in f"{start_to_end} {before}".split()]


def test_a_custom_time_is_shown_on_the_zones_clocks() -> None:
    """In whole hours of them; the link itself names one moment wherever it is opened."""
    kathmandu = ZoneInfo("Asia/Kathmandu")  # 5 hours and 45 minutes from UTC
    filters = Filters.from_query("?range=custom&from=2026-03-04T00:00&to=2026-03-04T03:15")
    assert filters.words(kathmandu) == "from 2026-03-04 05:45 to 2026-03-04 09:00 Asia/Kathmandu"
    asked = filters.question(NOW, kathmandu)
    assert (asked.start, asked.end) == (
        datetime(2026, 3, 3, 23, 15, tzinfo=UTC),
        datetime(2026, 3, 4, 3, 15, tzinfo=UTC),
    )
    assert asked.zone is kathmandu


def test_cleared_keeps_time_and_split() -> None:
    """Clearing drops the filters and nothing else."""
    filters = Filters(range="30d", group_by=Dimension.TEAM, model=("m",))
    assert filters.cleared() == Filters(range="30d", group_by=Dimension.TEAM)
    assert (filters.count, filters.cleared().count) == (1, 0)
