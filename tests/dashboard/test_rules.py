"""Rules: their list, their form and their trial on the past, as a browser asks for them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Engine

from dashboard import Data, ids
from dashboard.components.rules import FIELDS, KIND_FIELDS, OF_KIND, condition
from dashboard.queries.rules import all_rules, course_of, entered, rule_in, tried, windows_in
from tests.dashboard.conftest import NOW, Post, ago
from usage_plugin.errors import InputError
from usage_plugin.event import CostConfidence
from usage_plugin.rules import BurnRate, Detector, NoData, Rule, RuleKind, Threshold, Window, row_of
from usage_plugin.store.rules import rules, save_rule
from usage_plugin.store.write import write_events


def text_of(filled: object) -> str:
    return json.dumps(filled, ensure_ascii=False)


def past() -> list[Any]:
    """Make 30 days of $24 each, and twice 24 hours of $10 each, from noon to noon: four days of about $132."""
    return [
        ago(
            hour + 0.2,
            cost_usd=10 if hour // 24 in (3, 9) else 1,
            team_id=f"t{hour % 2}",
            team_alias=f"Team {hour % 2}",
        )
        for hour in range(24 * 30)
    ]


def given(**changes: Any) -> dict[str, Any]:
    fresh = {
        "name": "Dear day", "kind": "threshold", "metric": "cost", "dimension": "total", "side": "above", "limit": 100,
        "period": "day", "windows": "60 x 14, 5 x 14", "hours": 2, "severity": "warning", "is_enabled": True,
    }  # fmt: skip
    return {**dict.fromkeys(FIELDS), **fresh, **changes}


def values(held: dict[str, Any]) -> dict[str, Any]:
    return {f"{ids.rule(name).replace('-', '_')}__{prop}": held[name] for name, prop in FIELDS.items()}


def press(post: Post, button: str, output: str, fragment: str = "", **changes: Any) -> dict[str, Any]:
    clicked = {f"{button.replace('-', '_')}__n_clicks": 1, "url__hash": fragment}
    return post(output, f"{button}.n_clicks", **clicked, **values(given(**changes)))


def test_a_rule_is_tried_before_it_is_kept(post: Post, store: Engine) -> None:
    """How often, in how many days and with how many dollars; nothing is kept by it."""
    write_events(store, past())
    found = press(post, ids.RULE_TRY, ids.RULE_VERDICT)
    said = found[ids.RULE_VERDICT]["children"]
    assert said == "Would have fired 4 times in the last 90 days, $128.00 beyond what is allowed or expected."
    assert found[ids.RULE_TRIAL]["className"] == "below"
    assert found[ids.RULE_GRAPH]["figure"]["layout"]["shapes"]
    assert "Spent meanwhile" in text_of(found[ids.RULE_FIRINGS])
    assert rules(store) == []


def test_a_trial_says_how_many_calls_no_dollars_hold(post: Post, store: Engine) -> None:
    """They make no dollars, and nothing says that they cost none."""
    write_events(store, [ago(hour + 0.2, cost_usd=None, confidence=CostConfidence.UNPRICED) for hour in range(24 * 30)])
    found = press(post, ids.RULE_TRY, ids.RULE_VERDICT)
    said = found[ids.RULE_VERDICT]["children"]
    assert said == "Would not have fired in the last 90 days. 720 calls without a known price count for nothing."


def test_a_rule_that_is_opened_is_neither_tried_nor_kept(post: Post, store: Engine) -> None:
    """Dash calls each button's callback when the page appears."""
    write_events(store, [ago(1)])
    for output, button in ((ids.RULE_VERDICT, ids.RULE_TRY), ("rule-said.children@", ids.RULE_REMOVE)):
        assert post(output, f"{button}.n_clicks", **values(given())) == {}
    assert rules(store) == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(name="r", settings=Threshold(above=50.0)), "Cost of a day above $50.00"),
        (
            Rule(name="r", settings=Threshold(below=0.2, period="hour"), metric="cache_hit_rate"),
            "Cache hit rate of an hour below 20.0%",
        ),
        (
            Rule(name="r", settings=BurnRate(windows=(Window(60, 14.0), Window(5, 14.0)))),
            "Cost 14 times usual in 1 h and 14 times usual in 5 min",
        ),
        (
            Rule(name="r", settings=BurnRate(windows=(Window(120, 2.5),), per_day=10.0), metric="requests"),
            "Requests 2.5 times 10 a day in 2 h",
        ),
        (Rule(name="r", settings=NoData(hours=3)), "No call for 3 h, where there were some in the week before"),
        (
            Rule(name="r", settings=Detector(least=5.0)),
            "Anomaly of cost by the hour, $5.00 or more beyond what was expected",
        ),
        (
            Rule(name="r", settings=Threshold(above=900.0), metric="latency_p95", dimension="team", member="t1"),
            "Latency, p95 of a day above 900 ms",
        ),
    ],
)
def test_every_rule_can_be_said_and_entered_again(data: Data, store: Engine, rule: Rule, words: str) -> None:
    """What the form holds of a rule is the rule."""
    write_events(store, [ago(1, team_id="t1", team_alias="Search")])
    assert condition(rule) == words
    assert rule_in(data.look(), None, {**dict.fromkeys(FIELDS), **entered(data.look(), rule)}) == rule


def test_rules_are_kept_changed_and_removed(post: Post, data: Data, store: Engine) -> None:
    """A name of the list stands for its member, no name for each by itself; the address says which is changed."""
    write_events(store, past())
    assert "Rule Dear day is kept." in text_of(press(post, ids.RULE_SAVE, "rule-said.children@", dimension="team"))
    (row,) = rules(store)
    assert (row.dimension, row.member) == ("team", None)
    listed = text_of(post(ids.RULES_LIST)[ids.RULES_LIST])
    for part in ("Cost of a day above $100.00", "each team", f"/rules#{row.id}"):
        assert part in listed, part
    held = post(ids.rule("limit"), url__hash=f"#{row.id}")
    assert held[ids.rule("limit")]["value"] == 100
    assert held[ids.RULE_TITLE]["children"] == "Change Dear day"
    changed = {"dimension": "team", "member": "Team 1", "limit": 50, "is_enabled": False}
    save = text_of(press(post, ids.RULE_SAVE, "rule-said.children@", f"#{row.id}", **changed))
    assert "is kept" in save
    (again,) = rules(store)
    assert (again.id, again.member, again.is_enabled) == (row.id, "t1", False)
    removed = press(post, ids.RULE_REMOVE, "rule-said.children@", f"#{row.id}")
    assert "The rule is removed." in text_of(removed)
    assert rules(store) == []
    data.changed()
    assert "No rules yet" in text_of(post(ids.RULES_LIST)[ids.RULES_LIST])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "without a name"),
        ({"limit": ""}, "the limit is missing"),
        ({"limit": "1; DROP"}, "the limit is missing"),
        ({"metric": "colour"}, "the metric cannot be"),
        ({"severity": "loud"}, "the severity cannot be"),
        ({"kind": "magic"}, "the kind of the rule is missing"),
        ({"kind": "burn rate", "windows": "soon"}, "Write minutes and times"),
        ({"kind": "burn rate", "metric": "error_rate"}, "the metric cannot be"),
        ({"kind": "no data", "hours": 999}, "999 hours of silence are no rule"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(post: Post, store: Engine, changes: dict[str, Any], said: str) -> None:
    """Both by the trial and by saving, with what to enter instead."""
    write_events(store, [ago(1)])
    kept = text_of(press(post, ids.RULE_SAVE, "rule-said.children@", **changes))
    trial = text_of(press(post, ids.RULE_TRY, ids.RULE_VERDICT, **changes))
    assert said.casefold() in kept.casefold()
    assert said.casefold() in trial.casefold()
    assert rules(store) == []


def test_only_what_a_kind_asks_for_is_in_sight(post: Post) -> None:
    """The other fields are hidden, not forgotten."""
    for kind in RuleKind:
        shown = post(ids.rule_box("limit"), **{f"{ids.rule('kind').replace('-', '_')}__value": kind.value})
        in_sight = {field for field in KIND_FIELDS if shown[ids.rule_box(field)]["className"] == ""}
        assert in_sight == set(OF_KIND[kind.value])


def test_a_trial_draws_whoever_fired_most(data: Data, store: Engine) -> None:
    """With the limit as a line, and only its own firings."""
    write_events(store, past())
    found = tried(data, None, given(dimension="team", limit=50))
    course = course_of(found, data.zone)
    assert course is not None
    assert course.name in ("Cost of Team 0", "Cost of Team 1")
    assert course.limit == 50.0
    assert 0 < len(course.firings) < len(found.firings)


def test_nothing_to_look_at_is_said(post: Post, store: Engine) -> None:
    """A rule for somebody who never called would not have fired."""
    write_events(store, [ago(1)])
    found = press(post, ids.RULE_TRY, ids.RULE_VERDICT, limit=10_000)
    assert "Would not have fired" in found[ids.RULE_VERDICT]["children"]


def test_a_rule_of_another_version_is_named(data: Data, store: Engine) -> None:
    """It cannot be read, and the others can."""
    row = row_of(Rule(name="new", settings=NoData()))
    row.kind = "of tomorrow"
    save_rule(store, row, now=NOW)
    save_rule(store, row_of(Rule(name="old", settings=NoData())), now=NOW)
    frame = all_rules(data.look())
    assert (frame.broken, [rule.name for rule in frame.rules]) == (("new",), ["old"])


def test_windows_are_minutes_and_times() -> None:
    """As they are written back."""
    assert windows_in("60 x 14, 5min x 2.5") == (Window(60, 14.0), Window(5, 2.5))
    with pytest.raises(InputError, match="'60'"):
        windows_in("60")
