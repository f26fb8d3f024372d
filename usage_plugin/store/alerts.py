"""What is found in, alerts from begin to end out; and the messages about them, each kept until it is delivered."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Engine, Select, delete, insert, select, update

from usage_plugin.errors import InputError
from usage_plugin.store.analysis_tables import AlertMessage, AlertRow
from usage_plugin.store.database import changing
from usage_plugin.store.read.sql import reading
from usage_plugin.store.tables import table_of

_ALERTS: Final = table_of(AlertRow)
_ALERT: Final = _ALERTS.c
_MESSAGES: Final = table_of(AlertMessage)
_MESSAGE: Final = _MESSAGES.c
LISTED = 500
SEVERITIES: Final = ("info", "warning", "critical")
MOST_ERROR = 300


class AlertState(StrEnum):
    """What has become of an alert."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    """Somebody looks after it: nobody is reminded any more."""
    RESOLVED = "resolved"


ACTIVE = (AlertState.OPEN, AlertState.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class Raised:
    """What a look at a source brought."""

    opened: int
    updated: int
    resolved: int

    def __add__(self, other: Raised) -> Raised:
        return Raised(self.opened + other.opened, self.updated + other.updated, self.resolved + other.resolved)


@dataclass(frozen=True, slots=True)
class Told:
    """An alert of which people were to be told: so severe it was then, and whether a channel takes it."""

    alert_id: int
    severity: str
    is_taken: bool = True


def alerts(
    engine: Engine, *, states: Collection[str] = (), sources: Collection[str] = (), limit: int = LISTED
) -> list[AlertRow]:
    """List alerts, the newest first.

    Args:
        engine: Of a migrated database.
        states: Only these; empty for all.
        sources: Only of these; empty for all.
        limit: How many at most.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    query = select(_ALERTS).order_by(_ALERT.opened_at.desc(), _ALERT.id.desc()).limit(limit)
    for column, wanted in ((_ALERT.state, states), (_ALERT.source, sources)):
        if wanted:
            query = query.where(column.in_([str(each) for each in wanted]))
    with reading(engine) as connection:
        return _alerts(connection, query)


def alert(engine: Engine, alert_id: int) -> AlertRow | None:
    """Give one alert; ``None`` where there is none of this number.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    with reading(engine) as connection:
        return next(iter(_alerts(connection, select(_ALERTS).where(_ALERT.id == alert_id))), None)


def alerts_by_id(engine: Engine, ids: Collection[int]) -> list[AlertRow]:
    """Give some alerts by their numbers.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    if not ids:
        return []
    with reading(engine) as connection:
        return _alerts(connection, select(_ALERTS).where(_ALERT.id.in_(sorted(ids))))


def keep_alerts(
    engine: Engine,
    source: str,
    found: Sequence[AlertRow],
    *,
    now: datetime,
    over_before: datetime,
    follows: bool = False,
) -> Raised:
    """Open what is new, bring what goes on up to date, and resolve what is over.

    Args:
        engine: Of a migrated database.
        source: Of all of *found*, which is everything that is true of it now.
        found: Each with another key.
        now: The present moment.
        over_before: What was true last before this moment is over, so that nobody hears of each flicker.
        follows: Whether the source knows who looks after what, so that an alert is as open as what it is about.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    with changing(engine) as connection:
        is_active = _ALERT.state.in_([str(state) for state in ACTIVE])
        mine = select(_ALERTS).where(is_active, _ALERT.source == source)
        active = {row.alert_key: row for row in _alerts(connection, mine)}
        opened = [row for row in found if row.alert_key not in active]
        going_on = [row for row in found if row.alert_key in active]
        for row in opened:
            connection.execute(insert(_ALERTS).values(**row.model_dump(exclude={"id"})))
        for row in going_on:
            _update(connection, active[row.alert_key], row, now, follows=follows)
        seen = {row.alert_key for row in found}
        # What was seen later than now was seen before the clock was set back.
        over = [row.id for key, row in active.items() if key not in seen and not over_before < row.seen_at <= now]
        if over:
            ended = {"state": AlertState.RESOLVED.value, "resolved_at": now}
            connection.execute(update(_ALERTS).where(_ALERT.id.in_(over)).values(**ended))
        return Raised(len(opened), len(going_on), len(over))


def set_alert_state(engine: Engine, alert_id: int, state: str, *, by: str | None, now: datetime) -> AlertRow:
    """Keep that somebody looks after an alert, or that it is open again, or done with.

    Raises:
        InputError: There is no such alert or state, or it is over.
        StoreUnavailable: The database does not answer.
    """
    if state not in set(AlertState):
        raise InputError(f"an alert cannot be {state!r}", f"It can be {', '.join(AlertState)}")
    values = {"state": str(state), "state_by": by, "resolved_at": now if state == AlertState.RESOLVED else None}
    is_active = _ALERT.state.in_([str(each) for each in ACTIVE])
    with changing(engine) as connection:
        changed = connection.execute(update(_ALERTS).where(_ALERT.id == alert_id, is_active).values(**values)).rowcount
        if not changed:
            raise InputError(f"there is no alert {alert_id} that goes on", "Load the list again")
        return _alerts(connection, select(_ALERTS).where(_ALERT.id == alert_id))[0]


def to_tell(engine: Engine) -> list[AlertRow]:
    """Give the alerts that people may have to be told of: those that go on, and those whose end they were not told of.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    is_active = _ALERT.state.in_([str(state) for state in ACTIVE])
    end_untold = (_ALERT.told_at.is_not(None)) & (_ALERT.told_severity != AlertState.RESOLVED.value)
    with reading(engine) as connection:
        return _alerts(connection, select(_ALERTS).where(is_active | end_untold).order_by(_ALERT.id))


def messages(
    engine: Engine, *, channel: str | None = None, undelivered: bool = False, limit: int = LISTED
) -> list[AlertMessage]:
    """List messages, the newest first.

    Args:
        engine: Of a migrated database.
        channel: Only to this one.
        undelivered: Only those that wait or were given up.
        limit: How many at most.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    query = select(_MESSAGES).order_by(_MESSAGE.id.desc()).limit(limit)
    if channel is not None:
        query = query.where(_MESSAGE.channel == channel)
    if undelivered:
        query = query.where(_MESSAGE.delivered_at.is_(None))
    with reading(engine) as connection:
        return _messages(connection, query)


def untried_messages(engine: Engine, now: datetime) -> list[AlertMessage]:
    """Give the messages that wait for their time and were never tried: what is new may join them.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    waits = (_MESSAGE.delivered_at.is_(None), _MESSAGE.given_up_at.is_(None), _MESSAGE.attempts == 0)
    with reading(engine) as connection:
        return _messages(connection, select(_MESSAGES).where(*waits, _MESSAGE.due_at > now).order_by(_MESSAGE.id))


def due_messages(engine: Engine, now: datetime) -> list[AlertMessage]:
    """Give the messages that are to be sent now, the oldest first.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    waits = (_MESSAGE.delivered_at.is_(None), _MESSAGE.given_up_at.is_(None))
    with reading(engine) as connection:
        return _messages(connection, select(_MESSAGES).where(*waits, _MESSAGE.due_at <= now).order_by(_MESSAGE.id))


def keep_messages(engine: Engine, made: Sequence[AlertMessage], told: Sequence[Told], now: datetime) -> None:
    """Write messages, and in the same transaction that their alerts are told: none is made twice, none is left out.

    Args:
        engine: Of a migrated database.
        made: Those with a number in the place of what is kept, the others as new ones.
        told: Of which alerts; it is noted which of them no channel takes, so that one that comes later hears of them.
        now: The present moment.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    with changing(engine) as connection:
        for message in made:
            values = message.model_dump(exclude={"id"})
            if message.id is None:
                connection.execute(insert(_MESSAGES).values(**values))
            else:
                connection.execute(update(_MESSAGES).where(_MESSAGE.id == message.id).values(**values))
        for each in told:
            connection.execute(update(_ALERTS).where(_ALERT.id == each.alert_id).values(**_marks(each, now)))


def _marks(told: Told, now: datetime) -> Mapping[str, Any]:
    if told.is_taken:
        return {"told_at": now, "told_severity": told.severity, "untaken_at": None}
    if told.severity == AlertState.RESOLVED:
        # Whoever heard of its begin hears of nothing any more: a channel that comes later has no use for its end.
        return {"told_severity": told.severity}
    return {"untaken_at": now}


def note_attempt(
    engine: Engine, message_id: int, *, attempts: int, error: str | None, now: datetime, again_at: datetime | None
) -> None:
    """Keep what became of an attempt to deliver a message.

    Args:
        engine: Of a migrated database.
        message_id: Which one.
        attempts: How many there were, with this one.
        error: What went wrong, without address and secret; ``None`` where it was taken.
        now: The present moment.
        again_at: When to try again; ``None`` where it is given up.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    values: dict[str, Any] = {"attempts": attempts, "last_error": error[:MOST_ERROR] if error else None}
    if error is None:
        values["delivered_at"] = now
    elif again_at is None:
        values["given_up_at"] = now
    else:
        values["due_at"] = again_at
    with changing(engine) as connection:
        connection.execute(update(_MESSAGES).where(_MESSAGE.id == message_id).values(**values))


def forget_alerts(engine: Engine, before: datetime) -> int:
    """Delete what was over by then, and the messages that were made by then; gives how many rows.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    with changing(engine) as connection:
        gone = connection.execute(delete(_MESSAGES).where(_MESSAGE.made_at < before)).rowcount
        return gone + connection.execute(delete(_ALERTS).where(_ALERT.resolved_at < before)).rowcount


def _update(connection: Connection, kept: AlertRow, found: AlertRow, now: datetime, *, follows: bool) -> None:
    """Bring an alert up to date; it does not become less severe."""
    state, by = _state(kept, found, follows=follows)
    values: Mapping[str, Any] = {
        "severity": max(kept.severity, found.severity, key=SEVERITIES.index),
        "label": found.label,
        "owner": found.owner,
        "title": found.title,
        "body": found.body,
        "details": found.details,
        "at_stake_nano_usd": found.at_stake_nano_usd,
        "source_id": found.source_id,
        "seen_at": now,
        "worse_at": found.worse_at,
        "state": state,
        "state_by": by,
    }
    connection.execute(update(_ALERTS).where(_ALERT.id == kept.id).values(**values))


def _state(kept: AlertRow, found: AlertRow, *, follows: bool) -> tuple[str, str | None]:
    """Say whether somebody looks after an alert: whoever does has said so of what was as severe as it was then."""
    if SEVERITIES.index(found.severity) > SEVERITIES.index(kept.severity):
        return AlertState.OPEN.value, None
    is_said = found.state == AlertState.ACKNOWLEDGED and kept.state == AlertState.OPEN
    return (found.state, found.state_by) if follows or is_said else (kept.state, kept.state_by)


def _alerts(connection: Connection, query: Select[Any]) -> list[AlertRow]:
    return [AlertRow(**row) for row in connection.execute(query).mappings()]


def _messages(connection: Connection, query: Select[Any]) -> list[AlertMessage]:
    return [AlertMessage(**row) for row in connection.execute(query).mappings()]
