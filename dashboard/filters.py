"""The address bar's query in, the question to the store out, and back: a shared link shows what its sender saw."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from dashboard.members import read_back, storable, written
from dashboard.period import Period, moved
from usage_plugin.store.read import Choice, Dimension, Granularity, Question

CUSTOM: Final = "custom"
AUTO: Final = "auto"
DEFAULT_RANGE: Final = "7d"
RANGES: Final[dict[str, timedelta]] = {
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
RANGE_WORDS: Final = {
    "6h": "in the last 6 hours",
    "24h": "in the last 24 hours",
    "7d": "in the last 7 days",
    "30d": "in the last 30 days",
    "90d": "in the last 90 days",
}
MAX_HOURLY: Final = timedelta(days=7)
MAX_HOURLY_ASKED: Final = timedelta(days=100)
MAX_LENGTH: Final = timedelta(days=3700)
YEARS: Final = (2000, 2199)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the filter bar holds. ``start`` and ``end``, in UTC, are set exactly when ``range`` is ``custom``.

    Values of dimensions are as `members.written` writes them.
    """

    range: str = DEFAULT_RANGE
    start: datetime | None = None
    end: datetime | None = None
    granularity: str = AUTO
    group_by: Dimension = Dimension.MODEL
    provider: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    team: tuple[str, ...] = ()
    organization: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    project: tuple[str, ...] = ()
    end_user: tuple[str, ...] = ()
    feature: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    call_type: tuple[str, ...] = ()
    status: tuple[str, ...] = ()

    @classmethod
    def from_query(cls, search: object) -> Self:
        """Read a query; whatever cannot be understood has its default. Never raises."""
        text = search.lstrip("?") if isinstance(search, str) else ""
        return cls.from_pairs(parse_qsl(text, errors="replace"))

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[str, object]]) -> Self:
        """Read the names and values of a query; whatever cannot be understood has its default."""
        query: dict[str, list[str]] = {}
        for name, value in pairs:
            if isinstance(value, str) and (kept := storable(value)):
                query.setdefault(name, []).append(kept)
        chosen = {dimension.value: tuple(query.get(dimension.value, ())) for dimension in Dimension}
        filters = cls(granularity=_granularity(query), group_by=_group_by(query), **chosen)  # type: ignore[arg-type]
        return filters.over(_one(query, "range"), _moment(_one(query, "from")), _moment(_one(query, "to")))

    def to_query(self) -> str:
        """Write the query that `from_query` reads; empty when everything has its default."""
        pairs: list[tuple[str, str]] = []
        if self.range != DEFAULT_RANGE:
            pairs.append(("range", self.range))
        if self.start is not None and self.end is not None:
            pairs += [("from", f"{self.start:%Y-%m-%dT%H:%M}"), ("to", f"{self.end:%Y-%m-%dT%H:%M}")]
        if self.granularity != AUTO:
            pairs.append(("granularity", self.granularity))
        if self.group_by is not Dimension.MODEL:
            pairs.append(("group", self.group_by.value))
        pairs += [(dimension.value, value) for dimension in Dimension for value in self.chosen(dimension)]
        return f"?{urlencode(pairs, errors='replace')}" if pairs else ""

    def chosen(self, dimension: Dimension) -> tuple[str, ...]:
        """Give the values that a dimension is filtered by."""
        values: tuple[str, ...] = getattr(self, dimension.value)
        return values

    def only(self, dimension: Dimension, value: Choice) -> Self:
        """Narrow a dimension down to one value."""
        return replace(self, **{dimension.value: (written(value),)})  # type: ignore[arg-type]

    def over(self, name: str | None, start: datetime | None = None, end: datetime | None = None) -> Self:
        """Show another time: a named range, or a custom one where both ends make sense."""
        if name in RANGES:
            return replace(self, range=name, start=None, end=None)
        if name == CUSTOM and start and end and _plausible(start, end):
            return replace(self, range=CUSTOM, start=start, end=end)
        return replace(self, range=DEFAULT_RANGE, start=None, end=None)

    def cleared(self) -> Self:
        """Drop the filters, keep the time and the way of splitting."""
        nothing: dict[str, Any] = {dimension.value: () for dimension in Dimension}
        return replace(self, **nothing)

    @property
    def count(self) -> int:
        """How many dimensions are filtered."""
        return sum(1 for dimension in Dimension if self.chosen(dimension))

    @property
    def length(self) -> timedelta:
        """How long the time shown is."""
        if self.start is not None and self.end is not None:
            return self.end - self.start
        return RANGES.get(self.range, RANGES[DEFAULT_RANGE])

    @property
    def bucket(self) -> Granularity:
        """The granularity in force: asked for, as far as a chart can show it, or fitting the range."""
        longest = MAX_HOURLY_ASKED if self.granularity == Granularity.HOUR.value else MAX_HOURLY
        fine = self.granularity != Granularity.DAY.value and self.length <= longest
        return Granularity.HOUR if fine else Granularity.DAY

    def words(self, zone: ZoneInfo) -> str:
        """Say which time is meant, on a zone's clocks."""
        if self.start is None or self.end is None:
            return RANGE_WORDS[self.range]
        start, end = (f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" for moment in (self.start, self.end))
        return f"from {start} to {end} {zone.key}"

    def period(self, now: datetime, zone: ZoneInfo) -> Period:
        """Place the range in time, in whole buckets of a zone; the one in progress belongs to it."""
        bucket = self.bucket
        if self.start is not None and self.end is not None:
            start, end = Granularity.HOUR.floor(self.start, zone), Granularity.HOUR.ceil(self.end, zone)
        else:
            end = bucket.after(now, zone)
            start = Granularity.HOUR.floor(moved(end, -self.length, bucket, zone), zone)
        return Period.of(start, end, now, bucket, zone)

    def question(self, now: datetime, zone: ZoneInfo) -> Question:
        """Turn the filters into what the store is asked."""
        period = self.period(now, zone)
        chosen: dict[str, Any] = {dimension.value: self._choices(dimension) for dimension in Dimension}
        return Question(
            start=period.start,
            end=period.end,
            granularity=self.bucket,
            zone=zone,
            group_by=self.group_by,
            **chosen,
        )

    def _choices(self, dimension: Dimension) -> tuple[Choice, ...]:
        return tuple(read_back(value) for value in self.chosen(dimension))


def _one(query: dict[str, list[str]], name: str) -> str | None:
    return query.get(name, [None])[0]


def _plausible(start: datetime, end: datetime) -> bool:
    return timedelta(0) < end - start <= MAX_LENGTH and YEARS[0] <= start.year <= end.year <= YEARS[1]


def _granularity(query: dict[str, list[str]]) -> str:
    wanted = _one(query, "granularity")
    return wanted if wanted in {granularity.value for granularity in Granularity} else AUTO


def _group_by(query: dict[str, list[str]]) -> Dimension:
    with suppress(ValueError):
        return Dimension(_one(query, "group") or "")
    return Dimension.MODEL


def _moment(text: str | None) -> datetime | None:
    with suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(text or "")
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return moment.replace(second=0, microsecond=0)
    return None
