"""What a part of the calls is going to cost: a part and a period in, spent so far and what is expected out."""

from usage_plugin.outlook.outlook import CALENDAR, DayAhead, Outlook, PeriodForecast, outlook, outlooks
from usage_plugin.outlook.records import RecordedError, keep_outlooks, recorded_error, settle_outlooks

__all__ = [
    "CALENDAR",
    "DayAhead",
    "Outlook",
    "PeriodForecast",
    "RecordedError",
    "keep_outlooks",
    "outlook",
    "outlooks",
    "recorded_error",
    "settle_outlooks",
]
