"""What a part of the calls is going to cost: a part and a period in, spent so far and what is expected out."""

from usage_plugin.outlook.outlook import DayAhead, Outlook, PeriodForecast, outlook

__all__ = ["DayAhead", "Outlook", "PeriodForecast", "outlook"]
