"""A look in, what people are and were told of, and what became of each message, out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from dashboard.data import Look
from usage_plugin.store.alerts import ACTIVE, alerts, messages
from usage_plugin.store.analysis_tables import AlertMessage, AlertRow

LISTED: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLog:
    """What the page shows."""

    now: datetime
    zone: ZoneInfo
    active: tuple[AlertRow, ...]
    messages: tuple[AlertMessage, ...]
    is_empty: bool = False


def alert_log(look: Look) -> AlertLog:
    """Give what goes on, and the newest messages."""
    states = tuple(state.value for state in ACTIVE)
    active = look.ask_found(alerts, states=states, limit=LISTED)
    told = look.ask_found(messages, limit=LISTED)
    return AlertLog(now=look.now, zone=look.zone, active=tuple(active), messages=tuple(told))
