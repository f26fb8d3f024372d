"""Parts of the calls in, their forecasts kept each day out, and how wrong those were when their periods were over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from usage_plugin.errors import NoLongerKept
from usage_plugin.outlook.outlook import CALENDAR, Outlook, PeriodForecast, outlooks
from usage_plugin.periods import Period, Span, span_of
from usage_plugin.store.budgets import budgets
from usage_plugin.store.forecasts import Forecasted, keep_forecasts, open_forecasts, settle, settled, was_made
from usage_plugin.store.part import Part
from usage_plugin.store.read import Dimension, Question, members, totals

SETTLED_AFTER: Final = timedelta(hours=6)
"""Calls of a period may be stored after its end."""
MOST_TEAMS: Final = 20
"""Of which forecasts are kept without being asked for, those that cost most in the last month."""
_MONTH = timedelta(days=30)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RecordedError:
    """How wrong forecasts were that were kept before their periods were over."""

    forecasts: int
    error: float | None
    """Mean miss as a share of the mean of what was still to come; None where nothing came."""
    within_80: int
    within_95: int


def recorded_error(engine: Engine, part: Part, period: Period) -> RecordedError | None:
    """Say how wrong the last forecasts of such periods were; ``None`` where none is over yet.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    past = settled(engine, part, period)
    return _error(past) if past else None


def _error(past: Sequence[Forecasted]) -> RecordedError:
    actual = [each.actual_nano_usd or 0 for each in past]
    missed = sum(abs(each.expected_nano_usd - came) for each, came in zip(past, actual, strict=True))
    to_come = sum(max(came - each.spent_nano_usd, 0) for each, came in zip(past, actual, strict=True))
    return RecordedError(
        forecasts=len(past),
        error=missed / to_come if to_come else None,
        within_80=sum(
            each.low_80_nano_usd <= came <= each.high_80_nano_usd for each, came in zip(past, actual, strict=True)
        ),
        within_95=sum(
            each.low_95_nano_usd <= came <= each.high_95_nano_usd for each, came in zip(past, actual, strict=True)
        ),
    )


def keep_outlooks(engine: Engine, now: datetime, zone: ZoneInfo, breathe: Callable[[int, int], None]) -> int:
    """Keep today's forecasts of all calls, of all budgets' and of the largest teams, once a day; gives how many.

    Args:
        engine: Of a migrated database.
        now: The present moment.
        zone: Whose days.
        breathe: Told what is done and what there is in all, after each part.

    Raises:
        StoreError: The database does not answer.
    """
    made_on = now.astimezone(zone).date() - _DAY
    if was_made(engine, made_on):
        return 0
    parts, made = _parts(engine, now, zone), list[Forecasted]()
    for done, part in enumerate(parts):
        breathe(done, len(parts))
        try:
            found = outlooks(engine, part, CALENDAR, now, zone)
        except NoLongerKept:
            continue
        made.extend(
            _forecasted(each, each.forecast, now, zone) for each in found if isinstance(each.forecast, PeriodForecast)
        )
    return keep_forecasts(engine, made)


def settle_outlooks(engine: Engine, now: datetime, zone: ZoneInfo) -> int:
    """Write down what became of forecasts whose periods are over; gives how many.

    Raises:
        StoreError: The database does not answer.
    """
    came: dict[tuple[Part, Span], int | None] = {}
    amounts: dict[int, int] = {}
    for each in open_forecasts(engine):
        first = Span.of_days(each.starts_on, each.starts_on, zone).start
        span = span_of(each.period, first, zone)
        if each.id is None or span.end + SETTLED_AFTER > now:
            continue
        if (each.part, span) not in came:
            came[each.part, span] = _cost(engine, each.part.question(span.start, span.end, zone))
        # What nobody knows the price of, or can tell any more, is no zero: such a forecast stays open.
        if (amount := came[each.part, span]) is not None:
            amounts[each.id] = amount
    settle(engine, amounts)
    return len(amounts)


def _cost(engine: Engine, question: Question) -> int | None:
    try:
        usage = totals(engine, question)
    except NoLongerKept:
        return None
    return 0 if usage.is_empty else usage.cost_nano_usd


def _parts(engine: Engine, now: datetime, zone: ZoneInfo) -> list[Part]:
    month = replace(Part().question(now - _MONTH, now, zone).grouped_by(Dimension.TEAM), as_kept=True)
    teams = [member.value for member, _ in members(engine, month)][:MOST_TEAMS]
    named: Iterable[Part] = (each.part for each in budgets(engine))
    largest = (Part(Dimension.TEAM, team) for team in teams if team)
    return list(dict.fromkeys((Part(), *named, *largest)))


def _forecasted(found: Outlook, made: PeriodForecast, now: datetime, zone: ZoneInfo) -> Forecasted:
    return Forecasted(
        part=found.part,
        period=found.period,
        starts_on=found.span.first_day,
        made_on=now.astimezone(zone).date() - _DAY,
        made_at=now,
        model=made.model,
        spent_nano_usd=found.spent_nano_usd,
        expected_nano_usd=made.expected_nano_usd,
        low_80_nano_usd=made.low_80_nano_usd,
        high_80_nano_usd=made.high_80_nano_usd,
        low_95_nano_usd=made.low_95_nano_usd,
        high_95_nano_usd=made.high_95_nano_usd,
    )
