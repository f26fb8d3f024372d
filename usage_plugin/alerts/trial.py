"""A channel in, a message to it out, so that its address can be tried before something happens."""

from __future__ import annotations

import json
from datetime import datetime

from usage_plugin.alerts.routing import Channel
from usage_plugin.alerts.sending import NotSent, send
from usage_plugin.errors import InputError
from usage_plugin.store.analysis_tables import AlertMessage

_TITLE = "A test of LiteLLM usage alerts"
_BODY = "This channel is told of alerts. Nothing is wrong: somebody ran `usage-plugin alerts --test`."


def trial(channel: Channel, now: datetime) -> None:
    """Send it. Nothing is kept.

    Raises:
        InputError: The channel did not take it; says why, without its address.
    """
    ours = {"kind": "test", "title": _TITLE, "body": _BODY, "made_at": now.isoformat(), "alerts": []}
    shape = {"event": "threshold_crossed", "event_group": "user", "event_message": f"{_TITLE}\n\n{_BODY}", "spend": 0.0}
    message = AlertMessage(
        channel=channel.name,
        kind="test",
        alert_ids="[]",
        title=_TITLE,
        body=_BODY,
        payload=json.dumps(shape | ours),
        made_at=now,
        due_at=now,
        attempts=0,
    )
    try:
        send(channel, message)
    except NotSent as error:
        raise InputError(
            f"the channel {channel.name} did not take the message: {error}", "Correct its address"
        ) from None
