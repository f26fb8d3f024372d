"""Whole periods at an hour of a day: what is spent, the rest of the day and the days after it, beside what came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from tests.detection.spend import generate
from tests.forecast.measure import QUIET_END_DAYS, RHYTHM_DAYS
from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.outlook.history import HOURLY_DAYS, HOURS_A_DAY, History
from usage_plugin.outlook.outlook import PeriodForecast, forecast_of
from usage_plugin.store.zones import UTC_ZONE

_MIDNIGHT: Final = datetime(2026, 11, 20, tzinfo=UTC)
NANO: Final = 1e9


@dataclass(frozen=True, slots=True)
class Moment:
    """An hour of a day with the days before it, and what came."""

    days: FloatArray
    """Shape ``(days, 24)``: whole days before this one, this one, and those after it."""
    known_days: int
    hour: int

    @property
    def history(self) -> History:
        """What is known at this hour."""
        known, today = self.days[: self.known_days], self.days[self.known_days]
        so_far = float(today[: self.hour].sum())
        return History(known.sum(1), known[-HOURLY_DAYS:], so_far, float(self.hour))

    @property
    def came(self) -> float:
        """What was still to come."""
        return float(self.days[self.known_days].sum() - self.history.today + self.days[self.known_days + 1 :].sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How forecasts did: shares within their intervals, and errors of what was to come in percent."""

    forecasts: int
    within_80: float
    within_95: float
    ours: float
    as_a_week_ago: float


def generated(seeds: tuple[int, ...], tenants: int, hour: int, days_after: int, known_days: int) -> Iterator[Moment]:
    """Ask once of each generated tenant, on different days, since the generator's events keep a rhythm."""
    for seed in seeds:
        days = known_days + RHYTHM_DAYS + 1 + days_after + QUIET_END_DAYS
        for number, each in enumerate(generate(seed, tenants, days).cost_usd):
            begins = number % RHYTHM_DAYS
            by_day = each.reshape(-1, HOURS_A_DAY)[begins : begins + known_days + 1 + days_after]
            yield Moment(by_day, known_days, hour)


def measure(moments: list[Moment]) -> Held:
    """Forecast all of them; what has no forecast is left out."""
    told = [(forecast, each) for each in moments if (forecast := _forecast(each)) is not None]
    came = np.array([each.came for _, each in told])
    expected = np.array([made.expected_nano_usd / NANO for made, _ in told])
    naive = np.array([_as_a_week_ago(each) for _, each in told])
    within = [
        np.mean([low <= each * NANO <= high for (low, high), each in zip(bounds, came, strict=True)])
        for bounds in (
            [(made.low_80_nano_usd, made.high_80_nano_usd) for made, _ in told],
            [(made.low_95_nano_usd, made.high_95_nano_usd) for made, _ in told],
        )
    ]
    return Held(
        forecasts=len(told),
        within_80=float(within[0]),
        within_95=float(within[1]),
        ours=_smape(came, expected),
        as_a_week_ago=_smape(came, naive),
    )


def _forecast(moment: Moment) -> PeriodForecast | None:
    days_after = len(moment.days) - moment.known_days - 1
    made = forecast_of(moment.history, 0, days_after, _MIDNIGHT + timedelta(hours=moment.hour), UTC_ZONE)
    return made if isinstance(made, PeriodForecast) else None


def _as_a_week_ago(moment: Moment) -> float:
    """Repeat the last week from this hour on."""
    week = moment.days[moment.known_days - 7 : moment.known_days]
    days = np.resize(week, (len(moment.days) - moment.known_days, HOURS_A_DAY))
    return float(days.sum() - days[0, : moment.hour].sum())


def _smape(came: FloatArray, expected: FloatArray) -> float:
    both = came + expected
    return float(200 * np.divide(np.abs(came - expected), both, out=np.zeros_like(both), where=both > 0).mean())
