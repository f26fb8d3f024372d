"""A recorder and its gate: what is reserved when a call begins is given back when its row is counted, outage or not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.hold.reports import make_recorder, report_of, wait_for
from tests.own_server import OwnServer
from usage_plugin.clock import utc_now
from usage_plugin.event import UsageEvent
from usage_plugin.gate import Account
from usage_plugin.hold.recorder import Recorder
from usage_plugin.periods import Period
from usage_plugin.settings import Settings
from usage_plugin.store.budgets import Action, Budget, budgets, save_budget
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.part import Part
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

CENT = 10**7


def _begin(recorder: Recorder, event: UsageEvent) -> object:
    """Let a call begin, as the first hook does; gives what the gate says."""
    recorder.begin(report_of(event))
    plan = recorder.gate.plan
    return recorder.gate.ask(plan, event.event_key, ((event.who.team_id or "",),), event.model_group)


def _call() -> UsageEvent:
    return make_event(completed_at=utc_now(), team_id="blue", cost_usd="0.01")


def _account(recorder: Recorder) -> Account:
    (members,) = recorder.gate.plan.members
    (account,) = members["blue"]
    return account


def _limited(url: str, tmp_path: Path) -> Recorder:
    """Start a recorder on a database with a budget of ten cents, of which one is spent."""
    engine = connect(url)
    migrate(engine)
    write_events(engine, [_call()])
    budget = Budget(
        name="b", part=Part.read("team=blue"), amount_nano_usd=10 * CENT, period=Period.YEAR, action=Action.BLOCK
    )
    save_budget(engine, budget, utc_now())
    engine.dispose()
    recorder = make_recorder(
        Settings(database_url=url, data_dir=tmp_path / "data", flush_every_s=0.05, unreported_after_s=0.2)
    )
    recorder.start()
    wait_for(lambda: not recorder.gate.is_open)
    return recorder


@pytest.fixture
def recorder(sqlite_url: str, tmp_path: Path) -> Iterator[Recorder]:
    """Give such a recorder on SQLite."""
    recorder = _limited(sqlite_url, tmp_path)
    yield recorder
    recorder.stop()


def test_a_call_is_reserved_stored_and_counted(recorder: Recorder) -> None:
    """In this order, so that it is never missing."""
    event = _call()
    assert _begin(recorder, event) is None
    assert (_account(recorder).spent_nano_usd, _account(recorder).in_flight_nano_usd) == (CENT, CENT)
    recorder.put(report_of(event))
    wait_for(lambda: not len(recorder.gate))
    assert (_account(recorder).spent_nano_usd, _account(recorder).in_flight_nano_usd) == (2 * CENT, 0)


def test_a_call_of_which_nothing_is_heard_gives_back_too(recorder: Recorder) -> None:
    """Its interrupted row is its end."""
    event = _call()
    assert _begin(recorder, event) is None
    request = recorder.in_flight.find(event.event_key)
    assert request is not None
    request.is_over()
    wait_for(lambda: not len(recorder.gate))
    assert _account(recorder).in_flight_nano_usd == 0


def test_calls_count_while_the_database_is_away(stoppable: OwnServer, own_server_url: str, tmp_path: Path) -> None:
    """With what they cost, as soon as that is known: nine cents are left, and the tenth call is refused."""
    recorder = _limited(own_server_url, tmp_path)
    try:
        stoppable.stop()
        events = [_call() for _ in range(9)]
        for event in events:
            assert _begin(recorder, event) is None
            recorder.put(report_of(event))
        assert _begin(recorder, _call()) is not None
        stoppable.start()
        wait_for(lambda: not len(recorder.gate))
        assert (_account(recorder).spent_nano_usd, _account(recorder).in_flight_nano_usd) == (10 * CENT, 0)
    finally:
        stoppable.start()
        recorder.stop()


def test_a_period_that_ends_in_an_outage_opens_no_door(
    stoppable: OwnServer, own_server_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was spent before takes no room any more, but calls that wait for the database do: ten go on, as ever."""
    recorder = _limited(own_server_url, tmp_path)
    try:
        stoppable.stop()
        ends_s = _account(recorder).limit.ends_at.timestamp()
        monkeypatch.setattr(recorder.gate, "_now_s", lambda: ends_s + 1)
        verdicts = list[object]()
        for _ in range(30):
            event = _call()
            verdicts.append(_begin(recorder, event))
            if verdicts[-1] is None:
                recorder.put(report_of(event))
        assert verdicts[:10] == [None] * 10
        assert None not in verdicts[10:]
    finally:
        monkeypatch.undo()
        stoppable.start()
        recorder.stop()


def test_budgets_that_cannot_be_read_are_told_once(
    stoppable: OwnServer, own_server_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not with every look; again after it went well in between."""

    def told() -> int:
        return caplog.text.count("budgets_not_read")

    recorder = _limited(own_server_url, tmp_path)
    try:
        for outage in (1, 2):
            before = told()
            stoppable.stop()
            wait_for(lambda before=before: told() > before)  # type: ignore[misc]
            time.sleep(1.5)  # the first reason may be that a connection ended, and the second that none begins
            first = told()
            time.sleep(2.5)
            assert told() == first, outage
            stoppable.start()
            _rename(own_server_url, f"after {outage}")
            wait_for(lambda outage=outage: _account(recorder).limit.name == f"after {outage}")  # type: ignore[misc]
    finally:
        stoppable.start()
        recorder.stop()


def _rename(url: str, name: str) -> None:
    engine = connect(url)
    (budget,) = budgets(engine)
    save_budget(engine, replace(budget, name=name), utc_now())
    engine.dispose()
