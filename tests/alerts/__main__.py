"""``python -m tests.alerts``: alerts to a real mail server and a real webhook, through an outage of both; prints it."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.alerts.findings import NOW, RUNAWAY, finding
from tests.alerts.receiving import Mailbox, Webhook, mailbox, webhook
from usage_plugin.alerts import Channel, Finding, Routing, Severity, Source, deliver, raise_alerts, tell
from usage_plugin.store.alerts import messages
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.testing import FakeClock

ALL = (RUNAWAY, finding("a"), finding("b", at_stake_nano_usd=9_000_000_000))
ZONE = ZoneInfo("UTC")


class Show:
    """Does what the worker does, on a clock that is set forward, and prints what arrives."""

    def __init__(self, engine: Any, mails: Mailbox, hook: Webhook) -> None:
        self.engine, self.mails, self.hook, self.clock = engine, mails, hook, FakeClock(NOW)
        mail, web = Channel(name="mail", url=mails.url), Channel(name="webhook", webhook=hook.url)
        self.routing = Routing(
            channels={"mail": mail, "webhook": web}, remind_after={Severity.CRITICAL: timedelta(hours=4)}
        )

    def look(self, what: str, *found: Finding, after_s: float = 0) -> None:
        self.clock.advance(after_s)
        raised = raise_alerts(self.engine, Source.RULE, found, self.clock())
        told = tell(self.engine, self.routing, self.clock(), ZONE)
        print(f"\n{self.clock():%H:%M:%S} {what}")
        print(f"   opened {raised.opened}, updated {raised.updated}, resolved {raised.resolved}, told {told}")
        self.send()

    def send(self, after_s: float = 0) -> None:
        self.clock.advance(after_s)
        before = len(self.mails.mails), len(self.hook.bodies)
        done = deliver(self.engine, self.routing, self.clock)
        print(f"   {self.clock():%H:%M:%S} sent {done.sent}, not taken {done.failed}")
        for mail in self.mails.mails[before[0] :]:
            print(f"   mail:    {mail['subject']}")
        for body in self.hook.bodies[before[1] :]:
            print(f"   webhook: {body['kind']}, event {body['event']}, {len(body['alerts'])} alerts: {body['title']}")


def main() -> None:
    """Play it."""
    with tempfile.TemporaryDirectory() as folder, mailbox() as mails, webhook() as hook:
        engine = connect(f"sqlite:///{Path(folder) / 'usage.db'}")
        migrate(engine)
        show = Show(engine, mails, hook)
        show.look("three alerts, one of them critical: grouped", *ALL)
        show.look("the same a minute later: nobody hears of it again", *ALL, after_s=60)
        show.look("the critical one is open still after four hours: told again", *ALL, after_s=4 * 3600)
        mails.stop()
        hook.status = 503
        show.look("all are over, and both servers are away", after_s=600)
        for pause_s in (30, 10, 20):
            show.send(pause_s)
        mails.start()
        hook.status = 200
        print("\nboth servers are back")
        show.send(40)
        print("\nlog of messages")
        for each in reversed(messages(engine)):
            what = each.last_error or "taken"
            print(f"   {each.channel:<8} {each.kind:<9} attempts {each.attempts}  {what}  {each.title}")


if __name__ == "__main__":
    main()
