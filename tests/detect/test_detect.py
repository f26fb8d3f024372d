"""Anomalies of real stored calls: found, explained, merged to one entry for each cause, and kept; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import Engine

from tests.detect.calls import HOUR, NOW, PRICE_USD, Hour, company, usual
from usage_plugin.detect import Detected, Options, Why, asking, detect
from usage_plugin.errors import NoLongerKept
from usage_plugin.store import read
from usage_plugin.store.analysis_tables import AnomalyRow
from usage_plugin.store.anomalies import anomalies, anomaly, set_state
from usage_plugin.store.calendar import plan_event
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.prune import prune
from usage_plugin.store.read import Question
from usage_plugin.store.retention import Retention
from usage_plugin.store.sheets.build import add_up
from usage_plugin.store.write import write_events
from usage_plugin.time_zone import UTC_ZONE

DAY = timedelta(days=1)
BEGAN = NOW.replace(minute=0) - 20 * HOUR
RUNAWAY = tuple(Hour("alpha", BEGAN + number * HOUR, 400) for number in range(4))
ZONE = ZoneInfo("Europe/Berlin")


def look(engine: Engine, now: datetime = NOW, **given: object) -> Detected:
    return detect(engine, now, UTC_ZONE, replace(Options(lookback=7 * DAY), **given))  # type: ignore[arg-type]


def inbox(engine: Engine) -> list[AnomalyRow]:
    return anomalies(engine, states=("open", "acknowledged"))


def test_a_quiet_company_has_an_empty_inbox(engine: Engine) -> None:
    """Six weeks of ordinary noise, and nothing to be told of."""
    company(engine)
    found = look(engine)
    assert (found.new, inbox(engine)) == ((), [])
    assert found.hours > 900
    assert found.days == 42
    assert found.series > 100


def test_a_runaway_key_is_one_entry_that_names_it(engine: Engine) -> None:
    """Its team, its user, its model and the total have the same cause; what is told adds up to the cent and beyond."""
    company(engine, extra=RUNAWAY)
    found = look(engine)
    (entry,) = inbox(engine)
    assert [each.id for each in found.new] == [entry.id]
    assert (entry.dimension, entry.label, entry.metric, entry.kind) == ("key", "alpha", "cost", "runaway")
    assert (entry.started_at, entry.ended_at) == (BEGAN, BEGAN + 4 * HOUR)
    assert entry.headline.startswith("Cost of key “alpha” on 11 June from 13:00 to 17:00: $")
    detail = anomaly(engine, entry.id or 0)
    assert detail is not None
    assert {each.dimension for each in detail.merged} >= {"total", "team", "user", "feature"}
    why = Why.from_json(entry.explanation)
    spent = read.totals(engine, Question(start=BEGAN, end=BEGAN + 4 * HOUR, key=("hash-alpha",))).cost_nano_usd
    assert why.actual == spent == round(entry.actual)
    assert why.change == entry.at_stake_nano_usd == pytest.approx(32e9, rel=0.15)
    assert {split.change for split in why.splits} == {why.change}
    assert why.terms is not None
    assert sum(why.terms.values()) == why.change
    assert max(why.terms, key=lambda name: why.terms[name]) == "volume"  # type: ignore[index]
    (models,) = (split for split in why.splits if split.dimension == "model")
    assert models.parts[0].member == "small"


def test_looking_again_changes_nothing(engine: Engine) -> None:
    """Neither at once nor after an hour in which nothing happened."""
    company(engine, extra=RUNAWAY)
    look(engine)
    before = anomalies(engine, merged=True)
    assert look(engine) == Detected()
    assert anomalies(engine, merged=True) == before
    assert detect(engine, NOW + 10 * timedelta(minutes=1), UTC_ZONE) == Detected()


def test_hour_by_hour_finds_what_one_look_finds(engine: Engine) -> None:
    """A worker that looks each hour tells of the same entry, at the first hour of it, and then follows it."""
    company(engine, extra=RUNAWAY)
    look(engine, BEGAN - 2 * HOUR)
    assert inbox(engine) == []
    told = [look(engine, BEGAN + number * HOUR + timedelta(minutes=5)) for number in (*range(1, 8), 19)]
    assert [len(each.new) for each in told[:2]] == [1, 0]
    assert {each.hours for each in told[2:-1]} == {1}
    (entry,) = inbox(engine)
    assert (entry.label, entry.kind, entry.started_at, entry.ended_at) == (
        "alpha",
        "runaway",
        BEGAN,
        BEGAN + 4 * HOUR,
    )
    assert entry.is_over
    assert entry.found_at == BEGAN + HOUR + timedelta(minutes=5)
    why = Why.from_json(entry.explanation)
    assert why.actual == round(entry.actual)
    assert {split.change for split in why.splits} == {why.change}


def test_a_dearer_model_is_told_as_such(sqlite: Engine) -> None:
    """One key goes to another model: as many calls, five times the dollars, by mix."""
    since = NOW.replace(hour=0, minute=0) - 3 * DAY

    def dearer(hour: Hour) -> Hour:
        if hour.key != "gamma" or hour.start < since or hour.model == "large":
            return hour
        return replace(hour, model="huge", usd_per_call=0.3)

    company(sqlite, dearer)
    look(sqlite)
    entry = inbox(sqlite)[0]
    assert len(inbox(sqlite)) == 1
    assert entry.label == "gamma"
    why = Why.from_json(entry.explanation)
    assert why.terms is not None
    assert why.terms["mix"] > 0.8 * why.change
    assert "Model “huge”, never seen before, drove it" in entry.headline
    assert "dearer models" in entry.headline


def test_a_key_that_stops_is_told(sqlite: Engine) -> None:
    """A drop, in dollars that are missing."""
    company(sqlite, lambda hour: None if hour.key == "delta" and hour.start >= BEGAN else hour)
    look(sqlite)
    (entry,) = inbox(sqlite)
    assert (entry.label, entry.kind, entry.actual) == ("delta", "drop", 0.0)
    assert (entry.at_stake_nano_usd or 0) < -5e9


def test_two_causes_are_two_entries(sqlite: Engine) -> None:
    """Two keys of two teams run away at once; the total, which both explain, is no third."""
    also = tuple(replace(hour, key="gamma", calls=330) for hour in RUNAWAY)
    company(sqlite, extra=RUNAWAY + also)
    look(sqlite)
    assert [entry.label for entry in inbox(sqlite)] == ["alpha", "gamma"]


def test_what_is_too_small_is_not_told(sqlite: Engine) -> None:
    """The settings say how many dollars, and what share."""
    company(sqlite, extra=RUNAWAY)
    look(sqlite, least_usd=1000.0)
    assert anomalies(sqlite, merged=True) == []


def test_a_planned_event_makes_it_expected(engine: Engine) -> None:
    """Also of the key, where the event is the team's."""
    launch = plan_event(
        engine, "launch", starts_at=BEGAN - HOUR, ends_at=BEGAN + 5 * HOUR, dimension="team", member="search", now=NOW
    )
    company(engine, extra=RUNAWAY)
    found = look(engine)
    assert inbox(engine) == []
    (entry,) = (each for each in found.new if each.label == "alpha")
    assert (entry.state, entry.planned_event_id, entry.state_by) == ("expected", launch.id, None)


@pytest.mark.parametrize("state", ["expected", "false alarm", "too small"])
def test_what_people_say_is_heeded(sqlite: Engine, state: str) -> None:
    """The same again a week later, no larger, is not in the inbox; it is kept, with the state that follows."""
    week = timedelta(days=7)
    again = tuple(replace(hour, start=hour.start - week, calls=hour.calls) for hour in RUNAWAY)
    first = NOW - week
    company(sqlite, extra=again)
    look(sqlite, first)
    (entry,) = inbox(sqlite)
    set_state(sqlite, entry.id or 0, state, by="ana", note=None, now=first)
    company(sqlite, lambda _: None, extra=tuple(replace(hour, calls=300) for hour in RUNAWAY))
    look(sqlite)
    assert inbox(sqlite) == []
    put_aside = [each for each in anomalies(sqlite) if each.started_at >= BEGAN]
    assert {each.state for each in put_aside} <= {"expected", "too small"}


def test_days_are_those_of_the_zone(sqlite: Engine) -> None:
    """A sentence's hours are on the wall clock of the readers."""
    company(sqlite, extra=RUNAWAY)
    detect(sqlite, NOW, ZONE, Options(lookback=7 * DAY))
    assert "on 11 June from 15:00 to 19:00" in inbox(sqlite)[0].headline


def test_a_dry_run_keeps_nothing(sqlite: Engine) -> None:
    """It says what it would find, and the next run finds it."""
    company(sqlite, extra=RUNAWAY)
    options = Options(lookback=7 * DAY)
    found = detect(sqlite, NOW, UTC_ZONE, options, keeps=False)
    assert [each.label for each in found.new] == ["alpha"]
    assert anomalies(sqlite, merged=True) == []
    assert [each.label for each in look(sqlite).new] == ["alpha"]


def test_an_empty_database_has_nothing(engine: Engine) -> None:
    """No call, no series, no error."""
    assert look(engine) == Detected()


def test_prices_do_not_matter_to_who_did_it(sqlite: Engine) -> None:
    """In cents or in thousands of dollars: the same entry, as many times the dollars."""
    times = 1000.0
    scaled = tuple(replace(hour, usd_per_call=PRICE_USD[hour.model] * times) for hour in RUNAWAY)
    company(sqlite, lambda hour: replace(hour, usd_per_call=hour.usd_per_call * times), extra=scaled)
    look(sqlite)
    (entry,) = inbox(sqlite)
    assert (entry.label, entry.started_at, entry.ended_at) == ("alpha", BEGAN, BEGAN + 4 * HOUR)
    assert entry.at_stake_nano_usd == pytest.approx(32e12, rel=0.15)


def test_what_becomes_much_worse_is_told_again(sqlite: Engine) -> None:
    """An anomaly that was put aside, and whose loop then runs many times as fast, is open again."""
    worse = tuple(replace(hour, calls=6000) for hour in RUNAWAY[2:])
    company(sqlite, extra=RUNAWAY[:2] + worse)
    look(sqlite, BEGAN + 2 * HOUR + timedelta(minutes=5))
    (entry,) = inbox(sqlite)
    assert entry.told_at is None
    set_state(sqlite, entry.id or 0, "resolved", by="ana", note=None, now=NOW)
    later = BEGAN + 3 * HOUR + timedelta(minutes=5)
    look(sqlite, later)
    (again,) = inbox(sqlite)
    assert (again.id, again.told_at, again.state_by) == (entry.id, later, None)
    assert again.actual > 5 * entry.actual


def test_what_somebody_looks_after_stays_so(sqlite: Engine) -> None:
    """While it goes on its numbers change, and nobody's word does."""
    company(sqlite, extra=RUNAWAY)
    look(sqlite, BEGAN + HOUR + timedelta(minutes=5))
    (entry,) = inbox(sqlite)
    set_state(sqlite, entry.id or 0, "acknowledged", by="ana", note="on it", now=NOW)
    look(sqlite)
    (after,) = inbox(sqlite)
    assert (after.id, after.state, after.state_by, after.note) == (entry.id, "acknowledged", "ana", "on it")
    assert after.actual > 2 * entry.actual


def test_what_was_over_long_ago_is_resolved(sqlite: Engine) -> None:
    """Where nobody said anything; what somebody looks after is not."""
    company(sqlite, extra=RUNAWAY)
    look(sqlite)
    (entry,) = inbox(sqlite)
    company(sqlite, until=NOW + 31 * DAY, days=31, seed=2)
    look(sqlite, NOW + 31 * DAY)
    assert entry.id not in {each.id for each in inbox(sqlite)}
    detail = anomaly(sqlite, entry.id or 0)
    assert detail is not None
    assert (detail.anomaly.state, detail.anomaly.state_by) == ("resolved", None)


def test_pruned_calls_are_no_error(sqlite: Engine) -> None:
    """Of a time whose calls are gone the totals are asked, and what they cannot tell is left out."""
    company(sqlite, extra=RUNAWAY)
    add_up(sqlite, NOW, UTC_ZONE)
    prune(sqlite, Retention(5, 800, 0), NOW, zone=UTC_ZONE)
    look(sqlite)
    entry = next(each for each in inbox(sqlite) if each.label == "alpha")
    why = Why.from_json(entry.explanation)
    assert {split.change for split in why.splits} == {why.change}
    minute = timedelta(minutes=1)
    untold = Question(start=NOW - 20 * DAY + minute, end=NOW - 19 * DAY + minute, team=("search",))
    with pytest.raises(NoLongerKept):
        read.totals(sqlite, untold)
    assert asking.totals(sqlite, untold) is None
    assert asking.members(sqlite, untold) == []


def test_totals_that_are_gone_too_are_a_shorter_past(sqlite: Engine) -> None:
    """Detectors learn from what is left, and find the same key."""
    company(sqlite, extra=RUNAWAY)
    prune(sqlite, Retention(5, 25, 0), NOW, zone=UTC_ZONE)
    with pytest.raises(NoLongerKept):
        read.totals(sqlite, Question(start=NOW - 30 * DAY, end=NOW))
    look(sqlite)
    assert "alpha" in {each.label for each in inbox(sqlite)}


def test_the_order_in_which_calls_are_stored_does_not_matter(sqlite: Engine, tmp_path: Path) -> None:
    """Neither does who is written first: the same entries, to the last digit."""
    company(sqlite, extra=RUNAWAY)
    look(sqlite)
    other = connect(f"sqlite:///{tmp_path / 'other.db'}")
    migrate(other)
    hours = [*usual(), *RUNAWAY]
    order = np.random.default_rng(3).permutation(len(hours)).tolist()
    write_events(other, [hours[at].event() for at in order])
    look(other)
    mine, theirs = (
        [(each.series_key, each.started_at, each.expected, each.actual, each.headline) for each in anomalies(engine)]
        for engine in (sqlite, other)
    )
    assert mine == theirs
    other.dispose()


def test_an_event_that_is_planned_afterwards_explains_too(sqlite: Engine) -> None:
    """Somebody puts into the calendar what the entry was: at the next look it is expected, and nothing else is."""
    company(sqlite, extra=RUNAWAY)
    look(sqlite)
    (entry,) = inbox(sqlite)
    later = NOW + timedelta(minutes=5)
    span = {"starts_at": BEGAN, "ends_at": BEGAN + 4 * HOUR, "now": later}
    plan_event(sqlite, "sale", dimension="team", member="sales", **span)  # type: ignore[arg-type]
    assert look(sqlite, later).changed == ()
    event = plan_event(sqlite, "load test", dimension="team", member="search", **span)  # type: ignore[arg-type]
    (changed,) = look(sqlite, later).changed
    assert (changed.id, changed.state, changed.planned_event_id) == (entry.id, "expected", event.id)
    assert inbox(sqlite) == []
    assert look(sqlite, later).changed == ()
