"""Who looks after an alert in, kept out: of the alert, and of the anomaly that it is about."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from usage_plugin.alerts.finding import Source
from usage_plugin.store.alerts import AlertState, set_alert_state
from usage_plugin.store.analysis_tables import AlertRow
from usage_plugin.store.anomalies import ACTIVE, State, anomaly, set_state


def look_after(engine: Engine, number: int, *, by: str | None, now: datetime) -> AlertRow:
    """Keep that somebody looks after an alert: nobody is reminded of it any more, unless it becomes more severe.

    Args:
        engine: Of a migrated database.
        number: Of the alert.
        by: Who does.
        now: The present moment.

    Raises:
        InputError: There is no such alert, or it is over.
        StoreUnavailable: The database does not answer.
    """
    return _say(engine, number, AlertState.ACKNOWLEDGED, by, now)


def open_again(engine: Engine, number: int, *, by: str | None, now: datetime) -> AlertRow:
    """Keep that nobody looks after an alert any more; see `look_after`."""
    return _say(engine, number, AlertState.OPEN, by, now)


def _say(engine: Engine, number: int, state: AlertState, by: str | None, now: datetime) -> AlertRow:
    row = set_alert_state(engine, number, state.value, by=by, now=now)
    found = anomaly(engine, row.source_id) if row.source == Source.ANOMALY and row.source_id is not None else None
    known = None if found is None else found.anomaly
    # Of an anomaly its own page says who looks after it, and the alert follows.
    if known is not None and known.state in ACTIVE and known.state != state.value:
        set_state(engine, known.id or 0, State(state.value).value, by=by, note=None, now=now)
    return row
