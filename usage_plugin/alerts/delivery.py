"""Messages that are due in, delivered out: retried through an outage, each channel by itself."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from usage_plugin.alerts.routing import Channel, Routing
from usage_plugin.alerts.sending import NotSent, send
from usage_plugin.clock import Clock
from usage_plugin.logs import get_logger
from usage_plugin.store.alerts import due_messages, note_attempt
from usage_plugin.store.analysis_tables import AlertMessage

_log = get_logger(__name__)
FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(minutes=10)
AT_ONCE: Final = 8
# A message that a channel refuses for what it says keeps no other back.
IN_A_ROW: Final = 3
NO_CHANNEL: Final = "there is no channel of this name any more"


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of the messages that were due."""

    sent: int
    failed: int


@dataclass(frozen=True, slots=True)
class _Attempt:
    message: AlertMessage
    error: str | None


def deliver(engine: Engine, routing: Routing, clock: Clock) -> Delivered:
    """Send what is due: channels beside each other, a channel's messages in their order.

    A message that was taken while the process was killed before it noted so is sent again: twice rather than never.

    Args:
        engine: Of a migrated database.
        routing: Has the channels.
        clock: The present moment.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    by_channel: dict[str, list[AlertMessage]] = {}
    for message in due_messages(engine, clock()):
        by_channel.setdefault(message.channel, []).append(message)
    if not by_channel:
        return Delivered(0, 0)
    with ThreadPoolExecutor(min(len(by_channel), AT_ONCE)) as pool:
        attempts = list(pool.map(lambda each: _send_all(each, routing.channels), by_channel.values()))
    return _noted(engine, [attempt for some in attempts for attempt in some], routing, clock())


def pause_after(attempts: int) -> timedelta:
    """Say how long to wait after so many attempts: twice as long each time."""
    return min(FIRST_PAUSE * (1 << min(attempts - 1, 10)), LONGEST_PAUSE)


def tried_for(attempts: int) -> timedelta:
    """Say for how long a message was tried, with the pause that comes next."""
    return timedelta(seconds=sum(pause_after(number).total_seconds() for number in range(1, attempts + 1)))


def _send_all(messages: list[AlertMessage], channels: Mapping[str, Channel]) -> list[_Attempt]:
    """Send a channel's messages, until it takes none: each attempt may take as long as a connection does."""
    attempts: list[_Attempt] = []
    for message in messages:
        attempts.append(_Attempt(message, _send(message, channels)))
        last = attempts[-IN_A_ROW:]
        if len(last) == IN_A_ROW and all(each.error for each in last):
            break
    return attempts


def _send(message: AlertMessage, channels: Mapping[str, Channel]) -> str | None:
    channel = channels.get(message.channel)
    if channel is None:
        return NO_CHANNEL
    try:
        send(channel, message)
    except NotSent as error:
        return str(error)
    return None


def _noted(engine: Engine, attempts: list[_Attempt], routing: Routing, now: datetime) -> Delivered:
    for attempt in attempts:
        message, count = attempt.message, attempt.message.attempts + 1
        again_at = now + pause_after(count) if tried_for(count) < routing.give_up_after else None
        note_attempt(engine, message.id or 0, attempts=count, error=attempt.error, now=now, again_at=again_at)
        if attempt.error is not None:
            _log.warning("alert_not_delivered", channel=message.channel, attempts=count, error=attempt.error)
    failed = sum(attempt.error is not None for attempt in attempts)
    return Delivered(len(attempts) - failed, failed)
