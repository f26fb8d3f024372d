"""The calendar, the log of alerts, and what the overview says of the month: as a browser asks for them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from dashboard import Data, ids
from dashboard.components.alerts import delivery
from dashboard.components.calendar import FIELDS
from dashboard.filters import Filters
from dashboard.queries.ahead import ahead, part_of
from dashboard.queries.alerts import AlertLog, alert_log
from tests.dashboard.conftest import NOW, Post, ago
from tests.dashboard.findings import USD, anomaly_row, keep_rows
from tests.dashboard.test_components import words
from usage_plugin.periods import Period
from usage_plugin.store.alerts import alerts, keep_alerts, keep_messages
from usage_plugin.store.analysis_tables import AlertMessage, AlertRow
from usage_plugin.store.budgets import Budget, save_budget
from usage_plugin.store.calendar import plan_event, planned_events
from usage_plugin.store.part import Part
from usage_plugin.store.write import write_events
from usage_plugin.time_zone import UTC_ZONE

HOUR = timedelta(hours=1)


def text_of(filled: object) -> str:
    return json.dumps(filled, ensure_ascii=False)


def given(**changes: Any) -> dict[str, Any]:
    fresh = {"name": "Launch", "dimension": "total", "start": "2026-03-05T08:00", "end": "2026-03-05T12:00"}
    held = {**dict.fromkeys(FIELDS), **fresh, **changes}
    return {f"{ids.event(name).replace('-', '_')}__value": held[name] for name in FIELDS}


def save(post: Post, **changes: Any) -> str:
    return text_of(post("event-said.children@", "event-save.n_clicks", event_save__n_clicks=1, **given(**changes)))


def test_events_are_planned_and_removed(post: Post, store: Engine) -> None:
    """On the zone's clocks; a name of the list stands for its member."""
    write_events(store, [ago(1, team_id="t1", team_alias="Search")])
    assert "Nothing is planned" in text_of(post(ids.CALENDAR_LISTS)[ids.CALENDAR_LISTS])
    assert "Event Launch is planned." in save(post, dimension="team", member="Search", note="big")
    (event,) = planned_events(store)
    assert (event.dimension, event.member, event.note) == ("team", "t1", "big")
    assert event.starts_at == NOW.replace(day=5, hour=8, minute=0)
    listed = text_of(post(ids.CALENDAR_LISTS)[ids.CALENDAR_LISTS])
    for part in ("Launch", "team t1", "Thu 05 Mar 2026, 08:00", "4 h", f"/calendar#{event.id}"):
        assert part in listed, part
    chosen = post(ids.CALENDAR_LISTS, url__hash=f"#{event.id}")
    assert chosen[ids.EVENT_PANEL]["className"] == "card"
    assert post(ids.EVENT_REMOVED, "event-remove.n_clicks", url__hash=f"#{event.id}") == {}
    removed = post(ids.EVENT_REMOVED, "event-remove.n_clicks", url__hash=f"#{event.id}", event_remove__n_clicks=1)
    assert "The event is removed." in text_of(removed)
    assert planned_events(store) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": " "}, "Say what it is"),
        ({"name": "x" * 101}, "101 characters is too long"),
        ({"start": ""}, "The begin is missing"),
        ({"end": "soon"}, "The end is missing"),
        ({"end": "2026-03-05T08:00"}, "Let it end after its begin"),
        ({"dimension": "team"}, "It is not said which team is meant"),
        ({"dimension": "colour", "member": "red"}, "Calls have no"),
    ],
)
def test_an_event_that_cannot_be_is_refused(post: Post, store: Engine, changes: dict[str, Any], said: str) -> None:
    """With the value and what to do."""
    write_events(store, [ago(1)])
    assert said in save(post, **changes)
    assert planned_events(store) == []


def test_what_goes_on_and_what_is_over_are_told_apart(post: Post, store: Engine) -> None:
    """The next comes first; one that goes on says so."""
    write_events(store, [ago(1)])
    for name, start, end in (("past", -5, -4), ("present", -1, 1), ("future", 24, 25)):
        plan_event(store, name, starts_at=NOW + start * HOUR, ends_at=NOW + end * HOUR, now=NOW)
    planned, over = post(ids.CALENDAR_LISTS)[ids.CALENDAR_LISTS]["children"]
    assert text_of(planned).index("present") < text_of(planned).index("future")
    assert '"now"' in text_of(planned)
    assert "past" in text_of(over)


def alert_row(**changes: Any) -> AlertRow:
    known: dict[str, Any] = {
        "alert_key": "a" * 32, "source": "anomaly", "source_id": 3, "severity": "critical", "dimension": "team",
        "member": "t1", "label": "Search", "title": "Cost of team Search", "body": "b", "details": "{}",
        "at_stake_nano_usd": 5 * USD, "state": "open", "opened_at": NOW - 2 * HOUR, "seen_at": NOW,
    }  # fmt: skip
    return AlertRow(**{**known, **changes})


def message(**changes: Any) -> AlertMessage:
    known: dict[str, Any] = {
        "channel": "ops", "kind": "opened", "alert_ids": "[1]", "title": "Cost of team Search", "body": "b",
        "payload": "{}", "made_at": NOW - HOUR, "due_at": NOW - HOUR, "attempts": 0,
    }  # fmt: skip
    return AlertMessage(**{**known, **changes})


def test_alerts_that_go_on_lead_to_what_they_are_about(post: Post, data: Data, store: Engine) -> None:
    """With severity, scope and dollars; the log is empty until somebody was told."""
    write_events(store, [ago(1)])
    assert "No alert goes on." in text_of(post(ids.ALERTS_ACTIVE)[ids.ALERTS_ACTIVE])
    keep_alerts(store, "anomaly", [alert_row()], now=NOW, over_before=NOW)
    data.changed()
    said = text_of(post(ids.ALERTS_ACTIVE))
    for part in ("/anomalies/3", "critical", "team Search", "2 h ago", "$5.00", "Nobody was told of anything yet"):
        assert part in said, part


def test_somebody_looks_after_an_alert(post: Post, data: Data, store: Engine) -> None:
    """It is shown in full, taken by a click, and opened again by another; one that is over can be neither."""
    write_events(store, [ago(1)])
    keep_alerts(store, "rule", [alert_row(source="rule", body="All about it")], now=NOW, over_before=NOW)
    assert "/alerts#1" in text_of(post(ids.ALERTS_ACTIVE, url__hash=""))
    shown = post(ids.ALERT_CHOSEN, url__hash="#1")
    assert "All about it" in text_of(shown[ids.ALERT_CHOSEN])
    assert (shown[ids.ALERT_PANEL]["className"], shown[ids.ALERT_OPEN_AGAIN]["className"]) == ("card", "gone")
    clicked = {"url__hash": "#1", "alert_by__value": " Ana "}

    def click(button: str) -> str:
        name = f"{button.replace('-', '_')}__n_clicks"
        return text_of(post(ids.ALERT_SAID, f"{button}.n_clicks", **{name: 1}, **clicked))

    assert "Ana looks after “Cost of team Search”" in click(ids.ALERT_LOOK_AFTER)
    assert [(each.state, each.state_by) for each in alerts(store)] == [("acknowledged", "Ana")]
    shown = post(ids.ALERT_CHOSEN, url__hash="#1")
    assert "Ana looks after it" in text_of(shown[ids.ALERTS_ACTIVE])
    assert (shown[ids.ALERT_LOOK_AFTER]["className"], shown[ids.ALERT_OPEN_AGAIN]["className"]) == ("gone", "button")
    assert "is open again" in click(ids.ALERT_OPEN_AGAIN)
    keep_alerts(store, "rule", [], now=NOW + HOUR, over_before=NOW + HOUR)
    assert "there is no alert 1 that goes on" in click(ids.ALERT_LOOK_AFTER).lower()
    data.changed()
    shown = post(ids.ALERT_CHOSEN, url__hash="#1")
    assert (shown[ids.ALERT_LOOK_AFTER]["className"], shown[ids.ALERT_OPEN_AGAIN]["className"]) == ("gone", "gone")


@pytest.mark.parametrize("fragment", ["#2", "#x", "#99999999999999999999", "", None])
def test_an_alert_that_there_is_not_is_not_shown(post: Post, store: Engine, fragment: str | None) -> None:
    """The list is."""
    write_events(store, [ago(1)])
    keep_alerts(store, "rule", [alert_row()], now=NOW, over_before=NOW)
    shown = post(ids.ALERT_CHOSEN, url__hash=fragment)
    assert shown[ids.ALERT_PANEL]["className"] == "card gone"
    assert "Cost of team Search" in text_of(shown[ids.ALERTS_ACTIVE])


def test_an_alert_that_no_channel_takes_says_so(post: Post, store: Engine) -> None:
    """In the place of when it was told."""
    write_events(store, [ago(1)])
    keep_alerts(store, "anomaly", [alert_row(untaken_at=NOW)], now=NOW, over_before=NOW)
    assert "no channel takes it" in text_of(post(ids.ALERTS_ACTIVE))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"delivered_at": NOW, "attempts": 1}, "delivered"),
        ({"given_up_at": NOW, "attempts": 9}, "given up"),
        ({"attempts": 2}, "tried again"),
        ({"due_at": NOW + HOUR}, "waits"),
        ({}, "on its way"),
    ],
)
def test_every_message_says_what_became_of_it(changes: dict[str, Any], said: str) -> None:
    """In a word beside its colour."""
    log = AlertLog(now=NOW, zone=UTC_ZONE, active=(), messages=())
    assert words(delivery(message(**changes), log)).strip() == said


def test_the_log_has_the_newest_message_first(data: Data, store: Engine) -> None:
    """With its channel, tries and last error."""
    keep_messages(store, [message(title="first")], [], NOW)
    keep_messages(store, [message(title="second", attempts=2, last_error="refused")], [], NOW)
    assert [each.title for each in alert_log(data.look()).messages] == ["second", "first"]


@pytest.mark.parametrize(
    ("filters", "part"),
    [
        (Filters(), Part()),
        (Filters(team=("t1",)), Part.read("team=t1")),
        (Filters(team=("t1", "t2")), None),
        (Filters(team=("t1",), model=("m",)), None),
        (Filters(team=("(none)",)), None),
    ],
)
def test_a_forecast_is_of_all_or_of_one_part(filters: Filters, part: Part | None) -> None:
    """Several filters together are no part that has a past of its own."""
    assert part_of(filters) == part


def test_the_overview_says_what_the_month_comes_to_and_what_waits(post: Post, store: Engine) -> None:
    """With interval and past error beside it, and links to inbox and budgets."""
    write_events(store, [ago(24 * day + 1, cost_usd=5) for day in range(60)])
    keep_rows(store, anomaly_row())
    for usd in (10, 10_000):
        budget = Budget(name=f"{usd}", part=Part(), amount_nano_usd=usd * USD, period=Period.MONTH)
        save_budget(store, budget, NOW)
    said = text_of(post(ids.AHEAD)[ids.AHEAD])
    for part in ("$155.00 expected, $20.00 so far", "80 %: $", "off by", "1 open", "$55.00 at stake", "1 of 2 over"):
        assert part in said, part
    assert "/anomalies" in said
    narrowed = text_of(post(ids.AHEAD, url__search="?team=a&model=b")[ids.AHEAD])
    assert "Forecasts are of all calls" in narrowed


def test_a_budget_that_is_expected_to_be_over_is_not_over(post: Post, store: Engine) -> None:
    """Nobody's calls are refused yet."""
    write_events(store, [ago(24 * day + 1, cost_usd=5) for day in range(60)])
    for usd in (100, 10_000):
        budget = Budget(name=f"{usd}", part=Part(), amount_nano_usd=usd * USD, period=Period.MONTH)
        save_budget(store, budget, NOW)
    said = text_of(post(ids.AHEAD)[ids.AHEAD])
    assert "1 of 2 expected over" in said
    assert "None is spent yet" in said


def test_a_short_past_has_no_forecast(post: Post, data: Data, store: Engine) -> None:
    """The card says how much is missing, and that nobody has looked for anomalies."""
    write_events(store, [ago(24 * day + 1, cost_usd=5) for day in range(4)])
    said = text_of(post(ids.AHEAD)[ids.AHEAD])
    assert "more days are needed for a forecast" in said
    assert "Not looked yet" in said
    assert "None set" in said
    assert ahead(data.look(), Filters()).budgets == 0
