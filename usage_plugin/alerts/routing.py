"""Channels and routes as they are configured in, for each alert the channels that hear of it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from usage_plugin.alerts.finding import Severity
from usage_plugin.store.analysis_tables import AlertRow

HOURLY, DAILY = "hour", "day"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A part of each day in which only critical messages are sent, on the wall clocks of the reporting time zone."""

    start: time
    end: time

    def until(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """Give the moment at which the quiet ends; ``None`` where there is none now."""
        local = now.astimezone(zone)
        clock = local.time()
        over_night = self.start > self.end
        is_quiet = clock >= self.start or clock < self.end if over_night else self.start <= clock < self.end
        if not is_quiet:
            return None
        day = local.date() + timedelta(days=1 if over_night and clock >= self.start else 0)
        return datetime.combine(day, self.end, zone).astimezone(now.tzinfo)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Where messages go. Its address holds secrets, and is neither shown nor kept.

    Args:
        name: As routes name it; it stands in the database and on pages.
        url: For Apprise; ``None`` where it is a webhook.
        webhook: Gets LiteLLM's webhook body with our fields added.
        headers: Of the webhook's requests.
        quiet_hours: Its own.
        digest: Severities that are put together, by ``hour`` or ``day``.
    """

    name: str
    url: str | None = field(default=None, repr=False)
    webhook: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    quiet_hours: QuietHours | None = None
    digest: Mapping[Severity, str] = field(default_factory=dict)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no log and no database may hold."""
        return tuple(each for each in (self.url, self.webhook, *self.headers.values()) if each)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Which alerts go where: an empty condition holds for all."""

    channels: tuple[str, ...]
    severity: Severity = Severity.INFO
    """At least so severe."""
    source: tuple[str, ...] = ()
    dimension: tuple[str, ...] = ()
    member: tuple[str, ...] = ()
    """By id or by name."""
    owner: tuple[str, ...] = ()

    def takes(self, alert: AlertRow) -> bool:
        """Say whether an alert goes this way."""
        return (
            Severity(alert.severity).rank >= self.severity.rank
            and _is_one(self.source, alert.source)
            and _is_one(self.dimension, alert.dimension)
            and _is_one(self.member, alert.member, alert.label)
            and _is_one(self.owner, alert.owner)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """Everything about who is told what and when.

    Args:
        channels: By name.
        routes: An alert goes to the channels of all routes that take it; without any route all go everywhere.
        group_for: A message that is not critical waits so long for others to join it.
        remind_after: An alert that stays open is told again after so long.
        digest_at: When daily digests are sent.
        give_up_after: A message that nobody took for so long is given up.
    """

    channels: Mapping[str, Channel] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    group_for: timedelta = timedelta(seconds=30)
    remind_after: Mapping[Severity, timedelta] = field(default_factory=dict)
    digest_at: time = time(8)
    give_up_after: timedelta = timedelta(hours=24)

    def channels_of(self, alert: AlertRow) -> list[Channel]:
        """Give the channels that hear of an alert."""
        if not self.routes:
            return list(self.channels.values())
        names = dict.fromkeys(name for route in self.routes if route.takes(alert) for name in route.channels)
        return [self.channels[name] for name in names]


def _is_one(wanted: tuple[str, ...], *found: str | None) -> bool:
    return not wanted or any(each in wanted for each in found if each is not None)
