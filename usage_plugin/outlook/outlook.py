"""A part of the calls and a period in, what it has cost, and what it is expected to have cost at the end, out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Engine

from usage_plugin.analysis.forecast import Forecast, Interval, NoForecast, RestOfDay, forecast, forecast_rest_of_day
from usage_plugin.errors import NoLongerKept
from usage_plugin.money import NANO_PER_USD
from usage_plugin.outlook.history import HOURS_A_DAY, History, read_history
from usage_plugin.periods import Period, Span, span_of
from usage_plugin.store.part import Part
from usage_plugin.store.read import totals

CALENDAR: Final = (Period.DAY, Period.WEEK, Period.MONTH, Period.QUARTER)
LEAST_HISTORY_DAYS: Final = 240
ALIKE: Final = 0.5
"""How much the errors of today and of the days after it are alike: neither one error nor two of chance."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DayAhead:
    """What a day is expected to cost; of today what is still to come."""

    span: Span
    expected_nano_usd: int

    @property
    def day(self) -> date:
        """The day, in the zone that was asked for."""
        return self.span.first_day


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodForecast:
    """What the whole period is expected to cost: what is spent already, and the rest."""

    expected_nano_usd: int
    low_80_nano_usd: int
    high_80_nano_usd: int
    low_95_nano_usd: int
    high_95_nano_usd: int
    model: str
    past_error: float | None
    """Mean miss of what was still to come, at earlier days, as a share of its mean; None where nothing came."""
    days_ahead: tuple[DayAhead, ...]
    """Today's rest first, up to the last day of the period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A period of a part of the calls. Unpriced calls cost something that nobody knows, so they are counted beside."""

    part: Part
    period: Period
    span: Span
    asked_at: datetime
    spent_nano_usd: int
    """The costs that are known."""
    estimated_nano_usd: int
    """Part of it, of calls whose tokens or price were estimated."""
    partial_nano_usd: int
    """Part of it, of calls that have cost more than that: a part of their usage has no price."""
    requests: int
    unpriced_requests: int
    forecast: PeriodForecast | NoForecast

    @property
    def expected_nano_usd(self) -> int | None:
        """What the whole period is expected to cost; ``None`` where nothing is forecast."""
        return self.forecast.expected_nano_usd if isinstance(self.forecast, PeriodForecast) else None

    def reaches(self, amount_nano_usd: int) -> datetime | None:
        """Say when spend is expected to reach an amount; ``None`` where it has already, or not within the period."""
        if not isinstance(self.forecast, PeriodForecast) or self.spent_nano_usd >= amount_nano_usd:
            return None
        spent, begins = self.spent_nano_usd, self.asked_at
        for each in self.forecast.days_ahead:
            if each.expected_nano_usd > 0 and spent + each.expected_nano_usd >= amount_nano_usd:
                share = (amount_nano_usd - spent) / each.expected_nano_usd
                return begins + share * (each.span.end - begins)
            spent, begins = spent + each.expected_nano_usd, each.span.end
        return None


def outlook(
    engine: Engine, part: Part, period: Period, now: datetime, zone: ZoneInfo, *, rolling_days: int | None = None
) -> Outlook:
    """Say what a period costs.

    A rolling one ends with today, so that its forecast is of the end of today.

    Args:
        engine: Of a migrated database.
        part: Of which calls.
        period: Its kind: the one that *now* lies in.
        now: The present moment.
        zone: Whose days.
        rolling_days: Length of a rolling period.

    Raises:
        StoreError: The database does not answer.
        NoLongerKept: The first days of the period are gone.
        ValueError: A rolling period has no length.
    """
    span = span_of(period, now, zone, rolling_days)
    history = read_history(engine, part, now, zone, _history_days(span, now, zone))
    return _outlook(engine, _Asked(part, period, span, now, zone), history)


def outlooks(engine: Engine, part: Part, periods: Sequence[Period], now: datetime, zone: ZoneInfo) -> list[Outlook]:
    """Say what several periods of the calendar cost, those that can be told; the history is read once.

    Raises:
        StoreError: The database does not answer.
        NoLongerKept: The first days of each of them are gone.
    """
    spans = [span_of(period, now, zone) for period in periods]
    days = max((_history_days(span, now, zone) for span in spans), default=LEAST_HISTORY_DAYS)
    history = read_history(engine, part, now, zone, days)
    asked = (_Asked(part, period, span, now, zone) for period, span in zip(periods, spans, strict=True))
    found, gone = list[Outlook](), list[NoLongerKept]()
    for each in asked:
        try:
            found.append(_outlook(engine, each, history))
        except NoLongerKept as error:
            gone.append(error)
    if gone and not found:
        raise gone[0]
    return found


@dataclass(frozen=True, slots=True)
class _Asked:
    part: Part
    period: Period
    span: Span
    now: datetime
    zone: ZoneInfo

    @property
    def days_after(self) -> int:
        return _days_after(self.span, self.now, self.zone)


def _days_after(span: Span, now: datetime, zone: ZoneInfo) -> int:
    return (span.last_day - now.astimezone(zone).date()).days


def _history_days(span: Span, now: datetime, zone: ZoneInfo) -> int:
    return max(LEAST_HISTORY_DAYS, 4 * _days_after(span, now, zone))


def _outlook(engine: Engine, asked: _Asked, history: History) -> Outlook:
    spent = totals(engine, asked.part.question(asked.span.start, asked.span.end, asked.zone))
    known = spent.cost_nano_usd or 0
    return Outlook(
        part=asked.part,
        period=asked.period,
        span=asked.span,
        asked_at=asked.now,
        spent_nano_usd=known,
        estimated_nano_usd=spent.estimated_cost_nano_usd,
        partial_nano_usd=spent.partial_cost_nano_usd,
        requests=spent.requests,
        unpriced_requests=spent.unpriced_requests,
        forecast=forecast_of(history, known, asked.days_after, asked.now, asked.zone),
    )


def forecast_of(
    history: History, spent_nano_usd: int, days_after: int, now: datetime, zone: ZoneInfo
) -> PeriodForecast | NoForecast:
    """Forecast a period from its history alone.

    Args:
        history: Dollars up to now.
        spent_nano_usd: In the period.
        days_after: Days of the period after today.
        now: The present moment.
        zone: Whose days.
    """
    rest = _rest_of_today(history)
    if isinstance(rest, NoForecast):
        return rest
    if not days_after:
        return _together(spent_nano_usd, rest, None, _days_ahead(rest, None, now, zone))
    after = forecast(np.append(history.daily, history.today + rest.remaining), days_after)
    if isinstance(after, NoForecast):
        return after
    return _together(spent_nano_usd, rest, after, _days_ahead(rest, after, now, zone))


def _rest_of_today(history: History) -> RestOfDay | NoForecast:
    """Take it from the hours, or, where they tell too little, as the part that is left of what a day is expected to be.

    Only the days decide whether anything can be said: calls that began some weeks ago after a long pause have enough.
    """
    by_hours = forecast_rest_of_day(history.hours, history.today, history.elapsed_hours)
    if isinstance(by_hours, RestOfDay):
        return by_hours
    day = forecast(history.daily, 1)
    if isinstance(day, NoForecast):
        return day
    # Whoever never spent anything has no history, and is not expected to spend nothing.
    if not np.nansum(history.daily):
        return by_hours
    left = 1 - history.elapsed_hours / HOURS_A_DAY
    return RestOfDay(
        remaining=left * day.remaining,
        interval_80=Interval(*(left * each for each in day.interval_80)),
        interval_95=Interval(*(left * each for each in day.interval_95)),
        model=day.model.value,
        past_error=day.past_error,
        tested_days=day.tested_days,
    )


def _together(
    spent_nano_usd: int, rest: RestOfDay, after: Forecast | None, days_ahead: tuple[DayAhead, ...]
) -> PeriodForecast:
    to_come = rest.remaining + (0.0 if after is None else after.remaining)
    nothing = Interval(0.0, 0.0)
    low_80, high_80 = _joined(
        (rest.remaining, rest.interval_80),
        (0.0, nothing) if after is None else (after.remaining, after.interval_80),
    )
    low_95, high_95 = _joined(
        (rest.remaining, rest.interval_95),
        (0.0, nothing) if after is None else (after.remaining, after.interval_95),
    )
    expected, *bounds = (spent_nano_usd + _nano(each) for each in (to_come, low_80, high_80, low_95, high_95))
    return PeriodForecast(
        expected_nano_usd=expected,
        low_80_nano_usd=bounds[0],
        high_80_nano_usd=bounds[1],
        low_95_nano_usd=bounds[2],
        high_95_nano_usd=bounds[3],
        model=rest.model if after is None else after.model.value,
        past_error=_past_error(rest, after),
        days_ahead=days_ahead,
    )


def _joined(*parts: tuple[float, Interval]) -> Interval:
    """Add intervals up whose errors are somewhat alike."""
    middle = sum(each for each, _ in parts)
    below = [each - interval.low for each, interval in parts]
    above = [interval.high - each for each, interval in parts]
    return Interval(max(middle - _length(below), 0.0), middle + _length(above))


def _length(sides: list[float]) -> float:
    one, other = sides
    return math.sqrt(one * one + other * other + 2 * ALIKE * one * other)


def _past_error(rest: RestOfDay, after: Forecast | None) -> float | None:
    """Take the mean of both, by what each is about."""
    if after is None or after.past_error is None or rest.past_error is None:
        return rest.past_error if after is None else after.past_error
    to_come = rest.remaining + after.remaining
    if to_come <= 0:
        return after.past_error
    return (rest.past_error * rest.remaining + after.past_error * after.remaining) / to_come


def _days_ahead(rest: RestOfDay, after: Forecast | None, now: datetime, zone: ZoneInfo) -> tuple[DayAhead, ...]:
    today = now.astimezone(zone).date()
    sums = [rest.remaining, *([] if after is None else after.daily.tolist())]
    days = [today + number * _DAY for number in range(len(sums))]
    return tuple(DayAhead(Span.of_days(day, day, zone), _nano(each)) for day, each in zip(days, sums, strict=True))


def _nano(usd: float) -> int:
    return round(usd * NANO_PER_USD)
