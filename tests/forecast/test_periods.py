"""Days that are left of a period, counted by hand."""

from __future__ import annotations

from datetime import date

import pytest

from usage_plugin.analysis.forecast import Period, days_left, last_day_of


@pytest.mark.parametrize(
    ("period", "last_known", "days"),
    [
        (Period.WEEK, date(2026, 11, 18), 4),  # a Wednesday: Thursday to Sunday
        (Period.WEEK, date(2026, 11, 22), 7),  # a Sunday: all of the next week
        (Period.MONTH, date(2026, 11, 20), 10),
        (Period.MONTH, date(2026, 11, 30), 31),
        (Period.MONTH, date(2028, 2, 28), 1),
        (Period.QUARTER, date(2026, 11, 20), 41),
        (Period.QUARTER, date(2026, 9, 30), 92),
        (Period.QUARTER, date(2027, 1, 31), 59),
    ],
)
def test_days_left(period: Period, last_known: date, days: int) -> None:
    """The day after the last known one is the first that is left."""
    assert days_left(period, last_known) == days


def test_a_year_ends_with_its_last_week_or_later() -> None:
    """A week may end in the next year; a month and a quarter do not."""
    assert last_day_of(Period.WEEK, date(2026, 12, 30)) == date(2027, 1, 3)
    assert last_day_of(Period.QUARTER, date(2026, 12, 30)) == date(2026, 12, 31)
