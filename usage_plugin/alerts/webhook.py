"""Alerts in, the body that LiteLLM's own webhook alerts have out, with our fields added.

Source: ``WebhookEvent`` in ``litellm/proxy/_types.py`` and ``SlackAlerting.send_webhook_alert`` (LiteLLM 1.100), which
posts its JSON: all of its fields, those that are not known as null.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from usage_plugin.alerts.finding import Severity, Source
from usage_plugin.money import to_usd
from usage_plugin.store.alerts import AlertState
from usage_plugin.store.analysis_tables import AlertRow

# LiteLLM knows no group for all calls, a model or a provider; of its proxy-wide budget it says "user".
_GROUPS: Final = {"team", "user", "end_user", "organization", "project", "tag", "key"}
_WHO: Final = {
    "team": "team_id",
    "user": "user_id",
    "end_user": "customer_id",
    "organization": "organization_id",
    "key": "token",
}
_LABELS: Final = {"team": "team_alias", "key": "key_alias"}
_OF_LITELLM: Final = (
    "spend",
    "max_budget",
    "soft_budget",
    "token",
    "customer_id",
    "user_id",
    "team_id",
    "team_alias",
    "organization_id",
    "user_email",
    "key_alias",
    "projected_exceeded_date",
    "projected_spend",
    "event_group",
    "alert_emails",
    "max_budget_alert_emails",
    "event",
    "event_message",
)


def payload(
    alerts: Sequence[tuple[AlertRow, str]], kind: str, title: str, body: str, made_at: datetime
) -> dict[str, Any]:
    """Word a message for programs.

    LiteLLM's own fields are those of the alert that matters most: its receivers understand it as an event of theirs.
    ``kind``, ``title``, ``body``, ``made_at`` and ``alerts`` are ours.

    Args:
        alerts: What the message is about, the most important first, each with what is told of it.
        kind: Of the message.
        title: Its first line.
        body: Its text.
        made_at: When it was made.
    """
    worst, _ = alerts[0]
    details = json.loads(worst.details)
    known: Mapping[str, Any] = {
        "spend": _number(details.get("actual_usd")) or 0.0,
        "max_budget": _number(details.get("budget_usd")),
        "projected_exceeded_date": details.get("runs_out_at"),
        "projected_spend": _number(details.get("projected_usd")),
        "event_group": worst.dimension if worst.dimension in _GROUPS else "user",
        "event": _event(worst, details),
        "event_message": f"{title}\n\n{body}",
        **_who(worst),
    }
    ours = {"kind": kind, "title": title, "body": body, "made_at": made_at.isoformat()}
    return {name: known.get(name) for name in _OF_LITELLM} | ours | {"alerts": [_alert(*each) for each in alerts]}


def _event(alert: AlertRow, details: Mapping[str, Any]) -> str:
    """Name what LiteLLM would call it; what it has no name for is a crossed threshold."""
    if alert.source != Source.BUDGET:
        return "threshold_crossed"
    spent, budget = _number(details.get("actual_usd")), _number(details.get("budget_usd"))
    if spent is not None and budget is not None and spent >= budget:
        return "budget_crossed"
    return "projected_limit_exceeded" if details.get("is_projected") else "threshold_crossed"


def _who(alert: AlertRow) -> dict[str, str | None]:
    who = {_WHO[alert.dimension]: alert.member} if alert.dimension in _WHO else {}
    return who | ({_LABELS[alert.dimension]: alert.label} if alert.dimension in _LABELS else {})


def _alert(alert: AlertRow, told: str) -> dict[str, Any]:
    at_stake = to_usd(alert.at_stake_nano_usd)
    return {
        "id": alert.id,
        "told": told,
        "state": alert.state,
        "severity": Severity(alert.severity).value,
        "source": alert.source,
        "source_id": alert.source_id,
        "dimension": alert.dimension,
        "member": alert.member,
        "label": alert.label,
        "owner": alert.owner,
        "title": alert.title,
        "body": alert.body,
        "at_stake_usd": None if at_stake is None else float(at_stake),
        "opened_at": alert.opened_at.isoformat(),
        "resolved_at": alert.resolved_at.isoformat()
        if alert.state == AlertState.RESOLVED and alert.resolved_at
        else None,
        "details": json.loads(alert.details),
    }


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
