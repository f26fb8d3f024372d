"""``usage-plugin alerts``: who is told of alerts, and what is open, out; or a message to try a channel."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from usage_plugin.cli.context import load
from usage_plugin.errors import InputError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from usage_plugin.alerts import Routing
    from usage_plugin.store.analysis_tables import AlertRow

NAME = "alerts"
EXAMPLE = "usage-plugin alerts --test ops\n  usage-plugin alerts --acknowledge 7 --by ana"


def command(
    test: Annotated[str | None, typer.Option(help="Send a message to this channel now.", metavar="CHANNEL")] = None,
    acknowledge: Annotated[
        int | None, typer.Option(help="Somebody looks after this alert: nobody is reminded of it.", metavar="NUMBER")
    ] = None,
    by: Annotated[str | None, typer.Option(help="With --acknowledge, who does.", metavar="NAME")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Show the channels of USAGE_ALERTS_FILE and USAGE_ALERT_URLS and the alerts that go on, or try a channel.

    With --acknowledge, first note that somebody looks after one of them.
    """
    from usage_plugin.alerts import routing_of

    settings, _ = load()
    routing = routing_of(settings, os.environ)
    if test is not None:
        _try(routing, test)
        typer.echo(
            json.dumps({"channel": test, "delivered": True}) if as_json else f"The channel {test} took a message."
        )
        return
    from usage_plugin.store.alerts import ACTIVE, alerts
    from usage_plugin.store.database import connect
    from usage_plugin.store.migrate import require_current

    if by is not None and acknowledge is None:
        raise InputError(f"--by {by} says who looks after an alert, but not after which", "Add: --acknowledge NUMBER")
    engine = connect(settings.url)
    require_current(engine)
    if acknowledge is not None:
        _acknowledge(engine, acknowledge, by)
    found = alerts(engine, states=ACTIVE)
    typer.echo(_as_json(routing, found) if as_json else _as_text(routing, found))


def _try(routing: Routing, name: str) -> None:
    from usage_plugin.alerts.trial import trial
    from usage_plugin.clock import utc_now

    channel = routing.channels.get(name)
    if channel is None:
        known = ", ".join(routing.channels) or "there are none: set USAGE_ALERTS_FILE or USAGE_ALERT_URLS"
        raise InputError(f"there is no channel {name!r}", f"Channels: {known}")
    trial(channel, utc_now())


def _acknowledge(engine: Engine, number: int, by: str | None) -> None:
    from usage_plugin.alerts import look_after
    from usage_plugin.clock import utc_now

    look_after(engine, number, by=by, now=utc_now())


def _as_json(routing: Routing, found: Sequence[AlertRow]) -> str:
    alerts = [
        {
            "id": each.id,
            "severity": each.severity,
            "source": each.source,
            "state": each.state,
            "title": each.title,
            "opened_at": each.opened_at.isoformat(),
            "at_stake_nano_usd": each.at_stake_nano_usd,
            "told_at": each.told_at.isoformat() if each.told_at else None,
            "untaken_at": each.untaken_at.isoformat() if each.untaken_at else None,
        }
        for each in found
    ]
    return json.dumps({"channels": list(routing.channels), "alerts": alerts}, indent=2)


def _as_text(routing: Routing, found: Sequence[AlertRow]) -> str:
    names = ", ".join(routing.channels) or "nobody: set USAGE_ALERT_URLS or USAGE_ALERTS_FILE"
    lines = [
        f"{each.id:>4}  {each.severity:<9}{each.opened_at:%Y-%m-%d %H:%M} UTC  {each.title}{_marks(each)}"
        for each in found
    ]
    return "\n".join([f"Told: {names}", *(lines or ["No alert is open."])])


def _marks(alert: AlertRow) -> str:
    from usage_plugin.store.alerts import AlertState

    said = []
    if alert.state == AlertState.ACKNOWLEDGED:
        said.append(f"{alert.state_by} looks after it" if alert.state_by else "acknowledged")
    if alert.untaken_at is not None:
        said.append("no channel takes it")
    return f" ({', '.join(said)})" if said else ""
