"""The time of an anomaly in, the times that say what is usual then out: the same hours of the weeks before."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

WEEK: Final = timedelta(days=7)
WEEKS: Final = 4

Span = tuple[datetime, datetime]


def usual_times(start: datetime, end: datetime, zone: ZoneInfo, since: datetime) -> tuple[Span, ...]:
    """Give up to four times of the same length and place in the week, none of them overlapping the anomaly.

    Args:
        start: Begin of the anomaly.
        end: Its end.
        zone: On whose wall clocks weeks are counted.
        since: Nothing is known before.
    """
    weeks = -((start - end) // WEEK)
    found = list[Span]()
    for times in range(1, WEEKS // max(weeks, 1) + 1 if weeks < WEEKS else 2):
        shift = times * max(weeks, 1) * WEEK
        earlier = (_earlier(start, shift, zone), _earlier(end, shift, zone))
        if earlier[0] >= since:
            found.append(earlier)
    return tuple(found)


def whole(spans: Iterable[Span]) -> Span:
    """Give the time from the first begin to the last end."""
    times = list(spans)
    return min(start for start, _ in times), max(end for _, end in times)


def _earlier(moment: datetime, shift: timedelta, zone: ZoneInfo) -> datetime:
    """Go back on the wall clock, so that nine o'clock stays nine o'clock when clocks are changed."""
    local = moment.astimezone(zone).replace(tzinfo=None) - shift
    return local.replace(tzinfo=zone).astimezone(moment.tzinfo)
