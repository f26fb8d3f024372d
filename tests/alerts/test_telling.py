"""Who hears of what and when: grouped, in digests, after the night, again while it is open, and of its end."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from tests.alerts.findings import HOUR, MINUTE, NOW, RUNAWAY, finding
from usage_plugin.alerts import Channel, Finding, QuietHours, Route, Routing, Severity, Source, raise_alerts, tell
from usage_plugin.store.alerts import alerts, messages, note_attempt, set_alert_state
from usage_plugin.store.analysis_tables import AlertMessage

BERLIN = ZoneInfo("Europe/Berlin")
OPS = Channel(name="ops", url="json://127.0.0.1/never")
ROUTING = Routing(channels={"ops": OPS}, remind_after={Severity.CRITICAL: 4 * HOUR, Severity.WARNING: 24 * HOUR})


def told(engine: Engine, *found: Finding, at: datetime = NOW, routing: Routing = ROUTING) -> list[AlertMessage]:
    """Raise what is found, tell of it, and give all messages, the oldest first."""
    raise_alerts(engine, Source.RULE, found, at)
    tell(engine, routing, at, BERLIN)
    return messages(engine)[::-1]


def take(engine: Engine, message: AlertMessage, at: datetime) -> None:
    """Let a message be delivered."""
    note_attempt(engine, message.id or 0, attempts=1, error=None, now=at, again_at=None)


def test_the_same_alert_is_told_once(engine: Engine) -> None:
    """However often it is found; the message says what, how much, who and since when."""
    (message,) = told(engine, RUNAWAY)
    take(engine, message, NOW)
    assert len(told(engine, RUNAWAY, at=NOW + MINUTE)) == 1
    assert message.title == "[critical] Key “nightly-batch” spends 20 times as much as usual"
    assert message.body == f"{RUNAWAY.body}\n\nSince 2026-03-04 13:30 (Europe/Berlin)."
    assert (message.channel, message.kind, json.loads(message.alert_ids)) == ("ops", "open", [1])


def test_several_alerts_are_one_message(engine: Engine) -> None:
    """Those of one look, and those that come while it waits: the most severe and dearest first."""
    told(engine, finding("a"), finding("b", at_stake_nano_usd=9_000_000_000))
    late = NOW + MINUTE / 4
    (message,) = told(engine, finding("a"), finding("b", at_stake_nano_usd=9_000_000_000), finding("c"), at=late)
    assert message.title == "3 alerts: 3 warning, $16.60 at stake"
    assert message.body.index("about b") < message.body.index("about a") < message.body.index("about c")
    assert json.loads(message.alert_ids) == [2, 1, 3]
    assert (message.made_at, message.due_at) == (NOW, NOW + timedelta(seconds=30))


def test_a_critical_alert_takes_what_waits_along_at_once(engine: Engine) -> None:
    """It is not held back for others to join."""
    told(engine, finding("a"))
    (message,) = told(engine, finding("a"), finding("b", Severity.CRITICAL), at=NOW + MINUTE / 6)
    assert message.due_at == NOW + MINUTE / 6
    assert message.title.startswith("2 alerts: 1 critical, 1 warning")


def test_what_was_tried_is_not_changed_any_more(engine: Engine) -> None:
    """A message may have arrived though nobody said so: what is new is another one."""
    (message,) = told(engine, finding("a"))
    later = NOW + HOUR
    note_attempt(engine, message.id or 0, attempts=1, error="timed out", now=NOW, again_at=later)
    first, second = told(engine, finding("a"), finding("b"), at=NOW + MINUTE)
    assert (json.loads(first.alert_ids), json.loads(second.alert_ids)) == ([1], [2])


def test_an_end_is_told_to_those_who_heard_of_the_begin(engine: Engine) -> None:
    """Once, with how long it lasted."""
    (message,) = told(engine, RUNAWAY)
    take(engine, message, NOW)
    _, end = told(engine, at=NOW + 3 * HOUR)
    assert (end.kind, end.title) == ("resolved", f"Resolved: {RUNAWAY.title}")
    assert end.body.endswith("From 2026-03-04 13:30 (Europe/Berlin) to 2026-03-04 16:30 (Europe/Berlin) (3 h).")
    assert len(told(engine, at=NOW + 4 * HOUR)) == 2


def test_what_begins_and_ends_before_it_is_sent_is_one_message(engine: Engine) -> None:
    """Which says that it is over."""
    told(engine, finding("a"), routing=_quiet())
    (message,) = told(engine, at=NOW + 10 * MINUTE, routing=_quiet())
    assert (message.kind, message.title) == ("resolved", "Resolved: Something about a")


def test_people_are_reminded_of_what_stays_open_until_somebody_looks_after_it(engine: Engine) -> None:
    """Critical ones after four hours, others after a day."""
    (message,) = told(engine, RUNAWAY)
    take(engine, message, NOW)
    assert len(told(engine, RUNAWAY, at=NOW + 3.9 * HOUR)) == 1
    _, again = told(engine, RUNAWAY, at=NOW + 4 * HOUR)
    take(engine, again, NOW + 4 * HOUR)
    assert (again.kind, again.title) == ("again", f"[critical] Still open: {RUNAWAY.title}")
    set_alert_state(engine, 1, "acknowledged", by="ana", now=NOW + 5 * HOUR)
    assert len(told(engine, RUNAWAY, at=NOW + 9 * HOUR)) == 2


def test_what_becomes_more_severe_is_told_again(engine: Engine) -> None:
    """At once."""
    (message,) = told(engine, finding("a"))
    take(engine, message, NOW)
    _, again = told(engine, finding("a", Severity.CRITICAL), at=NOW + MINUTE)
    assert (again.kind, again.due_at) == ("again", NOW + MINUTE)


def test_who_looks_after_a_warning_hears_when_it_is_critical(engine: Engine) -> None:
    """What was said of something less severe does not count any more: it is open, and told also for the first time."""
    (message,) = told(engine, finding("a"))
    take(engine, message, NOW)
    set_alert_state(engine, 1, "acknowledged", by="ana", now=NOW)
    assert len(told(engine, finding("a"), at=NOW + 30 * HOUR)) == 1
    _, again = told(engine, finding("a", Severity.CRITICAL), at=NOW + 31 * HOUR)
    take(engine, again, NOW + 31 * HOUR)
    assert again.title == "[critical] Still open: Something about a"
    assert [(each.state, each.state_by) for each in alerts(engine)] == [("open", None)]
    set_alert_state(engine, 1, "acknowledged", by="ana", now=NOW + 31 * HOUR)
    assert len(told(engine, finding("a", Severity.CRITICAL), at=NOW + 60 * HOUR)) == 2


def test_what_becomes_much_worse_is_told_again(engine: Engine) -> None:
    """Where its source says so, once each time."""
    (message,) = told(engine, finding("a"))
    take(engine, message, NOW)
    worse = finding("a", worse_at=NOW + MINUTE)
    _, again = told(engine, worse, at=NOW + 2 * MINUTE)
    take(engine, again, NOW + 3 * MINUTE)
    assert len(told(engine, worse, at=NOW + HOUR)) == 2


def test_nobody_hears_of_what_is_looked_after_already(engine: Engine) -> None:
    """Somebody said so before the first message was made."""
    assert told(engine, finding("a", is_acknowledged=True)) == []


def _quiet() -> Routing:
    """Quiet from noon to two in Berlin: it is half past one there."""
    return replace(ROUTING, channels={"ops": replace(OPS, quiet_hours=QuietHours(time(12), time(14)))})


def test_the_night_is_quiet_but_not_for_what_is_critical(engine: Engine) -> None:
    """What waited is one message in the morning."""
    (message,) = told(engine, finding("a"), routing=_quiet())
    assert message.due_at == NOW + MINUTE * 30
    (message,) = told(engine, finding("a"), finding("b", Severity.CRITICAL), at=NOW + MINUTE, routing=_quiet())
    assert message.due_at == NOW + MINUTE


@pytest.mark.parametrize(
    ("clock", "until"), [("21:59", None), ("22:00", "07:00"), ("03:00", "07:00"), ("06:59", "07:00"), ("07:00", None)]
)
def test_quiet_hours_may_span_midnight(clock: str, until: str | None) -> None:
    """On the wall clocks of the reporting time zone, also in the night in which they are changed."""
    night = QuietHours(time(22), time(7))
    now = datetime.combine(datetime(2026, 3, 29), time.fromisoformat(clock), BERLIN)
    end = night.until(now, BERLIN)
    assert (end.astimezone(BERLIN).strftime("%H:%M") if end else None) == until
    assert end is None or timedelta() < end.astimezone(ZoneInfo("UTC")) - now.astimezone(ZoneInfo("UTC")) <= 9 * HOUR


def test_low_severities_are_digested(engine: Engine) -> None:
    """By day or by hour, apart from what is sent at once; what is over by then is in it, as such."""
    digest = {Severity.INFO: "day", Severity.WARNING: "hour"}
    routing = replace(ROUTING, channels={"ops": replace(OPS, digest=digest)})
    hourly, *_ = told(engine, finding("a"), routing=routing)
    assert (hourly.kind, hourly.due_at) == ("digest", NOW + 30 * MINUTE)
    take(engine, hourly, NOW + 30 * MINUTE)
    low, lower = finding("b", Severity.INFO), finding("c", Severity.INFO)
    _, daily = told(engine, finding("a"), low, lower, at=NOW + HOUR, routing=routing)
    morning = datetime(2026, 3, 5, 8, tzinfo=BERLIN)
    assert (daily.due_at, daily.title) == (morning, "Digest: 2 alerts: 2 info, $7.60 at stake")
    *_, daily = told(engine, finding("a"), low, at=NOW + 2 * HOUR, routing=routing)
    *_, daily = told(engine, finding("a"), low, finding("d", Severity.INFO), at=NOW + 3 * HOUR, routing=routing)
    assert daily.title == "Digest: 3 alerts: 2 info, 1 resolved, $7.60 at stake"
    assert "Resolved: Something about c" in daily.body


@pytest.mark.parametrize(
    ("route", "is_taken"),
    [
        (Route(channels=("ops",)), True),
        (Route(channels=("ops",), severity=Severity.CRITICAL), True),
        (Route(channels=("ops",), source=("budget",)), False),
        (Route(channels=("ops",), source=("budget", "rule")), True),
        (Route(channels=("ops",), dimension=("team",)), False),
        (Route(channels=("ops",), dimension=("key",), member=("b4tch",)), True),
        (Route(channels=("ops",), member=("nightly-batch",)), True),
        (Route(channels=("ops",), member=("other",)), False),
        (Route(channels=("ops",), owner=("ana",)), True),
        (Route(channels=("ops",), owner=("ben",)), False),
    ],
)
def test_a_route_takes_what_meets_all_its_conditions(route: Route, is_taken: bool) -> None:
    """By severity, source, scope (id or name) and owner."""
    assert route.takes(RUNAWAY.row(NOW)) is is_taken


def test_each_channel_hears_what_its_routes_take(engine: Engine) -> None:
    """Once, though two routes lead there; what no route takes is told to nobody and is an alert all the same."""
    channels = {name: Channel(name=name, url="json://127.0.0.1/never") for name in ("ops", "pager")}
    routes = (
        Route(channels=("pager",), severity=Severity.CRITICAL),
        Route(channels=("ops", "pager"), owner=("ana",)),
    )
    routing = replace(ROUTING, channels=channels, routes=routes)
    made = told(
        engine, RUNAWAY, finding("a", owner="ben"), finding("b", Severity.CRITICAL, owner="ben"), routing=routing
    )
    assert {message.channel: json.loads(message.alert_ids) for message in made} == {"ops": [1], "pager": [1, 3]}
    assert {each.id: (each.told_at, each.untaken_at) for each in alerts(engine)} == {
        1: (NOW, None),
        2: (None, NOW),
        3: (NOW, None),
    }


def test_a_channel_that_comes_later_hears_of_what_is_open(engine: Engine) -> None:
    """As of something new; it is noted once that no channel took it, and what is over by then is told to nobody."""
    nobody = replace(ROUTING, channels={})
    assert told(engine, finding("a"), finding("b"), routing=nobody) == []
    assert told(engine, finding("a"), finding("b"), at=NOW + MINUTE, routing=nobody) == []
    assert {(each.told_at, each.untaken_at) for each in alerts(engine)} == {(None, NOW)}
    (message,) = told(engine, finding("a"), at=NOW + HOUR)
    assert (message.kind, json.loads(message.alert_ids)) == ("open", [1])
    assert [each.untaken_at for each in alerts(engine, states=("open",))] == [None]


def test_an_end_that_no_channel_takes_is_told_to_nobody_for_ever(engine: Engine) -> None:
    """Nobody wants to hear months later that something is over."""
    (message,) = told(engine, finding("a"))
    take(engine, message, NOW)
    assert len(told(engine, at=NOW + HOUR, routing=replace(ROUTING, channels={}))) == 1
    assert len(told(engine, at=NOW + 2 * HOUR)) == 1
