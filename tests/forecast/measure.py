"""Forecasts beside what came: errors of the sum, and how often it was within its interval."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tests.detection.spend import by_day, generate
from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.analysis.forecast import Forecast, Model, forecast

DAYS_A_MONTH = 30
RHYTHM_DAYS = 21
QUIET_END_DAYS = 16
"""The generator lets nothing begin in the last 15 days: they are cut off, or forecasts would look too good."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was known when a forecast was asked for, and what came."""

    history: FloatArray
    coming: FloatArray
    elapsed_days: int
    """Of the month, for a run-rate of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Sums of shape ``(asked,)`` that came and were forecast, and shares of them within intervals."""

    actual: FloatArray
    forecasts: dict[str, FloatArray]
    within_80: float
    within_95: float
    models: dict[str, int]

    def smape(self, name: str) -> float:
        """Give the symmetric error in percent, of 200 at most."""
        expected = self.forecasts[name]
        both = self.actual + expected
        missed = np.abs(self.actual - expected)
        return float(200 * np.divide(missed, both, out=np.zeros_like(both), where=both > 0).mean())

    def relative_error(self, name: str) -> float:
        """Give the median miss in percent of what came."""
        return float(100 * np.median(np.abs(self.actual - self.forecasts[name]) / np.maximum(self.actual, 1e-12)))


def generated(seeds: tuple[int, ...], tenants: int, known_days: int, ahead: int) -> Iterator[Asked]:
    """Ask once of each generated tenant, on different days, since the generator's events keep a rhythm."""
    for seed in seeds:
        days = known_days + RHYTHM_DAYS + ahead + QUIET_END_DAYS
        for number, each in enumerate(by_day(generate(seed, tenants, days).cost_usd)):
            begins = number % RHYTHM_DAYS
            known, coming, _ = np.split(each[begins:], [known_days, known_days + ahead])
            yield Asked(known, coming, DAYS_A_MONTH - ahead if ahead < DAYS_A_MONTH else DAYS_A_MONTH)


def measure(asked: list[Asked]) -> Outcome:
    """Forecast all of them; what has no forecast is an error here."""
    made = [_made(each) for each in asked]
    actual = np.array([each.coming.sum() for each in asked])
    within = {
        name: np.array([low <= came <= high for (low, high), came in zip(bounds, actual, strict=True)]).mean()
        for name, bounds in (("80", [each.interval_80 for each in made]), ("95", [each.interval_95 for each in made]))
    }
    return Outcome(
        actual=actual,
        forecasts={
            "ours": np.array([each.remaining for each in made]),
            "seasonal naive": np.array([_seasonal_naive(each) for each in asked]),
            "run-rate of the month": np.array([_run_rate(each, each.elapsed_days) for each in asked]),
            "run-rate of 30 days": np.array([_run_rate(each, DAYS_A_MONTH) for each in asked]),
        },
        within_80=float(within["80"]),
        within_95=float(within["95"]),
        models={name.value: sum(each.model is name for each in made) for name in Model},
    )


def _made(asked: Asked) -> Forecast:
    made = forecast(asked.history, asked.coming.size)
    assert isinstance(made, Forecast)
    return made


def _seasonal_naive(asked: Asked) -> float:
    return float(np.resize(asked.history[-7:], asked.coming.size).sum())


def _run_rate(asked: Asked, days: int) -> float:
    return float(asked.history[-days:].mean() * asked.coming.size)
