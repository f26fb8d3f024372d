"""Daily values in, the sum of a period's remaining days out, with intervals and how wrong such sums have been."""

from usage_plugin.analysis.forecast.day import RestOfDay, forecast_rest_of_day
from usage_plugin.analysis.forecast.forecast import (
    LEAST_DAYS,
    Forecast,
    Interval,
    NoForecast,
    Reason,
    forecast,
    forecast_period,
)
from usage_plugin.analysis.forecast.models import Model
from usage_plugin.analysis.forecast.periods import Period, days_left, last_day_of

__all__ = [
    "LEAST_DAYS",
    "Forecast",
    "Interval",
    "Model",
    "NoForecast",
    "Period",
    "Reason",
    "RestOfDay",
    "days_left",
    "forecast",
    "forecast_period",
    "forecast_rest_of_day",
    "last_day_of",
]
