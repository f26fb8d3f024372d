"""A time zone in, every question that the dashboard asks of 90 days out: any one filter, any one split, by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from tests.bench.scale.days import END
from tests.bench.scale.events import Callers, to_events
from tests.bench.scale.generate import drawn
from tests.bench.scale.population import world
from usage_plugin.event import UsageEvent
from usage_plugin.store import read
from usage_plugin.store.read import Dimension, Granularity, Question

ASKED_DAYS = 90
TOP = 7
SAMPLE = 200_000
"""Calls of the sample by which values are chosen: the same ones for every size."""
SIZES = ("largest", "middle", "rare")
COLUMNS = {"team": "team_id", "organization": "organization_id", "user": "user_id", "key": "api_key_hash"}

Ask = Callable[[Engine, Question], Any]
WHOLE: Mapping[str, Ask] = {
    "totals": read.totals,
    "series": read.series,
    "p95": read.latency_p95_ms,
    "p95 series": read.latency_p95_series,
    "confidence": read.confidence,
}
VALUES = "values to choose from"
# Of the 90 days before, up to the same time of the last day.
BEFORE: Mapping[str, Ask] = {"totals before": read.totals, "p95 before": read.latency_p95_ms}
SPLIT: Mapping[str, Ask] = {
    "stack": lambda engine, question: read.stack(engine, question, top=TOP),
    "shares": lambda engine, question: read.shares(engine, question, top=TOP),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its name: what is asked, the filter's dimension and how large its value is, the split."""

    what: str
    filter_by: Dimension | None
    size: str
    split_by: Dimension | None
    question: Question
    ask: Ask

    @property
    def name(self) -> str:
        """Say it in words."""
        only = f" of the {self.size} {self.filter_by}" if self.filter_by else ""
        return f"{self.what}{f' by {self.split_by}' if self.split_by else ''}{only}"


def questions(zone: str = "UTC") -> Iterator[Asked]:
    """Give all of them; what does not depend on the split once for each filter."""
    yield Asked(VALUES, None, "", None, everything(zone), read.distinct_values)
    for filter_by, size, question in _filtered(zone):
        for what, ask in WHOLE.items():
            yield Asked(what, filter_by, size, None, question, ask)
        for what, ask in BEFORE.items():
            yield Asked(what, filter_by, size, None, _before(question), ask)
        for split_by in Dimension:
            for what, ask in SPLIT.items():
                yield Asked(what, filter_by, size, split_by, question.grouped_by(split_by), ask)


def everything(zone: str = "UTC") -> Question:
    """Ask about all calls of the 90 days that end with today in a time zone."""
    today = END.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    start, end = (today + timedelta(days=1 - back) for back in (ASKED_DAYS, 0))
    return Question(
        start=start.astimezone(UTC), end=end.astimezone(UTC), granularity=Granularity.DAY, zone=ZoneInfo(zone)
    )


def _before(question: Question) -> Question:
    earlier = read.before(question)
    return earlier.between(earlier.start, earlier.start + (END.replace(second=0) - question.start))


def _filtered(zone: str) -> Iterator[tuple[Dimension | None, str, Question]]:
    question = everything(zone)
    yield None, "", question
    for dimension, values in chosen().items():
        for size, value in zip(SIZES, values, strict=True):
            wanted: Any = {dimension.value: (value,)}
            yield dimension, size, replace(question, **wanted)


@cache
def chosen() -> Mapping[Dimension, tuple[str, ...]]:
    """Choose a large, a middle and a rare value of each dimension by how many calls of a sample have them."""
    counts: dict[Dimension, Counter[str]] = {dimension: Counter() for dimension in Dimension}
    for event in _sample(everything().start):
        for dimension, counter in counts.items():
            counter.update(_values(event, dimension.value))
    return {dimension: _three(counter) for dimension, counter in counts.items()}


def _values(event: UsageEvent, dimension: str) -> tuple[str, ...]:
    if dimension == "tag":
        return event.who.tags
    name = COLUMNS.get(dimension, dimension)
    column = name if hasattr(event, name) or hasattr(event.who, name) else f"{name}_id"
    value = getattr(event if hasattr(event, column) else event.who, column)
    return () if value is None else (str(value),)


def _three(counter: Counter[str]) -> tuple[str, ...]:
    ranked = sorted(counter, key=lambda value: (-counter[value], value))
    return ranked[0], ranked[len(ranked) // 2], ranked[-1]


def _sample(start: datetime) -> Iterator[UsageEvent]:
    callers = Callers(world())
    for _, calls in drawn(SAMPLE, since=start):
        yield from to_events(callers, calls)
