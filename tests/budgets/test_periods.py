"""Periods of the calendar and rolling ones, over changes of clocks and ends of months."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from usage_plugin.periods import Period, Span, span_of

ZONES = tuple(
    ZoneInfo(name)
    for name in ("UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia", "Africa/Cairo")
)
CALENDAR = tuple(period for period in Period if period is not Period.ROLLING)
moments = st.datetimes(datetime(2005, 1, 1), datetime(2035, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


@given(moments, st.sampled_from(ZONES), st.sampled_from(CALENDAR))
@example(datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), ZoneInfo("Europe/Berlin"), Period.DAY)
@example(datetime(2018, 11, 4, 3, tzinfo=UTC), ZoneInfo("America/Sao_Paulo"), Period.DAY)  # midnight did not exist
@example(datetime(2011, 12, 30, 10, tzinfo=UTC), ZoneInfo("Pacific/Apia"), Period.WEEK)  # a day did not exist
def test_a_period_holds_its_moment_and_meets_its_neighbours(moment: datetime, zone: ZoneInfo, period: Period) -> None:
    """Every moment is in exactly one period: each begins where the one before it ends."""
    span = span_of(period, moment, zone)
    assert span.start <= moment < span.end
    assert span_of(period, span.start, zone) == span
    assert span_of(period, span.end, zone).start == span.end
    assert span_of(period, span.start - timedelta(microseconds=1), zone).end == span.start
    assert 0 <= span.elapsed_share(moment) < 1


@given(moments, st.sampled_from(ZONES), st.integers(1, 366))
def test_a_rolling_period_is_so_many_days(moment: datetime, zone: ZoneInfo, days: int) -> None:
    """It ends with the moment's own day, and moves on by a day when that ends."""
    span = span_of(Period.ROLLING, moment, zone, days)
    assert (span.last_day - span.first_day).days == days - 1
    assert span.last_day == moment.astimezone(zone).date()
    assert span.start <= moment < span.end
    assert span_of(Period.ROLLING, span.end, zone, days).first_day > span.first_day


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        (Period.DAY, date(2028, 2, 29), date(2028, 2, 29)),
        (Period.WEEK, date(2028, 2, 28), date(2028, 3, 5)),
        (Period.MONTH, date(2028, 2, 1), date(2028, 2, 29)),
        (Period.QUARTER, date(2028, 1, 1), date(2028, 3, 31)),
        (Period.YEAR, date(2028, 1, 1), date(2028, 12, 31)),
    ],
)
def test_periods_of_a_leap_day(period: Period, first: date, last: date) -> None:
    """Counted by hand."""
    span = span_of(period, datetime(2028, 2, 29, 12, tzinfo=UTC), ZONES[0])
    assert (span.first_day, span.last_day) == (first, last)


def test_a_day_may_have_23_hours() -> None:
    """Clocks are put forward in Berlin: the day is shorter, and the month by an hour."""
    moment, berlin = datetime(2026, 3, 29, 12, tzinfo=UTC), ZoneInfo("Europe/Berlin")
    day, month = span_of(Period.DAY, moment, berlin), span_of(Period.MONTH, moment, berlin)
    assert day.end - day.start == timedelta(hours=23)
    assert month.end - month.start == timedelta(days=31, hours=-1)


def test_a_rolling_period_needs_a_length() -> None:
    """No days are no period."""
    for days in (None, 0):
        with pytest.raises(ValueError, match="1 day or more"):
            span_of(Period.ROLLING, datetime(2026, 1, 1, tzinfo=UTC), ZONES[0], days)


def test_what_is_over_of_a_span() -> None:
    """Nothing before it, all after it."""
    span = Span.of_days(date(2026, 1, 1), date(2026, 1, 2), ZONES[0])
    moments = [span.start - timedelta(days=1), span.start + timedelta(hours=12), span.end + timedelta(days=1)]
    assert [span.elapsed_share(each) for each in moments] == [0, 0.25, 1]
