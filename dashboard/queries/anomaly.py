"""A look and a number in, everything that an anomaly's page shows out; and what somebody says of it in, kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from dashboard.acts import text_in
from dashboard.data import Data, Look
from dashboard.frames import Watched
from dashboard.queries.watched import watched
from usage_plugin.detect import Why
from usage_plugin.store.anomalies import AnomalyDetail, State, anomaly, set_state

LONGEST_NAME = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the page shows."""

    now: datetime
    zone: ZoneInfo
    number: int | None
    detail: AnomalyDetail | None
    """``None`` where there is none of this number."""
    why: Why | None
    course: Watched | None
    is_empty: bool = False


def told(look: Look, number: int | None) -> Told:
    """Give an anomaly with its explanation and its series."""
    detail = None if number is None else look.ask_found(anomaly, number)
    why = None if detail is None else _why(detail.anomaly.explanation)
    course = None if detail is None else watched(look, detail.anomaly, why)
    return Told(now=look.now, zone=look.zone, number=number, detail=detail, why=why, course=course)


def say(data: Data, number: int | None, state: State | None, by: Any, note: Any) -> str:
    """Keep what somebody says of an anomaly; without a state only a note.

    Raises:
        InputError: There is none of this number, or a text is too long.
        StoreUnavailable: The database does not take it.
    """
    name, text = text_in(by, LONGEST_NAME) or None, text_in(note) or None
    found = None if number is None else anomaly(data.engine, number)
    known = State.OPEN if found is None else State(found.anomaly.state)
    set_state(data.engine, number or 0, (state or known).value, by=name, note=text, now=data.clock())
    return "The note is kept" if state is None else f"Kept as {state.value}"


def _why(explanation: str) -> Why | None:
    """Read why; what another version wrote may not be readable."""
    try:
        return Why.from_json(explanation)
    except (json.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
