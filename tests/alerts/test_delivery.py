"""Messages reach a real mail server and a real web server: grouped, once, through an outage, to the resolved one."""

from __future__ import annotations

import builtins
import json
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from litellm.proxy._types import WebhookEvent
from sqlalchemy import Engine

from tests.alerts.findings import HOUR, MINUTE, NOW, RUNAWAY, finding
from tests.alerts.receiving import Mailbox, Webhook, mailbox, text_of, webhook
from tests.upstream.process import free_port
from usage_plugin.alerts import Channel, Delivered, Routing, Severity, Source, deliver, raise_alerts, tell
from usage_plugin.alerts.delivery import FIRST_PAUSE, LONGEST_PAUSE, pause_after, tried_for
from usage_plugin.alerts.sending import NOT_INSTALLED, UNKNOWN_URL, without_secrets
from usage_plugin.store.alerts import messages
from usage_plugin.testing import FakeClock

BERLIN = ZoneInfo("Europe/Berlin")
SECRET = "T0psecret-t0ken"


def routing_to(**channels: Channel) -> Routing:
    return Routing(channels=channels)


def to_webhook(receiver: Webhook, headers: Mapping[str, str] | None = None) -> Channel:
    return Channel(name="hook", webhook=f"{receiver.url}?key={SECRET}", headers=headers or {})


def to_mail(receiver: Mailbox) -> Channel:
    return Channel(name="mail", url=receiver.url)


def look(engine: Engine, routing: Routing, clock: FakeClock, *found: Any) -> Delivered:
    """Do what the worker does: raise, tell, and deliver."""
    raise_alerts(engine, Source.RULE, found, clock())
    tell(engine, routing, clock(), BERLIN)
    return deliver(engine, routing, clock)


def test_alerts_reach_a_mail_server_and_a_webhook_through_an_outage_until_they_are_resolved(engine: Engine) -> None:
    """Three alerts are one message; found again they are none; what is sent while both are away arrives later, once."""
    clock, found = FakeClock(NOW), (RUNAWAY, finding("a"), finding("b"))
    with mailbox() as mails, webhook() as hook:
        routing = routing_to(hook=to_webhook(hook), mail=to_mail(mails))
        assert look(engine, routing, clock, *found) == Delivered(sent=2, failed=0)
        for _ in range(3):
            clock.advance(60)
            assert look(engine, routing, clock, *found) == Delivered(sent=0, failed=0)
        (first,) = hook.bodies
        assert [each["title"] for each in first["alerts"]] == [each.title for each in found]
        (mail,) = mails.mails
        assert mail["subject"] == "3 alerts: 1 critical, 2 warning, $11.40 at stake"
        assert RUNAWAY.body in text_of(mail)

        mails.stop()
        hook.status = 503
        clock.advance(3600)
        assert look(engine, routing, clock) == Delivered(sent=0, failed=0)  # its group is not closed yet
        clock.advance(30)
        assert deliver(engine, routing, clock) == Delivered(sent=0, failed=2)
        clock.advance(5)
        assert deliver(engine, routing, clock) == Delivered(sent=0, failed=0)  # not before its pause is over
        clock.advance(5)
        assert deliver(engine, routing, clock) == Delivered(sent=0, failed=2)
        mails.start()
        hook.status = 200
        clock.advance(20)
        assert deliver(engine, routing, clock) == Delivered(sent=2, failed=0)
        clock.advance(3600)
        assert look(engine, routing, clock) == Delivered(sent=0, failed=0)
        assert (len(hook.bodies), len(mails.mails), hook.refused) == (2, 2, 2)
        assert (hook.bodies[1]["kind"], {each["state"] for each in hook.bodies[1]["alerts"]}) == (
            "resolved",
            {"resolved"},
        )
        assert mails.mails[1]["subject"] == "3 alerts: 3 resolved"


def test_a_webhook_gets_what_litellm_would_send_with_our_fields_added(engine: Engine) -> None:
    """LiteLLM's own model reads it, and it has each of LiteLLM's fields."""
    with webhook() as hook:
        look(engine, routing_to(hook=to_webhook(hook, {"Authorization": "Bearer x"})), FakeClock(NOW), RUNAWAY)
    (body,), (headers,) = hook.bodies, hook.headers
    event = WebhookEvent.model_validate(body)
    assert set(WebhookEvent.model_fields) <= set(body)
    assert (event.event, event.event_group.value, event.token, event.key_alias) == (
        "threshold_crossed",
        "key",
        "b4tch",
        "nightly-batch",
    )
    assert (event.spend, event.max_budget) == (4.0, None)
    assert event.event_message.startswith("[critical] Key “nightly-batch” spends")
    assert (headers["Authorization"], headers["Content-Type"]) == ("Bearer x", "application/json")
    assert (body["kind"], body["message_id"]) == ("open", 1)
    (alert,) = body["alerts"]
    assert (alert["at_stake_usd"], alert["severity"], alert["told"], alert["owner"]) == (3.8, "critical", "open", "ana")
    assert alert["details"] == {"actual_usd": 4.0, "expected_usd": 0.2}


@pytest.mark.parametrize(
    ("details", "event"),
    [
        ({"actual_usd": 120.0, "budget_usd": 100.0}, "budget_crossed"),
        ({"actual_usd": 80.0, "budget_usd": 100.0}, "threshold_crossed"),
        (
            {"actual_usd": 50.0, "budget_usd": 100.0, "is_projected": True, "projected_usd": 130.0},
            "projected_limit_exceeded",
        ),
    ],
)
def test_budgets_are_the_events_that_litellm_has_for_them(engine: Engine, details: dict[str, Any], event: str) -> None:
    """With their amounts in LiteLLM's fields."""
    about = finding("budget 1", source=Source.BUDGET, details=details, dimension="team", member="t1", label="search")
    with webhook() as hook:
        clock = FakeClock(NOW)
        raise_alerts(engine, Source.BUDGET, [about], NOW)
        tell(engine, routing_to(hook=to_webhook(hook)), NOW, BERLIN)
        clock.advance(30)
        deliver(engine, routing_to(hook=to_webhook(hook)), clock)
    read = WebhookEvent.model_validate(hook.bodies[0])
    assert (read.event, read.spend, read.max_budget) == (event, details["actual_usd"], 100.0)
    assert (read.team_id, read.team_alias) == ("t1", "search")
    assert read.projected_spend == details.get("projected_usd")


def test_who_sends_us_elsewhere_has_not_taken_a_message(engine: Engine) -> None:
    """And nobody else gets the headers."""
    with webhook() as hook, webhook() as other:
        hook.status, hook.location = 302, other.url
        done = look(engine, routing_to(hook=to_webhook(hook, {"Authorization": "Bearer x"})), FakeClock(NOW), RUNAWAY)
        assert (done, other.headers) == (Delivered(sent=0, failed=1), [])


@pytest.mark.parametrize("options", ["", "&format=html"])
def test_what_callers_name_themselves_is_text_in_a_mail(engine: Engine, options: str) -> None:
    """No link and no picture, whatever the format of the channel."""
    name = '<a href="http://elsewhere/">Reset your password</a>'
    with mailbox() as mails:
        mails.options = options
        look(engine, routing_to(mail=to_mail(mails)), FakeClock(NOW), finding(name, Severity.CRITICAL, body=name))
        (mail,) = mails.mails
    parts = {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}
    assert "Reset your password" in "".join(parts.values())
    assert "<a " not in parts.get("text/html", "")


def test_one_channel_that_is_away_keeps_no_other_waiting(engine: Engine) -> None:
    """Each is tried by itself."""
    gone = Channel(name="gone", webhook=f"http://127.0.0.1:{free_port()}/hook")
    with webhook() as hook:
        done = look(engine, routing_to(gone=gone, hook=to_webhook(hook)), FakeClock(NOW), RUNAWAY)
    assert done == Delivered(sent=1, failed=1)


def test_no_secret_is_kept_or_logged(engine: Engine, caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    """Neither of a web address nor of Apprise's URLs, whatever the channel's code says when it fails."""
    caplog.set_level(logging.DEBUG)
    port = free_port()
    channels = {
        "hook": Channel(name="hook", webhook=f"http://127.0.0.1:{port}/{SECRET}?key={SECRET}"),
        "json": Channel(name="json", url=f"json://user:{SECRET}@127.0.0.1:{port}/{SECRET}"),
        "mail": Channel(name="mail", url=f"mailtos://user:{SECRET}@127.0.0.1:{port}?from=a@example.com"),
        "odd": Channel(name="odd", url=f"no-such-kind://{SECRET}"),
        "head": Channel(name="head", webhook="http://127.0.0.1:1/", headers={"Authorization": f"{SECRET}\nbad"}),
    }
    assert look(engine, routing_to(**channels), FakeClock(NOW), RUNAWAY) == Delivered(sent=0, failed=5)
    kept = messages(engine)
    assert all(message.attempts == 1 and message.last_error for message in kept)
    assert next(each.last_error for each in kept if each.channel == "odd") == UNKNOWN_URL
    for text in (caplog.text, "".join(map(repr, kept)), repr(channels), *capfd.readouterr()):
        assert SECRET not in text
    assert "alert_not_delivered" in caplog.text


def test_parts_of_an_address_are_blanked_in_any_spelling() -> None:
    """Decoded or not, in capitals or not; words that are no part of it stay."""
    secrets = ("https://hooks.example.com/services/T0AB%2FCD99/xyzzy12",)
    said = without_secrets("no answer\nfrom hooks.example.com/services/t0ab/cd99 and XYZZY12 on port 443", secrets)
    assert said == "no answer from ***/***/t0ab/cd99 and *** on port 443"


def test_without_apprise_the_remedy_is_told_and_webhooks_work(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    real = builtins.__import__

    def no_apprise(name: str, *rest: Any, **named: Any) -> Any:
        if name == "apprise":
            raise ImportError(name)
        return real(name, *rest, **named)

    with webhook() as hook:
        channels = {
            "web": Channel(name="web", url=hook.url),
            "mail": Channel(name="mail", url="mailto://x:y@z.example"),
        }
        monkeypatch.setattr(builtins, "__import__", no_apprise)
        assert look(engine, routing_to(**channels), FakeClock(NOW), RUNAWAY) == Delivered(sent=1, failed=1)
    assert next(each.last_error for each in messages(engine, undelivered=True)) == NOT_INSTALLED


def test_a_message_that_nobody_takes_is_given_up(engine: Engine) -> None:
    """After a day of attempts with growing pauses; what was said last stays in the log."""
    assert [pause_after(number) for number in (1, 2, 3)] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pause_after(50) == LONGEST_PAUSE
    with webhook() as hook:
        hook.status = 400
        routing = Routing(channels={"hook": to_webhook(hook)}, give_up_after=tried_for(3))
        clock = FakeClock(NOW)
        look(engine, routing, clock, RUNAWAY)
        for _ in range(5):
            clock.advance(HOUR.total_seconds())
            deliver(engine, routing, clock)
        (message,) = messages(engine)
    assert (message.attempts, hook.refused, message.last_error) == (3, 3, "it answered 400 Bad Request")
    assert message.given_up_at is not None
    assert messages(engine, undelivered=True) == [message]


def test_a_channel_that_was_renamed_gives_its_messages_up_in_the_end(engine: Engine) -> None:
    """They say why they were not sent."""
    clock = FakeClock(NOW)
    with webhook() as hook:
        raise_alerts(engine, Source.RULE, [RUNAWAY], NOW)
        tell(engine, routing_to(hook=to_webhook(hook)), NOW, BERLIN)
        assert deliver(engine, Routing(), clock) == Delivered(sent=0, failed=1)
    (message,) = messages(engine, channel="hook")
    assert message.last_error == "there is no channel of this name any more"
    assert message.due_at == NOW + FIRST_PAUSE


def test_severity_is_the_kind_of_message_that_a_channel_shows(engine: Engine) -> None:
    """Apprise's own JSON says it: failure, warning, success at the end."""
    clock = FakeClock(NOW)
    with webhook() as hook:
        url = hook.url.replace("http://", "json://")
        routing = routing_to(json=Channel(name="json", url=url))
        look(engine, routing, clock, RUNAWAY)
        clock.advance(2 * MINUTE.total_seconds())
        look(engine, routing, clock, RUNAWAY, finding("a"))
        clock.advance(30)
        deliver(engine, routing, clock)
        clock.advance(HOUR.total_seconds())
        look(engine, routing, clock)
        clock.advance(30)
        deliver(engine, routing, clock)
    assert [body["type"] for body in hook.bodies] == ["failure", "warning", "success"]
    assert json.loads(messages(engine)[0].alert_ids) == [1, 2]
    assert timedelta(0) < Routing().group_for
    assert Severity.CRITICAL.rank > Severity.WARNING.rank > Severity.INFO.rank
