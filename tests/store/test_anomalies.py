"""Anomalies as they are kept, what people say of them, and the calendar: on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from usage_plugin.errors import InputError
from usage_plugin.store.analysis_tables import AnomalyRow
from usage_plugin.store.anomalies import ACTIVE, State, anomalies, anomaly, keep, of_series, set_state, unfinished
from usage_plugin.store.calendar import forget_event, plan_event, planned_events
from usage_plugin.store.database import changing
from usage_plugin.store.tuning import BARS_LAST, tunings

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def row(number: int, **given: Any) -> AnomalyRow:
    begin = given.get("started_at", NOON)
    values: dict[str, Any] = {
        "anomaly_key": f"{number:032x}",
        "series_key": f"{number:032d}",
        "metric": "cost",
        "granularity": "hour",
        "dimension": "key",
        "member": "k1",
        "kind": "spike",
        "started_at": begin,
        "peak_at": begin,
        "ended_at": begin + HOUR,
        "is_over": False,
        "expected": 1e9,
        "actual": 9e9,
        "peak_actual": 9e9,
        "z": 20.0,
        "severity": 4.0,
        "at_stake_nano_usd": 8_000_000_000,
        "headline": "Cost of key k1: $9.00 where $1.00 was expected.",
        "explanation": "{}",
        "state": "open",
        "found_at": begin + HOUR,
        "updated_at": begin + HOUR,
    }
    return AnomalyRow(**{**values, **given})


def kept(engine: Engine, *rows: AnomalyRow) -> list[int]:
    with changing(engine) as connection:
        return [each.id or 0 for each in keep(connection, rows)]


def test_the_inbox_has_the_most_dollars_first_and_no_merged_ones(engine: Engine) -> None:
    """What is missing counts as much as what is too much; anomalies without dollars come last."""
    first, second, third = kept(
        engine, row(1), row(2, at_stake_nano_usd=-9_000_000_000), row(3, at_stake_nano_usd=None)
    )
    kept(engine, row(4, merged_into_id=first))
    assert [each.id for each in anomalies(engine)] == [second, first, third]
    assert [each.id for each in anomalies(engine, limit=1)] == [second]
    assert len(anomalies(engine, merged=True)) == 4
    detail = anomaly(engine, first)
    assert detail is not None
    assert [each.series_key for each in detail.merged] == [f"{4:032d}"]
    assert detail.anomaly == anomalies(engine)[1]
    assert anomaly(engine, 99) is None


def test_time_and_state_choose(engine: Engine) -> None:
    """The end of the time is not inside, as everywhere."""
    (number,) = kept(engine, row(1))
    kept(engine, row(2, state="resolved"))
    assert [each.id for each in anomalies(engine, states=ACTIVE)] == [number]
    assert anomalies(engine, start=NOON + HOUR) == []
    assert anomalies(engine, end=NOON) == []
    assert len(anomalies(engine, start=NOON, end=NOON + HOUR)) == 2
    assert [each.id for each in unfinished(engine, "hour")] == [number, number + 1]
    assert unfinished(engine, "day") == []
    assert [each.id for each in of_series(engine, {f"{2:032d}"}, NOON)] == [number + 1]


def test_writing_again_changes_the_row(engine: Engine) -> None:
    """A number means the same anomaly."""
    (number,) = kept(engine, row(1))
    again = row(1, is_over=True, actual=12e9)
    again.id = number
    assert kept(engine, again) == [number]
    assert [(each.is_over, each.actual) for each in anomalies(engine)] == [(True, 12e9)]


def test_what_is_said_is_kept_with_its_history(engine: Engine) -> None:
    """Who said what and when, the last word in the row."""
    (number,) = kept(engine, row(1))
    set_state(engine, number, "acknowledged", by="ana", note="looking", now=NOON + HOUR)
    detail = set_state(engine, number, State.RESOLVED, by="ben", note=None, now=NOON + 2 * HOUR)
    assert (detail.anomaly.state, detail.anomaly.state_by, detail.anomaly.state_at) == (
        "resolved",
        "ben",
        NOON + 2 * HOUR,
    )
    assert [(note.state, note.said_by, note.note) for note in detail.notes] == [
        ("acknowledged", "ana", "looking"),
        ("resolved", "ben", None),
    ]
    assert tunings(engine, {f"{1:032d}"}) == {}


def test_series_learn_from_what_is_said(engine: Engine) -> None:
    """Expected raises the bar to what it was, also of what it explains; too small raises the dollars."""
    (number,) = kept(engine, row(1))
    kept(engine, row(2, merged_into_id=number, peak_actual=30e9), row(3))
    set_state(engine, number, "expected", by="ana", note="launch", now=NOON)
    found = tunings(engine, {f"{each:032d}" for each in (1, 2, 3)})
    assert {key: (each.bar_high, each.bar_low) for key, each in found.items()} == {
        f"{1:032d}": (9e9, None),
        f"{2:032d}": (30e9, None),
    }
    assert {each.bars_until for each in found.values()} == {NOON + BARS_LAST}
    set_state(engine, number, "too small", by="ana", note=None, now=NOON)
    assert tunings(engine, {f"{1:032d}"})[f"{1:032d}"].least_nano_usd == 8_000_000_000


def test_a_bar_only_rises_until_it_is_over(engine: Engine) -> None:
    """A smaller one does not lower it; one after its time stands for itself; a drop has a bar of its own."""
    first, second, third = kept(
        engine, row(1), row(2, series_key=f"{1:032d}", peak_actual=4e9), row(3, series_key=f"{1:032d}", actual=0.0)
    )
    set_state(engine, first, "expected", by=None, note=None, now=NOON)
    set_state(engine, second, "false alarm", by=None, note=None, now=NOON)
    assert tunings(engine, {f"{1:032d}"})[f"{1:032d}"].bar_high == 9e9
    set_state(engine, second, "false alarm", by=None, note=None, now=NOON + 2 * BARS_LAST)
    assert tunings(engine, {f"{1:032d}"})[f"{1:032d}"].bar_high == 4e9
    set_state(engine, third, "expected", by=None, note=None, now=NOON)
    assert tunings(engine, {f"{1:032d}"})[f"{1:032d}"].bar_low == 9e9


def test_what_cannot_be_said_is_refused(engine: Engine) -> None:
    """With the words that can be, and nothing is written."""
    (number,) = kept(engine, row(1))
    with pytest.raises(InputError, match="'gone'"):
        set_state(engine, number, "gone", by=None, note=None, now=NOON)
    with pytest.raises(InputError, match="no anomaly 77"):
        set_state(engine, 77, "expected", by=None, note=None, now=NOON)
    assert [each.state for each in anomalies(engine)] == ["open"]


def test_the_calendar_gives_back_what_was_planned(engine: Engine) -> None:
    """By time, in order; what is forgotten is gone."""
    launch = plan_event(engine, "launch", starts_at=NOON, ends_at=NOON + HOUR, by="ana", now=NOON)
    load = plan_event(
        engine, "load test", starts_at=NOON - HOUR, ends_at=NOON, dimension="team", member="search", now=NOON
    )
    assert planned_events(engine) == [load, launch]
    assert planned_events(engine, start=NOON) == [launch]
    assert planned_events(engine, end=NOON) == [load]
    assert forget_event(engine, load.id or 0)
    assert not forget_event(engine, load.id or 0)
    assert planned_events(engine) == [launch]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": " "}, "without a name"),
        ({"name": "x", "ends_at": NOON}, "ends at"),
        ({"name": "x", "dimension": "planet"}, "planet"),
    ],
)
def test_what_cannot_be_planned_is_refused(engine: Engine, given: dict[str, Any], said: str) -> None:
    """With the value that is wrong."""
    with pytest.raises(InputError, match=said):
        plan_event(engine, **{"starts_at": NOON, "ends_at": NOON + HOUR, "now": NOON, **given})
    assert planned_events(engine) == []
