"""Requests that are begun and not reported leave a row: of a killed process, and where LiteLLM says nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.hold.reports import make_recorder, put, report_of, wait_for
from usage_plugin.hold.in_flight import InFlight
from usage_plugin.hold.lines import write_line
from usage_plugin.hold.spool import Kind, Spool, segments
from usage_plugin.settings import Settings
from usage_plugin.testing import make_event

ROOT = Path(__file__).parents[2]
REQUEST = "0123456789abcdef" * 2
# Begins twice as many requests as it reports, through many segments, and is killed.
VICTIM = """
import os, signal, sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tests.hold.reports import make_recorder, put, report_of, wait_for
from usage_plugin.settings import Settings
from usage_plugin.testing import make_event
recorder = make_recorder(Settings(data_dir=Path(sys.argv[1]), database_url=sys.argv[2], spool_max_mb=0.2))
recorder.start()
for number in range(400):
    event = make_event(event_key=f"{number:032x}", team_id="reported" if number % 2 else "in flight")
    recorder.begin(report_of(event))
    if number % 2:
        put(recorder, event)
os.kill(os.getpid(), signal.SIGKILL)
"""


def statuses(engine: Engine) -> dict[str, tuple[str, int]]:
    query = "SELECT team_id, MIN(status), COUNT(*), MAX(status) FROM usage_record GROUP BY team_id"
    with engine.connect() as connection:
        found = connection.execute(text(query)).all()
    assert all(lowest == highest for _, lowest, _, highest in found)
    return {team: (status, int(rows)) for team, status, rows, _ in found}


def settings_for(engine: Engine, folder: Path, **more: float) -> Settings:
    url = engine.url.render_as_string(hide_password=False)
    return Settings.model_validate({"data_dir": folder, "database_url": url, "flush_every_s": 0.05, **more})


def test_a_killed_processes_requests_in_flight_are_interrupted(engine: Engine, tmp_path: Path) -> None:
    """The next process records what was reported as it was, and the others by what their notes say; each once."""
    settings = settings_for(engine, tmp_path)
    command = [sys.executable, "-c", VICTIM, str(tmp_path), settings.database_url]
    assert subprocess.run(command, timeout=60, check=False, cwd=ROOT).returncode == -signal.SIGKILL
    recorder = make_recorder(settings)
    recorder.start()
    assert recorder.flush(30)
    recorder.stop()
    assert statuses(engine) == {"reported": ("success", 200), "in flight": ("interrupted", 200)}
    assert recorder.counts.adopted >= 200  # the killed process may have stored some itself


def test_each_segment_begins_with_what_is_in_flight(tmp_path: Path) -> None:
    """The segments before it can be removed as soon as they are stored."""
    in_flight = InFlight(30)
    for name in ("a", "b", "c"):
        in_flight.begin({"key": name})
    in_flight.reported("b")
    spool = Spool(tmp_path, segment_bytes=100, in_flight=in_flight.lines)
    for _ in range(10):
        spool.append(Kind.REPORT, b"x" * 50)
    last = segments(spool.folder)[-1].path.read_bytes()
    assert [line.split(b" ", 1)[1] for line in last.splitlines()[:2]] == [b'S {"key":"a"}', b'S {"key":"c"}']
    spool.close(stored=True)


def test_a_request_that_nobody_reports_is_recorded_when_it_is_over(engine: Engine, tmp_path: Path) -> None:
    """The note's row comes a while after the end, and a running request is left alone."""
    recorder = make_recorder(settings_for(engine, tmp_path, unreported_after_s=0.2))
    recorder.start()
    over, running = (recorder.begin(report_of(make_event(team_id=name))) for name in ("over", "running"))
    assert over is not None
    assert running is not None
    over.is_over()
    wait_for(lambda: recorder.counts.stored == 1)
    assert statuses(engine) == {"over": ("interrupted", 1)}
    recorder.stop()
    assert statuses(engine) == {"over": ("interrupted", 1), "running": ("interrupted", 1)}


@pytest.mark.parametrize("late", [False, True], ids=["in time", "late"])
def test_what_is_reported_after_all_counts_once(engine: Engine, tmp_path: Path, late: bool) -> None:
    """A report that comes after its request was given up replaces the row that stood in for it."""
    recorder = make_recorder(settings_for(engine, tmp_path, unreported_after_s=0.2 if late else 30))
    recorder.start()
    event = make_event(team_id="t", cost_usd="0.25")
    request = recorder.begin(report_of(make_event(team_id="t", cost_usd=None), request=REQUEST))
    assert request is not None
    request.is_over()
    if late:
        wait_for(lambda: recorder.counts.stored == 1)
        assert statuses(engine) == {"t": ("interrupted", 1)}
    recorder.put(report_of(event, request=REQUEST))
    assert recorder.flush(60)
    recorder.stop()
    assert statuses(engine) == {"t": ("success", 1)}
    with engine.connect() as connection:
        totals = connection.execute(text("SELECT SUM(requests), SUM(unpriced_requests) FROM usage_daily")).one()
    assert tuple(map(int, totals)) == (1, 0)


def test_streams_that_are_kept_are_bounded() -> None:
    """The oldest stream gives way; its request stays."""
    in_flight = InFlight(30)
    requests = [in_flight.begin({"key": str(number)}) for number in range(1030)]
    for request in requests:
        in_flight.witness(request.key, object())
    assert [request.witness is None for request in (requests[5], requests[6])] == [True, False]
    assert len(in_flight) == 1030


def test_what_is_reported_is_forgotten_at_once() -> None:
    """Whichever comes first, the request's end or its report."""
    in_flight = InFlight(0.0)
    for name in ("over first", "reported first"):
        request = in_flight.begin({"key": name})
        steps: list[Callable[[], object]] = [request.is_over, partial(in_flight.reported, name)]
        for step in steps if name == "over first" else reversed(steps):
            step()
    assert len(in_flight) == 0
    assert not in_flight._over
    assert list(in_flight.overdue()) == []


def test_a_request_that_was_stored_from_memory_is_not_interrupted_too(engine: Engine, tmp_path: Path) -> None:
    """On a full disk a note may have no report beside it, though the call's row is there."""
    settings = settings_for(engine, tmp_path)
    stored, lost = (make_event(litellm_call_id=name, team_id=name) for name in ("stored", "in flight"))
    first = make_recorder(settings)
    first.start()
    put(first, stored)
    assert first.flush(60)
    left = Spool(first.root)
    for event in (stored, lost):
        note = make_event(litellm_call_id=event.litellm_call_id, team_id=event.who.team_id)
        left.append(Kind.STARTED, write_line(report_of(note)))
    first.stop()
    left.close(stored=False)
    second = make_recorder(settings)
    second.start()
    assert second.flush(60)
    second.stop()
    assert statuses(engine) == {"stored": ("success", 1), "in flight": ("interrupted", 1)}


def test_a_report_in_the_moment_of_giving_up_wins() -> None:
    """Whoever comes first, the request has one row."""
    in_flight = InFlight(0.0)
    in_flight.begin({"key": "r"})
    in_flight.reported("r")
    assert not in_flight.give_up("r", "row")
    assert in_flight.row_given_up("r") is None
    in_flight.begin({"key": "r"})
    assert in_flight.give_up("r", "row")
    assert in_flight.row_given_up("r") == "row"
