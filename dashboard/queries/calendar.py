"""A look in, what is planned out; and what somebody entered in, an event kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from dashboard.acts import text_in
from dashboard.data import Data, Look
from dashboard.period import picked
from dashboard.queries.names import member_in
from usage_plugin.errors import InputError
from usage_plugin.store.analysis_tables import PlannedEvent
from usage_plugin.store.calendar import forget_event, plan_event, planned_events

LONGEST_NAME = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """What the page shows: what goes on or comes, the next first; and what is over, the last first."""

    now: datetime
    zone: ZoneInfo
    coming: tuple[PlannedEvent, ...]
    over: tuple[PlannedEvent, ...]
    is_empty: bool = False

    def event(self, number: int | None) -> PlannedEvent | None:
        """Give the event of a number."""
        return next((each for each in (*self.coming, *self.over) if each.id == number), None)


def calendar(look: Look) -> Calendar:
    """Give everything that is planned."""
    events = look.ask_found(planned_events)
    coming = tuple(event for event in events if event.ends_at > look.now)
    over = tuple(event for event in reversed(events) if event.ends_at <= look.now)
    return Calendar(now=look.now, zone=look.zone, coming=coming, over=over)


def keep_event(data: Data, given: Mapping[str, Any]) -> str:
    """Keep what was entered.

    Raises:
        InputError: It cannot work: says what and why.
        StoreUnavailable: The database does not take it.
    """
    dimension, member = member_in(data.look(), given["dimension"], given["member"])
    event = plan_event(
        data.engine,
        text_in(given["name"], LONGEST_NAME),
        starts_at=_moment(given["start"], data.zone, "begin"),
        ends_at=_moment(given["end"], data.zone, "end"),
        dimension=dimension,
        member=member,
        note=text_in(given["note"]) or None,
        now=data.clock(),
    )
    return f"Event {event.name} is planned"


def drop_event(data: Data, number: int | None) -> str:
    """Take an event out of the calendar.

    Raises:
        InputError: There is none of this number.
        StoreUnavailable: The database does not take it.
    """
    if number is None or not forget_event(data.engine, number):
        raise InputError(f"there is no event {number}", "It may have been removed already")
    return "The event is removed"


def _moment(value: Any, zone: ZoneInfo, name: str) -> datetime:
    moment = picked(value if isinstance(value, str) else None, zone)
    if moment is None:
        raise InputError(f"the {name} is missing", "Choose a day and a time")
    return moment
