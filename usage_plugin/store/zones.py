"""Time zones and dates in, the moments at which their days and hours begin out."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

UTC_ZONE = ZoneInfo("UTC")


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Give the moment, in UTC, at which a day begins on the wall clocks of a zone.

    Where clocks are put forward at midnight, the day begins with its first moment. Where they are put back to the day
    before, it begins when midnight comes again.
    """
    first = datetime.combine(day, time(), zone).astimezone(UTC)
    if first.astimezone(zone).date() >= day:
        return first
    return datetime.combine(day, time(fold=1), zone).astimezone(UTC)


def floor_day(moment: datetime, zone: ZoneInfo) -> datetime:
    """Give the begin of the zone's day that a moment lies in, in UTC."""
    day = moment.astimezone(zone).date()
    return midnight(day, zone)


def next_day(moment: datetime, zone: ZoneInfo) -> datetime:
    """Give the begin of the day after the one that a moment lies in, in UTC."""
    return midnight(moment.astimezone(zone).date() + timedelta(days=1), zone)


def floor_hour(moment: datetime, zone: ZoneInfo) -> datetime:
    """Give the last moment at which the zone's clocks showed a full hour, in UTC."""
    start = moment.astimezone(UTC).replace(second=0, microsecond=0)
    while start.astimezone(zone).minute:
        start -= timedelta(minutes=start.astimezone(zone).minute)
    return start


def next_hour(moment: datetime, zone: ZoneInfo) -> datetime:
    """Give the next moment at which the zone's clocks show a full hour, in UTC."""
    start = moment.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    while minute := start.astimezone(zone).minute:
        start += timedelta(minutes=60 - minute)
    return start
