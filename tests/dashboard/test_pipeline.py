"""The Pipeline page: what the store and this machine's files say about the recording, with and without the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from dashboard import Data, create_app, ids
from dashboard.components.pipeline import alert_list, headlines, process_card
from dashboard.figures.recording import NOTHING_STORED, calls_per_minute, delay
from dashboard.frames import Recorded
from dashboard.pages.pipeline import figures_view
from dashboard.queries.health import notices
from dashboard.queries.pipeline import Pipeline, pipeline, recorded
from dashboard.theme import LIGHT
from tests.dashboard.conftest import NOW, Post, ago, poster
from tests.dashboard.test_components import words
from usage_plugin.account import ProcessAccount
from usage_plugin.hold.heartbeat import Heartbeat, write_heartbeat
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.store.pipeline import keep_account
from usage_plugin.store.write import write_events
from usage_plugin.testing import FakeClock
from usage_plugin.watch import Concern, State

MINUTE = timedelta(minutes=1)


def account(**changes: Any) -> ProcessAccount:
    known: dict[str, Any] = {
        "process_id": "there", "role": "proxy", "host": "node-2", "pid": 12, "version": "0.1.0",
        "started_at": NOW - timedelta(hours=2), "beat_at": NOW, "seen": 10, "spooled": 10, "stored": 10,
    }  # fmt: skip
    return ProcessAccount(**{**known, **changes})


def beat(data: Data, **changes: Any) -> None:
    known: dict[str, Any] = {
        "process_id": "here", "role": "proxy", "host": "node-1", "pid": 7, "version": "0.1.0",
        "safe_url": data.settings.safe_url, "database_fingerprint": data.fingerprint,
        "started_at": NOW - timedelta(hours=1), "beat_at": NOW,
    }  # fmt: skip
    write_heartbeat(data.settings.data_dir / "processes", Heartbeat(**{**known, **changes}))


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Data]:
    """A dashboard whose database does not answer."""
    url = "postgresql+psycopg://u:p@127.0.0.1:1/x"
    engine = connect(url)
    yield Data(engine, Settings(database_url=url, data_dir=tmp_path), clock=FakeClock(NOW))
    engine.dispose()


def test_files_and_store_are_one_list(data: Data, store: Engine) -> None:
    """Each process once with its newest word, those in trouble first; what ended days ago is left out."""
    beat(data, seen=5, stored=5)
    keep_account(store, account(process_id="here", host="node-1", pid=7, seen=3, beat_at=NOW - timedelta(seconds=9)))
    keep_account(store, account())
    keep_account(store, account(process_id="quiet", host="node-3", beat_at=NOW - timedelta(seconds=31)))
    keep_account(store, account(process_id="old", beat_at=NOW - timedelta(days=2), stopped_at=NOW))
    frame = pipeline(data)
    assert [(found.host, found.seen) for found in frame.accounts] == [("node-3", 10), ("node-1", 5), ("node-2", 10)]
    assert frame.states == (State.SILENT, State.RUNNING, State.RUNNING)
    assert (frame.flow.seen, frame.flow.stored) == (25, 25)
    assert [alert.concern for alert in frame.alerts] == [Concern.SILENT]


def test_who_stored_a_spool_says_that_nothing_waits(data: Data, store: Engine) -> None:
    """The file of a killed process of another machine is older than what its adopter noted in the store."""
    beat(data, waiting=4, oldest_waiting_at=NOW - timedelta(hours=1), beat_at=NOW - timedelta(minutes=50))
    settled = {"beat_at": NOW - timedelta(minutes=51), "stopped_at": NOW - timedelta(minutes=51)}
    assert {alert.concern for alert in pipeline(data).alerts} == {Concern.LAG, Concern.SILENT}
    keep_account(store, account(process_id="here", **settled))
    frame = pipeline(data)
    assert (frame.alerts, frame.states, frame.flow.waiting) == ((), (State.STOPPED,), 0)


def test_without_the_store_the_files_speak(away: Data) -> None:
    """The page is right when the database is away: what waits, since when, and why."""
    beat(
        away, seen=9, stored=4, waiting=5, oldest_waiting_at=NOW - timedelta(minutes=5),
        last_error="StoreUnavailable: connection refused", last_error_at=NOW, spool_bytes=12_345,
    )  # fmt: skip
    post = poster(create_app(away))
    for version in (None, "down"):
        filled = post(ids.PIPELINE_FIGURES, version__data=version)
        assert filled[ids.PIPELINE_FIGURES]["className"] == "stack drawn"
        shown = json.dumps(filled)
        assert "The database does not answer: only the processes of this machine are shown" in shown
        assert "5 calls wait to be stored, the oldest for 5 min" in shown
        assert "StoreUnavailable: connection refused" in shown
        assert "12.3 kB on disk" in shown
    figures = post(ids.PIPELINE_CALLS, version__data="down")
    assert "The database does not answer" in json.dumps(figures[ids.PIPELINE_CALLS])
    assert post(ids.VERSION)[ids.NOTICES]["children"][0]["props"]["className"] == "notice of-pipeline serious"


def test_a_store_that_just_failed_is_not_asked_again(data: Data, store: Engine) -> None:
    """It may take seconds to fail; files say enough until the pulse finds it back."""
    beat(data)
    keep_account(store, account())
    frame = pipeline(data, is_up=False)
    assert ([found.host for found in frame.accounts], frame.has_answered) == (["node-1"], False)
    assert [found.host for found in pipeline(data).accounts] == ["node-1", "node-2"]
    poster_down = poster(create_app(data))
    assert "node-2" not in json.dumps(poster_down(ids.PIPELINE_FIGURES, version__data="down"))


def test_without_store_and_files_the_reason_is_said(away: Data) -> None:
    """As on any other page, once."""
    post = poster(create_app(away))
    assert "cannot be used" in json.dumps(post(ids.PIPELINE_FIGURES)[ids.PIPELINE_STATE])
    assert post(ids.PIPELINE_FIGURES, f"{ids.BEAT}.data", version__data="down") == {}


def test_figures_stay_while_the_store_is_away(away: Data) -> None:
    """What is drawn already is not replaced by nothing."""
    post = poster(create_app(away))
    changed = f"{ids.VERSION}.data"
    assert post(ids.PIPELINE_CALLS, changed, version__data="down", pipeline_delay_legend__children="drawn") == {}


@pytest.mark.parametrize(("demo", "said"), [(False, "usage-plugin doctor"), (True, "Generated calls")])
def test_no_process_is_explained(data: Data, demo: bool, said: str) -> None:
    """Nobody has recorded yet, or the calls are the demo's."""
    data.demo = demo
    filled = poster(create_app(data))(ids.PIPELINE_FIGURES)
    assert said in json.dumps(filled[ids.PIPELINE_STATE])
    assert filled[ids.PIPELINE_FIGURES]["className"] == "stack gone"


def test_all_is_well_is_said(data: Data, store: Engine) -> None:
    """Without alerts the page says what that means."""
    keep_account(store, account())
    frame = pipeline(data)
    assert "Nothing is lost or late" in words(alert_list(frame))
    assert {headline.kind for headline in headlines(frame)} == {""}
    assert notices(data) == ()


@pytest.mark.parametrize(
    ("changes", "label", "kind"),
    [
        ({"lost": 1}, "Lost", "bad"),
        ({"set_aside": 1}, "Set aside", "bad"),
        ({"folded": 1}, "Together", "warning"),
        ({"waiting": 1, "oldest_waiting_at": NOW - timedelta(seconds=61)}, "Lag", "bad"),
        ({"waiting": 1, "oldest_waiting_at": NOW - timedelta(seconds=59)}, "Lag", ""),
    ],
)
def test_a_number_that_should_not_be_is_marked(
    data: Data, store: Engine, changes: dict[str, Any], label: str, kind: str
) -> None:
    """Exactly the numbers that raise an alert stand out."""
    keep_account(store, account(**changes))
    frame = pipeline(data)
    marked = {headline.label: headline.kind for headline in headlines(frame) if headline.kind}
    assert marked == ({label: kind} if kind else {})
    assert bool(frame.alerts) is bool(kind)


def test_other_pages_name_the_worst_and_link_here(data: Data, store: Engine, post: Post) -> None:
    """One line, however many alerts there are; a loss comes before a warning."""
    keep_account(store, account(folded=9))
    keep_account(store, account(process_id="second", lost=2))
    keep_account(store, account(process_id="third", host="node-3", beat_at=NOW - MINUTE))
    (line,) = post(ids.VERSION)[ids.NOTICES]["children"]
    said = json.dumps(line)
    assert "2 calls found room neither on disk nor in memory" in said
    assert "2 more things are wrong" in said
    assert '"href": "/pipeline"' in said


def test_a_long_list_is_cut_and_says_so(data: Data, store: Engine) -> None:
    """A page of hundreds of processes shows those in trouble and the first of the others."""
    for index in range(60):
        keep_account(store, account(process_id=f"p{index}", pid=index, beat_at=NOW - index * MINUTE / 60))
    shown = words(process_card(pipeline(data), NOW))
    assert "50 of 60" in shown
    assert shown.count("silent") == 30


def test_recording_is_counted_by_the_minute(data: Data, store: Engine) -> None:
    """Calls that were just stored lie in the minute that has begun, an hour is shown, and delays belong to it."""
    clock = FakeClock(NOW)
    live = Data(store, data.settings, clock=clock)
    write_events(store, [ago(1), ago(2)])  # stored now, by the database's own clock
    frame = recorded(live.look())
    assert (len(frame.minutes), frame.minutes[-1], sum(frame.calls)) == (60, NOW, 0)


def test_calls_that_nobody_adds_up_are_said(data: Data, store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are right without a worker, and slow: the page says which it is, and what to do."""
    for module in ("dashboard.queries.pipeline", "usage_plugin.watch"):
        monkeypatch.setattr(f"{module}.NOT_ADDED_UP", 1)
    live = Data(store, data.settings, clock=FakeClock(NOW))
    write_events(store, [ago(3)])
    assert figures_view(recorded(live.look()), LIGHT)["behind"] is None
    write_events(store, [ago(4), ago(5)])
    live = Data(store, data.settings, clock=FakeClock(NOW))  # that was not asked a moment ago
    assert "no worker runs on this machine" in words(figures_view(recorded(live.look()), LIGHT)["behind"])
    beat(data, role="worker")
    assert "though the worker (process 7 on node-1) runs" in words(figures_view(recorded(live.look()), LIGHT)["behind"])
    assert pipeline(data).is_empty, "a worker records nothing"


RECORDED = Recorded(
    minutes=tuple(NOW + index * MINUTE for index in range(3)),
    minute=MINUTE,
    calls=(4, 0, 2),
    p50_s=(0.2, None, 0.25),
    p95_s=(0.5, None, 0.75),
)


def test_figures_draw_calls_and_delays() -> None:
    """Bars are calls; lines have gaps where nothing was stored, and their unit fits."""
    bars = calls_per_minute(RECORDED, LIGHT)
    assert list(bars.data[0].y) == [4, 0, 2]
    assert bars.layout.yaxis.dtick == 1
    quick = delay(RECORDED, LIGHT)
    assert [list(line.y) for line in quick.data] == [[200, None, 250], [500, None, 750]]
    assert quick.layout.yaxis.ticksuffix == " ms"
    late = Recorded(minutes=RECORDED.minutes, minute=MINUTE, calls=(1, 1, 1), p50_s=(1, 2, 3), p95_s=(60, 90, 9))
    assert list(delay(late, LIGHT).data[1].y) == [60, 90, 9]
    assert delay(late, LIGHT).layout.yaxis.ticksuffix == " s"
    later = delay(replace(late, p50_s=(7200, None, None), p95_s=(36_000, None, None)), LIGHT)
    assert (later.layout.yaxis.ticksuffix, later.data[1].y[0]) == (" h", pytest.approx(10))


def test_figures_of_nothing_say_so() -> None:
    """An hour without calls is no empty frame."""
    nothing = Recorded(minutes=RECORDED.minutes, minute=MINUTE, calls=(0, 0, 0), p50_s=(None,) * 3, p95_s=(None,) * 3)
    for draw in (calls_per_minute, delay):
        assert [note.text for note in draw(nothing, LIGHT).layout.annotations] == [NOTHING_STORED]


def test_an_empty_frame_is_told_from_a_full_one(data: Data, store: Engine) -> None:
    """The first process ends the explanation."""
    assert pipeline(data).is_empty
    keep_account(store, account())
    frame: Pipeline = pipeline(data)
    assert not frame.is_empty
