"""A verdict of the gate in, the answer that a refused client gets out."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from fastapi import HTTPException

from usage_plugin.gate import Limit, Refused
from usage_plugin.money import rounded_usd

TOO_MANY_REQUESTS = 429
SOON = timedelta(seconds=2)
"""Calls in flight may need what is left; some of them will have ended by then."""


class BudgetSpent(HTTPException):
    """A budget has no room for a call. Its name is the row's ``error_class``."""

    def __init__(self, verdict: Refused, zone: ZoneInfo, now: datetime) -> None:
        limit = verdict.limit
        again_at = limit.ends_at if verdict.is_spent else now + SOON
        detail = {
            "error": _in_words(limit, zone, is_spent=verdict.is_spent),
            "type": "budget_exceeded",
            "budget": limit.name,
            "amount_usd": limit.amount_nano_usd / 1e9,
            "resets_at": limit.ends_at.astimezone(UTC).isoformat(),
        }
        wait_s = max(math.ceil((again_at - now).total_seconds()), 1)
        # OpenAI's client tries twice again unless it is told not to; nothing changes for it before that moment.
        headers = {"retry-after": str(wait_s)} | ({"x-should-retry": "false"} if verdict.is_spent else {})
        super().__init__(TOO_MANY_REQUESTS, detail, headers)


def _in_words(limit: Limit, zone: ZoneInfo, *, is_spent: bool) -> str:
    budget = f"The budget {limit.name!r} of {rounded_usd(limit.amount_nano_usd)} {limit.period}"
    if not is_spent:
        return f"{budget} may be used up by calls that run just now. Try again in a moment."
    moment = f"{limit.ends_at.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"
    if limit.is_rolling:
        return f"{budget} is spent. Its first day drops out at {moment}."
    return f"{budget} is spent. It resets at {moment}."
