"""Alerts and who hears of what in, messages that wait for their time out: grouped, digested, quiet at night."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from usage_plugin.alerts.finding import Severity
from usage_plugin.alerts.routing import HOURLY, Channel, Routing
from usage_plugin.alerts.webhook import payload
from usage_plugin.alerts.words import Item, Kind, body_of, in_order, kind_of, title_of
from usage_plugin.store.alerts import AlertState, Told, alerts_by_id, keep_messages, to_tell, untried_messages
from usage_plugin.store.analysis_tables import AlertMessage, AlertRow

# What is due so soon may be on its way already.
IN_HAND = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class _Box:
    """What waits for a channel until the same moment: digests apart from the rest."""

    channel: str
    is_digest: bool


def tell(engine: Engine, routing: Routing, now: datetime, zone: ZoneInfo) -> int:
    """Make messages of what people have to hear now; what already waits for the same channel is joined.

    What no channel takes is told to nobody, and is told as soon as one does, if it is open still.

    Args:
        engine: Of a migrated database.
        routing: Who hears of what.
        now: The present moment.
        zone: Whose wall clocks quiet hours and digests are of.

    Returns:
        How many alerts were told of.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    alerts = to_tell(engine)
    news = [(alert, kind) for alert in alerts if (kind := what_to_tell(alert, routing, now)) is not None]
    told = [item for item in news if routing.channels_of(item[0])]
    untaken = [item for item in news if not routing.channels_of(item[0]) and _is_unknown(item)]
    if not told and not untaken:
        return 0
    desk = _Desk(routing, now, zone)
    waiting = untried_messages(engine, now + IN_HAND) if told else []
    about = {number for message in waiting for number in json.loads(message.alert_ids)}
    made = desk.messages(told, waiting, {alert.id: alert for alert in alerts_by_id(engine, about)})
    marks = [_told(item, is_taken=True) for item in told] + [_told(item, is_taken=False) for item in untaken]
    keep_messages(engine, made, marks, now)
    return len(told)


def what_to_tell(alert: AlertRow, routing: Routing, now: datetime) -> Kind | None:
    """Say what people should hear of an alert now: nothing where they know all, or where somebody looks after it."""
    if alert.state == AlertState.RESOLVED:
        return Kind.RESOLVED
    if alert.told_at is None or alert.told_severity is None:
        return None if alert.state == AlertState.ACKNOWLEDGED else Kind.OPEN
    is_worse = Severity(alert.severity).rank > Severity(alert.told_severity).rank
    is_worse |= alert.worse_at is not None and alert.worse_at > alert.told_at
    if alert.state == AlertState.ACKNOWLEDGED:
        return Kind.AGAIN if is_worse else None
    remind = routing.remind_after.get(Severity(alert.severity))
    is_long_ago = remind is not None and now - alert.told_at >= remind
    return Kind.AGAIN if is_worse or is_long_ago else None


def due_at(item: Item, channel: Channel, routing: Routing, now: datetime, zone: ZoneInfo) -> datetime:
    """Say when a channel hears of an alert: critical ones at once, others grouped, after the quiet, or in a digest."""
    alert, kind = item
    severity = Severity(alert.severity)
    every = channel.digest.get(severity)
    if every is not None:
        return _next_digest(now, every, routing, zone)
    if severity is Severity.CRITICAL:
        return now + (routing.group_for if kind is Kind.RESOLVED else timedelta())
    quiet_until = channel.quiet_hours.until(now, zone) if channel.quiet_hours else None
    return quiet_until or now + routing.group_for


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where messages are written at one moment."""

    routing: Routing
    now: datetime
    zone: ZoneInfo

    def messages(
        self, told: Iterable[Item], waiting: Iterable[AlertMessage], alerts: Mapping[int | None, AlertRow]
    ) -> list[AlertMessage]:
        """Put what is told into the messages that wait, or into new ones."""
        boxes = {_Box(message.channel, message.kind == Kind.DIGEST): message for message in waiting}
        items: dict[_Box, dict[int | None, Item]] = {}
        due: dict[_Box, datetime] = {}
        for alert, kind in told:
            for channel in self.routing.channels_of(alert):
                box = _Box(channel.name, Severity(alert.severity) in channel.digest)
                items.setdefault(box, {})[alert.id] = (alert, kind)
                moment = due_at((alert, kind), channel, self.routing, self.now, self.zone)
                due[box] = min(due.get(box, moment), moment)
        return [self._message(box, boxes.get(box), items[box], alerts, due[box]) for box in items]

    def _message(
        self,
        box: _Box,
        waiting: AlertMessage | None,
        items: Mapping[int | None, Item],
        alerts: Mapping[int | None, AlertRow],
        due: datetime,
    ) -> AlertMessage:
        known = {} if waiting is None else _known(waiting, alerts)
        ordered = in_order(list({**known, **items}.values()))
        kind = Kind.DIGEST if box.is_digest else kind_of(ordered)
        title, body = title_of(ordered, kind), body_of(ordered, self.zone)
        made_at = self.now if waiting is None else waiting.made_at
        return AlertMessage(
            id=None if waiting is None else waiting.id,
            channel=box.channel,
            kind=kind.value,
            alert_ids=json.dumps([alert.id for alert, _ in ordered]),
            title=title,
            body=body,
            payload=json.dumps(payload(ordered, kind, title, body, made_at)),
            made_at=made_at,
            due_at=due if waiting is None else min(due, waiting.due_at),
            attempts=0,
        )


def _known(message: AlertMessage, alerts: Mapping[int | None, AlertRow]) -> dict[int | None, Item]:
    """Give what a message that waits is about."""
    told = {each["id"]: Kind(each["told"]) for each in json.loads(message.payload)["alerts"]}
    return {number: (alerts[number], kind) for number, kind in told.items() if number in alerts}


def _is_unknown(item: Item) -> bool:
    """Say whether it is not yet noted that no channel takes an alert."""
    alert, kind = item
    return alert.untaken_at is None or kind is Kind.RESOLVED


def _told(item: Item, *, is_taken: bool) -> Told:
    alert, kind = item
    severity = AlertState.RESOLVED.value if kind is Kind.RESOLVED else alert.severity
    return Told(alert.id or 0, severity, is_taken)


def _next_digest(now: datetime, every: str, routing: Routing, zone: ZoneInfo) -> datetime:
    local = now.astimezone(zone)
    if every == HOURLY:
        return (now + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    day = local.date() + timedelta(days=1 if local.time() >= routing.digest_at else 0)
    return datetime.combine(day, routing.digest_at, zone).astimezone(now.tzinfo)
