"""Alerts of one message in, its first line and its text out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from usage_plugin.alerts.finding import Severity
from usage_plugin.money import rounded_usd
from usage_plugin.store.analysis_tables import AlertRow
from usage_plugin.watch import span

LISTED = 30


class Kind(StrEnum):
    """What is told of an alert, or by a message."""

    OPEN = "open"
    AGAIN = "again"
    """It is worse, or open still."""
    RESOLVED = "resolved"
    DIGEST = "digest"


Item = tuple[AlertRow, Kind]
_ORDER = (Kind.OPEN, Kind.AGAIN, Kind.RESOLVED)


def in_order(items: Sequence[Item]) -> list[Item]:
    """Put what matters most first: what goes on, the most severe, the most dollars."""
    return sorted(
        items,
        key=lambda item: (
            item[1] is Kind.RESOLVED,
            -Severity(item[0].severity).rank,
            -(item[0].at_stake_nano_usd or 0),
            item[0].opened_at,
        ),
    )


def kind_of(items: Sequence[Item]) -> Kind:
    """Say what a message is: what matters most in it."""
    return min((kind for _, kind in items), key=_ORDER.index)


def title_of(items: Sequence[Item], kind: Kind) -> str:
    """Write the first line."""
    if len(items) == 1 and kind is not Kind.DIGEST:
        (alert, what) = items[0]
        return f"{_mark(alert, what)}{alert.title}"
    counts = Counter(_word(alert, what) for alert, what in items)
    said = ", ".join(f"{number} {word}" for word, number in counts.items())
    stake = sum(alert.at_stake_nano_usd or 0 for alert, what in items if what is not Kind.RESOLVED)
    dollars = f", {rounded_usd(stake)} at stake" if stake > 0 else ""
    name = "Digest: " if kind is Kind.DIGEST else ""
    return f"{name}{len(items)} {'alert' if len(items) == 1 else 'alerts'}: {said}{dollars}"


def body_of(items: Sequence[Item], zone: ZoneInfo) -> str:
    """Write the text: all that is known of one alert, or each of several in a paragraph."""
    if len(items) == 1:
        return f"{items[0][0].body}\n\n{_since(*items[0], zone)}"
    paragraphs = [
        f"{_mark(alert, what)}{alert.title}\n{alert.body}\n{_since(alert, what, zone)}" for alert, what in items
    ]
    left = len(paragraphs) - LISTED
    more = [f"And {left} more, on the dashboard."] if left > 0 else []
    return "\n\n".join([*paragraphs[:LISTED], *more])


def _word(alert: AlertRow, what: Kind) -> str:
    return "resolved" if what is Kind.RESOLVED else alert.severity


def _mark(alert: AlertRow, what: Kind) -> str:
    if what is Kind.RESOLVED:
        return "Resolved: "
    return f"[{alert.severity}] " + ("Still open: " if what is Kind.AGAIN else "")


def _since(alert: AlertRow, what: Kind, zone: ZoneInfo) -> str:
    begin = _moment(alert.opened_at, zone)
    end = alert.resolved_at
    if what is Kind.RESOLVED and end is not None:
        return f"From {begin} to {_moment(end, zone)} ({span((end - alert.opened_at).total_seconds())})."
    return f"Since {begin}."


def _moment(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"
