"""The inbox and an anomaly's page: over a real store, as a browser asks for them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from dashboard import Data, ids
from dashboard.components.anomaly import behind, drivers_link, split_table, terms_table
from dashboard.components.inbox import when
from dashboard.queries.anomaly import told
from dashboard.queries.inbox import JOB, Segment, inbox, open_anomalies
from dashboard.theme import money
from tests.dashboard.conftest import NOW, Post, ago
from tests.dashboard.findings import HOUR, USD, WHY, anomaly_row, keep_rows
from tests.dashboard.test_components import plain, words
from usage_plugin.store.anomalies import anomaly
from usage_plugin.store.calendar import plan_event, planned_events
from usage_plugin.store.jobs import Outcome, begin_run, end_run
from usage_plugin.store.write import write_events
from usage_plugin.time_zone import UTC_ZONE


def text_of(filled: object) -> str:
    return json.dumps(filled, ensure_ascii=False)


def looked(store: Engine) -> None:
    """Note that a worker has looked for anomalies."""
    end_run(store, begin_run(store, JOB, NOW, NOW), Outcome.DONE, "Nothing new.", NOW - timedelta(minutes=5))


def test_the_inbox_lists_the_dearest_first_and_folds_what_one_explains(data: Data, store: Engine) -> None:
    """Those that another one explains are beneath it, and each segment is counted by itself."""
    write_events(store, [ago(1)])
    small, dear = keep_rows(store, anomaly_row(1, at_stake_nano_usd=USD), anomaly_row(2))
    (part,) = keep_rows(store, anomaly_row(3, merged_into_id=dear))
    keep_rows(store, anomaly_row(4, state="acknowledged"), *(anomaly_row(n, state="too small") for n in (5, 6)))
    frame = inbox(data.look(), Segment.ACTIVE)
    listed = [(entry.anomaly.id, [each.id for each in entry.merged]) for entry in frame.entries]
    assert listed == [(dear, [part]), (small, [])]
    assert frame.counts == {Segment.ACTIVE: 2, Segment.ACKNOWLEDGED: 1, Segment.RESOLVED: 2}
    waiting = open_anomalies(data.look())
    assert (waiting.number, waiting.at_stake_nano_usd) == (2, 56 * USD)


def test_an_entry_says_whose_when_how_much_and_how_severe(post: Post, store: Engine) -> None:
    """And leads to its page; the address says which segment is shown."""
    write_events(store, [ago(1)])
    (number,) = keep_rows(store, anomaly_row(dimension="team", member="t1", label="Search", state="acknowledged"))
    said = text_of(post(ids.INBOX_LIST, url__hash="#acknowledged")[ids.INBOX_LIST])
    for part in (f"/anomalies/{number}", "Cost of team Search", "$61.00 instead of $6.00", "severity 4.3", "+$55.00"):
        assert part in said
    assert "Tue 03 Mar 2026, 06:00, for 6 h" in said


def test_what_goes_on_says_since_when() -> None:
    """Its length is that up to the last point that is off."""
    row = anomaly_row(is_over=False)
    assert when(row, UTC_ZONE) == "since Tue 03 Mar 2026, 06:00, for 6 h so far"


@pytest.mark.parametrize(
    ("days", "has_run", "title"),
    [
        (1, False, "Nobody has looked for anomalies yet"),
        (0, True, "Still learning for 14 more days"),
        (10, True, "Still learning for 4 more days"),
        (13, True, "Still learning for 1 more day"),
        (20, True, "Nothing waits for you"),
    ],
)
def test_an_empty_inbox_says_why(post: Post, store: Engine, days: int, has_run: bool, title: str) -> None:
    """Nobody has looked, too little is known, and really nothing are told apart."""
    write_events(store, [ago(24 * day) for day in range(days + 1)])
    if has_run:
        looked(store)
    said = text_of(post(ids.INBOX_LIST)[ids.INBOX_LIST])
    assert f'"{title}"' in said
    assert ("usage-plugin detect" in said) is not has_run


def test_a_page_that_is_opened_changes_nothing(post: Post, store: Engine) -> None:
    """Dash calls a button's callback when the button appears: nobody has clicked then."""
    (number,) = keep_rows(store, anomaly_row())
    button = ids.feedback("RESOLVED")
    assert post(ids.ANOMALY_NOTE, f"{button}.n_clicks", url__pathname=f"/anomalies/{number}") == {}
    detail = anomaly(store, number)
    assert detail is not None
    assert (detail.anomaly.state, detail.notes) == ("open", ())


def click(post: Post, number: int, state: str, **given: Any) -> dict[str, Any]:
    button = ids.feedback(state)
    clicked = {f"{button.replace('-', '_')}__n_clicks": 1}
    return post(ids.ANOMALY_NOTE, f"{button}.n_clicks", url__pathname=f"/anomalies/{number}", **clicked, **given)


def test_feedback_is_kept_with_who_said_it_and_why(post: Post, store: Engine) -> None:
    """The state changes, the history has it, and the lists are drawn anew."""
    write_events(store, [ago(1)])
    (number,) = keep_rows(store, anomaly_row())
    path = f"/anomalies/{number}"
    before = post(ids.ANOMALY_HISTORY, url__pathname=path)
    assert "says" not in text_of(before[ids.ANOMALY_HISTORY])
    said = click(post, number, "EXPECTED", anomaly_by__value="Ana", anomaly_note__value="<b>launch</b>")
    assert "Kept as expected." in text_of(said[ids.ANOMALY_SAID])
    assert said[ids.CHANGED]["data"]
    detail = anomaly(store, number)
    assert detail is not None
    assert (detail.anomaly.state, detail.anomaly.state_by, detail.anomaly.note) == ("expected", "Ana", "<b>launch</b>")
    after = post(ids.ANOMALY_HISTORY, url__pathname=path)
    assert "expected, says Ana" in text_of(after[ids.ANOMALY_HISTORY])


@pytest.mark.parametrize(
    ("number", "note", "words_said"),
    [(99, "", "There is no anomaly 99"), (None, "x" * 501, "501 characters is too long"), (None, ["x"], "Kept as")],
)
def test_feedback_that_cannot_be_kept_says_why(
    post: Post, store: Engine, number: int | None, note: Any, words_said: str
) -> None:
    """An anomaly that is gone, a text that is too long; what is no text is none."""
    (known,) = keep_rows(store, anomaly_row())
    said = click(post, number or known, "RESOLVED", anomaly_note__value=note)
    assert words_said in text_of(said[ids.ANOMALY_SAID])


@pytest.mark.parametrize("path", ["/anomalies/7", "/anomalies/x", f"/anomalies/{'9' * 40}", "/anomalies/-1"])
def test_an_anomaly_that_is_not_there_says_so(post: Post, store: Engine, path: str) -> None:
    """A number that no anomaly has, and what is no number."""
    assert "No such anomaly" in text_of(post(ids.ANOMALY_STATE, url__pathname=path)[ids.ANOMALY_STATE])


def test_both_tables_add_up_to_the_change() -> None:
    """Terms and members end in the same sum, which is the anomaly's."""
    assert "More or fewer calls +$50.00" in words(terms_table(WHY))
    assert words(terms_table(WHY)).endswith("Change +$55.00")
    shown = words(split_table(WHY.splits[0], money))
    assert "Leo $1.00 $54.00 +$53.00 mona   new $0.00 $3.00 +$3.00 14 others $5.00 $4.00 -$1.00" in shown
    assert shown.endswith("All $6.00 $61.00 +$55.00")


def test_the_calls_behind_it_are_one_click_away() -> None:
    """Of its time and its members; those of who drove it are another link."""
    row = anomaly_row(dimension="team", member="t1", second_dimension="model", second_member="gpt-4o")
    query = "range=custom&from=2026-03-03T06%3A00&to=2026-03-03T12%3A00"
    assert behind(row) == f"/requests?{query}&model=gpt-4o&team=t1"
    link = plain(drivers_link(row, WHY))["props"]
    assert (link["children"], link["href"]) == ("Only those of Leo", f"/requests?{query}&model=gpt-4o&team=t1&user=leo")


def days_of_calls(days: int, *, runaway: bool = True) -> list[Any]:
    usual = [ago(hour + 0.2, cost_usd=1 + hour % 3, user_id="ana") for hour in range(24 * days)]
    return usual + ([ago(hour + 0.3, cost_usd=9, user_id="leo") for hour in range(25, 31)] if runaway else [])


def test_the_chart_is_what_the_detector_said(data: Data, store: Engine) -> None:
    """The band is that of the detector over the same history, and the calendar's events are on it."""
    write_events(store, days_of_calls(40))
    (number,) = keep_rows(store, anomaly_row())
    plan_event(store, "Launch", starts_at=HOUR - timedelta(hours=60), ends_at=HOUR - timedelta(hours=50), now=NOW)
    plan_event(
        store, "Elsewhere", starts_at=HOUR - timedelta(hours=60), ends_at=HOUR, dimension="team", member="x", now=NOW
    )
    (other,) = (each.id for each in planned_events(store) if each.name == "Elsewhere")
    (meant,) = keep_rows(store, anomaly_row(2, planned_event_id=other))
    expected = told(data.look(), meant).course
    assert expected is not None
    assert {each.name for each in expected.planned} == {"Launch", "Elsewhere"}
    course = told(data.look(), number).course
    assert course is not None
    assert [each.name for each in course.planned] == ["Launch"]
    at = course.buckets.index(HOUR - timedelta(hours=28))
    assert course.values[at] == pytest.approx(9 + 1 + 27 % 3, abs=1.01)
    assert course.upper[at] < course.values[at]
    assert course.lower[at] <= course.expected[at] <= course.upper[at]
    assert course.partial is None


def test_the_driver_is_taken_out_while_the_anomaly_lasts(data: Data, store: Engine) -> None:
    """Without Leo the hours are as usual, and elsewhere nothing is redrawn."""
    write_events(store, days_of_calls(40))
    (number,) = keep_rows(store, anomaly_row())
    course = told(data.look(), number).course
    assert course is not None
    assert course.without is not None
    assert course.driver == "Leo"
    within = [HOUR - timedelta(hours=30) <= bucket < HOUR - timedelta(hours=24) for bucket in course.buckets]
    assert (course.values[within] - course.without[within]).tolist() == pytest.approx([9.0] * 6)
    assert np.isfinite(course.without).sum() == 8


@pytest.mark.parametrize(
    "metric", ["tokens", "requests", "cost_per_request", "latency_p95", "error_rate", "cache_hit_rate"]
)
def test_every_metric_has_a_chart(data: Data, store: Engine, metric: str) -> None:
    """Each of its own unit; a novelty has none."""
    write_events(store, days_of_calls(20, runaway=False))
    number, new = keep_rows(
        store, anomaly_row(metric=metric, granularity="day"), anomaly_row(2, metric="use", kind="novelty")
    )
    course = told(data.look(), number).course
    assert course is not None
    assert np.isfinite(course.values).any()
    assert told(data.look(), new).course is None


def test_an_explanation_of_another_version_is_left_out(data: Data, store: Engine) -> None:
    """The page shows what it can."""
    numbers = keep_rows(store, *(anomaly_row(n, explanation=text) for n, text in enumerate(("{}", "x", "[]"), 1)))
    for number in numbers:
        assert told(data.look(), number).why is None
