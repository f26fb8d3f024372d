"""A look in, what people are and were told of, and what became of each message, out; who looks after what, kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from dashboard.acts import text_in
from dashboard.data import Data, Look
from usage_plugin.alerts import look_after, open_again
from usage_plugin.store.alerts import ACTIVE, alert, alerts, messages
from usage_plugin.store.analysis_tables import AlertMessage, AlertRow

LISTED: Final = 100
LONGEST_NAME: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLog:
    """What the page shows."""

    now: datetime
    zone: ZoneInfo
    active: tuple[AlertRow, ...]
    messages: tuple[AlertMessage, ...]
    chosen: AlertRow | None = None
    is_empty: bool = False


def alert_log(look: Look, number: int | None = None) -> AlertLog:
    """Give what goes on, the newest messages, and the alert of a number where one is chosen."""
    states = tuple(state.value for state in ACTIVE)
    active = look.ask_found(alerts, states=states, limit=LISTED)
    told = look.ask_found(messages, limit=LISTED)
    chosen = None if number is None else look.ask_found(alert, number)
    return AlertLog(now=look.now, zone=look.zone, active=tuple(active), messages=tuple(told), chosen=chosen)


def take(data: Data, number: int | None, by: Any) -> str:
    """Keep that somebody looks after an alert.

    Raises:
        InputError: There is none of this number that goes on, or the name is too long.
        StoreError: The database does not take it.
    """
    name, row = _say(data, look_after, number, by)
    return f"{name or 'Somebody'} looks after “{row.title}”: nobody is reminded of it unless it becomes more severe"


def give_back(data: Data, number: int | None, by: Any) -> str:
    """Keep that nobody looks after an alert any more; see `take`."""
    _, row = _say(data, open_again, number, by)
    return f"“{row.title}” is open again"


def _say(data: Data, act: Callable[..., AlertRow], number: int | None, by: Any) -> tuple[str | None, AlertRow]:
    name = text_in(by, LONGEST_NAME) or None
    return name, act(data.engine, number or 0, by=name, now=data.clock())
