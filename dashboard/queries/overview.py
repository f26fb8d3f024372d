"""A look and filters in, everything that the overview shows out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from dashboard.data import Look
from dashboard.filters import Filters
from dashboard.frames import StackedCost
from dashboard.members import name_of
from usage_plugin.errors import NoLongerKept
from usage_plugin.store import read
from usage_plugin.store.read import ConfidenceSplit, Dimension, Question, Series, Share, Stack, Usage
from usage_plugin.store.tables import UsageRecord

TOP_SERIES = 6
TOP_SHARES = 7
RECENT_CALLS = 8
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The overview of a time: now, before, over time, and by what."""

    now: datetime
    filters: Filters
    usage: Usage
    previous: Usage | None
    """``None`` where only calls that are pruned could tell."""
    series: Series
    stack: StackedCost
    p95_ms: float | None
    previous_p95_ms: float | None
    p95_series_ms: tuple[float | None, ...]
    by_model: tuple[Share, ...]
    by_provider: tuple[Share, ...]
    confidence: ConfidenceSplit
    recent: tuple[UsageRecord, ...]

    @property
    def is_empty(self) -> bool:
        """Whether no call or attempt is shown."""
        return self.usage.is_empty


def overview(look: Look, filters: Filters) -> Overview:
    """Ask for everything that the overview shows."""
    question, previous = filters.question(look.now, look.zone), previous_question(look, filters)
    return Overview(
        now=look.now,
        filters=filters,
        usage=look.ask(read.totals, question),
        previous=_if_kept(lambda: look.ask_heavy(read.totals, previous)),
        series=look.ask(read.series, question),
        stack=stacked_cost(look.ask(read.stack, question, top=TOP_SERIES), question),
        p95_ms=look.ask_heavy(read.latency_p95_ms, question),
        previous_p95_ms=_if_kept(lambda: look.ask_heavy(read.latency_p95_ms, previous)),
        p95_series_ms=look.ask_heavy(read.latency_p95_series, question).p95_ms,
        by_model=look.ask(read.shares, question.grouped_by(Dimension.MODEL), top=TOP_SHARES),
        by_provider=look.ask(read.shares, question.grouped_by(Dimension.PROVIDER), top=TOP_SHARES),
        confidence=look.ask_heavy(read.confidence, question),
        recent=look.ask(read.recent, question, limit=RECENT_CALLS),
    )


def _if_kept(ask: Callable[[], Answer]) -> Answer | None:
    """Go without a comparison where the calls that could tell are pruned."""
    try:
        return ask()
    except NoLongerKept:
        return None


def stacked_cost(stack: Stack, question: Question) -> StackedCost:
    """Take the costs out of a stack, the rest last."""
    names = [name_of(member) for member in stack.members]
    return StackedCost(
        buckets=stack.buckets,
        bucket_length=question.granularity.length,
        zone=question.zone,
        names=(*names, *([] if stack.other is None else [f"{stack.other_count} others"])),
        cost_nano_usd=(*stack.cost_nano_usd, *([] if stack.other is None else [stack.other])),
        has_rest=stack.other is not None,
    )


def previous_question(look: Look, filters: Filters) -> Question:
    """Ask the same about the time before, up to the same point."""
    period = filters.period(look.now, look.zone)
    return filters.question(look.now, look.zone).between(period.previous_start, period.previous_end)
