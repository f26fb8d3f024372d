"""A range and the present in, the time that is shown and the one that it is compared with out, on a zone's clocks."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from usage_plugin.store.read import Granularity


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The time shown, in whole buckets, and the same length before it, up to the same moment."""

    start: datetime
    end: datetime
    previous_start: datetime
    previous_end: datetime

    @classmethod
    def of(cls, start: datetime, end: datetime, now: datetime, bucket: Granularity, zone: ZoneInfo) -> Self:
        """Compare a time with the one before it. The bucket in progress counts up to *now*, before as well."""
        elapsed = between(start, min(end, max(now, start)), bucket, zone)
        # To the minute, so that an answer about the past can be used again.
        elapsed -= timedelta(seconds=elapsed.total_seconds() % 60)
        previous = moved(start, -between(start, end, bucket, zone), bucket, zone)
        return cls(start=start, end=end, previous_start=previous, previous_end=moved(previous, elapsed, bucket, zone))


def moved(moment: datetime, by: timedelta, bucket: Granularity, zone: ZoneInfo) -> datetime:
    """Give a moment so much later: where days are meant, on the wall clocks, whose days may have 23 or 25 hours."""
    if bucket is Granularity.HOUR:
        return moment + by
    return (_on_the_wall(moment, zone) + by).replace(tzinfo=zone).astimezone(UTC)


def between(start: datetime, end: datetime, bucket: Granularity, zone: ZoneInfo) -> timedelta:
    """Say how long a time is, as `moved` would go through it."""
    if bucket is Granularity.HOUR:
        return end - start
    return _on_the_wall(end, zone) - _on_the_wall(start, zone)


def picked(text: str | None, zone: ZoneInfo) -> datetime | None:
    """Read what a date picker gives; it is meant on a zone's clocks."""
    with suppress(ValueError, OverflowError):
        return datetime.fromisoformat(text or "").replace(tzinfo=zone).astimezone(UTC)
    return None


def _on_the_wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)
