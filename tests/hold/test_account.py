"""A recorder tells what became of its calls: in a file that is always there, and in the store when that answers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.hold.reports import make_recorder, put, report_of, wait_for
from usage_plugin.account import ProcessAccount
from usage_plugin.clock import utc_now
from usage_plugin.hold.heartbeat import Heartbeat, prune_heartbeats, read_heartbeats, state_dirs, write_heartbeat
from usage_plugin.hold.keeper import AccountKeeper
from usage_plugin.hold.lines import write_line
from usage_plugin.hold.spool import Kind, Spool
from usage_plugin.hold.writer import Writer
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.store.pipeline import keep_account
from usage_plugin.store.read import processes
from usage_plugin.testing import make_event

NOW = utc_now()


def settings_for(engine: Engine, folder: Path) -> Settings:
    url = engine.url.render_as_string(hide_password=False)
    return Settings(database_url=url, data_dir=folder / "data", flush_every_s=0.05, buffer_size=100)


def account(**changes: object) -> ProcessAccount:
    known = {
        "process_id": "p", "role": "proxy", "host": "h", "pid": 1, "version": "1", "started_at": NOW, "beat_at": NOW,
    }  # fmt: skip
    return ProcessAccount(**{**known, **changes})  # type: ignore[arg-type]


def test_store_and_file_say_the_same_at_the_end(engine: Engine, tmp_path: Path) -> None:
    """While the process lives its account is in the store within seconds; its last word is the whole truth."""
    settings = settings_for(engine, tmp_path)
    recorder = make_recorder(settings)
    recorder.start()
    wait_for(lambda: len(processes(engine)) == 1)
    for _ in range(5):
        put(recorder, make_event())
    recorder.stop()
    (stored,) = processes(engine)
    (beat,) = read_heartbeats(state_dirs(settings)[0])
    assert (stored.seen, stored.spooled, stored.stored, stored.waiting) == (5, 5, 5, 0)
    assert stored.stopped_at is not None
    beaten = ProcessAccount(**{name: getattr(beat, name) for name in ProcessAccount.__slots__})
    assert stored == replace(beaten, spool_bytes=0)  # the spool is removed after the last beat


def test_a_store_that_is_back_is_told_at_once(tmp_path: Path) -> None:
    """The file names the calls that wait, since when and why; afterwards the store has the account."""
    settings = Settings(data_dir=tmp_path / "data", database_url=f"sqlite:///{tmp_path / 'away' / 'usage.db'}")
    (tmp_path / "away").write_text("in the way")
    recorder = make_recorder(settings)
    recorder.start()
    before = utc_now()
    put(recorder, make_event())
    wait_for(lambda: any(beat.last_error and beat.waiting for beat in read_heartbeats(state_dirs(settings)[0])))
    (beat,) = read_heartbeats(state_dirs(settings)[0])
    assert (beat.seen, beat.spooled, beat.stored, beat.waiting) == (1, 1, 0, 1)
    assert beat.spool_bytes > 0
    assert beat.oldest_waiting_at is not None
    assert before <= beat.oldest_waiting_at <= utc_now()
    (tmp_path / "away").unlink()
    assert recorder.flush(60)
    engine = connect(settings.url)
    wait_for(lambda: [found.stored for found in processes(engine)] == [1])
    recorder.stop()
    assert processes(engine)[0].last_error is None
    engine.dispose()


@pytest.fixture
def writer(engine: Engine, tmp_path: Path) -> Iterator[Writer]:
    writer = Writer(settings_for(engine, tmp_path))
    yield writer
    writer.close()


def test_an_account_is_written_from_time_to_time(writer: Writer, engine: Engine) -> None:
    """Not with every beat, but at once when the store was away in between, and at the end."""
    keeper = AccountKeeper(writer)
    seen: list[int] = []
    for number, (reachable, stopped_at) in enumerate(
        [(True, None), (True, None), (False, None), (True, None), (True, None), (True, NOW)]
    ):
        keeper.keep(account(seen=number, stopped_at=stopped_at), reachable=reachable)
        seen += [found.seen for found in processes(engine)]
    assert seen == [0, 0, 0, 3, 3, 5]


def test_the_first_account_drops_those_of_long_ago(writer: Writer, engine: Engine) -> None:
    """Processes come and go; those of the last day stay."""
    keep_account(engine, account(process_id="old", beat_at=NOW - timedelta(hours=25)))
    keep_account(engine, account(process_id="recent", beat_at=NOW - timedelta(hours=23)))
    AccountKeeper(writer).keep(account(), reachable=True)
    assert {found.process_id for found in processes(engine)} == {"p", "recent"}


def test_a_store_that_is_away_costs_nothing(tmp_path: Path) -> None:
    """One that failed just now is not asked; one that fails meanwhile is no error, and is asked again at once."""
    folder = tmp_path / "away"
    settings = Settings(database_url=f"sqlite:///{folder / 'usage.db'}", data_dir=tmp_path)
    keeper = AccountKeeper(Writer(settings))
    keeper.keep(account(), reachable=False)
    assert not folder.exists()
    folder.write_text("in the way")
    keeper.keep(account(), reachable=True)
    folder.unlink()
    keeper.keep(account(), reachable=True)
    engine = connect(settings.url)
    assert [found.process_id for found in processes(engine)] == ["p"]
    engine.dispose()


def test_who_stores_a_dead_processes_spool_settles_its_account(engine: Engine, tmp_path: Path) -> None:
    """It said that a call waits before it was killed; its adopter stores that call and says so."""
    settings = settings_for(engine, tmp_path)
    recorder = make_recorder(settings)
    leftover = Spool(recorder.root)
    leftover.append(Kind.REPORT, write_line(report_of(make_event())))
    keep_account(engine, account(process_id=leftover.owner, seen=1, waiting=1, oldest_waiting_at=NOW))
    leftover.close(stored=False)
    recorder.start()
    wait_for(lambda: any(found.adopted for found in processes(engine)), timeout_s=60)
    recorder.stop()
    found = {stored.process_id: stored for stored in processes(engine)}
    assert (found[leftover.owner].waiting, found[leftover.owner].stopped_at) == (0, NOW)


def test_files_of_processes_long_gone_are_deleted(tmp_path: Path) -> None:
    """One that has stopped, one that was killed, and one of another machine; none that may hang, and none of today."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here, old = socket.gethostname(), {"beat_at": NOW - timedelta(hours=25)}
    kept = {
        "hangs": {"pid": os.getpid(), "host": here, **old},
        "today": {"pid": 3, "host": here, "stopped_at": NOW},
    }
    gone = {
        "stopped": {"pid": os.getpid(), "role": "sdk", "host": here, "stopped_at": NOW, **old},
        "killed": {"pid": ended.pid, "host": here, **old},
        "elsewhere": {"pid": 5, "host": "another-machine", **old},
    }
    for name, changes in {**kept, **gone}.items():
        known = {"process_id": name, "role": "proxy", "version": "1", "started_at": NOW, "beat_at": NOW}
        write_heartbeat(tmp_path, Heartbeat(safe_url="", database_fingerprint="", **{**known, **changes}))  # type: ignore[arg-type]
    prune_heartbeats([tmp_path, tmp_path / "nowhere"], NOW)
    assert {beat.process_id for beat in read_heartbeats(tmp_path)} == set(kept)


def test_processes_of_equal_numbers_in_two_containers_keep_two_files(tmp_path: Path) -> None:
    """They share the folder, and nothing else; a file that is written again stays one."""
    for host in ("container-a", "container-b", "container-b"):
        known = {"process_id": host, "role": "proxy", "host": host, "pid": 7, "version": "1"}
        beat = Heartbeat(safe_url="", database_fingerprint="", started_at=NOW, beat_at=NOW, **known)  # type: ignore[arg-type]
        write_heartbeat(tmp_path, beat)
    assert sorted(beat.host for beat in read_heartbeats(tmp_path)) == ["container-a", "container-b"]
