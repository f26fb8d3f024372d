"""What doctor says about the recording's own account of itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.doctor.conftest import SetUp
from usage_plugin.account import ProcessAccount
from usage_plugin.doctor import Verdict
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.pipeline import keep_account

ELSEWHERE = "another-machine"


@pytest.fixture
def engine(set_up: SetUp) -> Iterator[Engine]:
    """The machine's database, ready."""
    engine = connect(set_up.settings.url)
    migrate(engine)
    yield engine
    engine.dispose()


def account(machine: SetUp, **changes: Any) -> ProcessAccount:
    """What a proxy of another machine says that is alive and idle."""
    known: dict[str, Any] = {
        "process_id": "there", "role": "proxy", "host": ELSEWHERE, "pid": 4321, "version": "0.1.0",
        "started_at": machine.now - timedelta(hours=1), "beat_at": machine.now,
    }  # fmt: skip
    return ProcessAccount(**{**known, **changes})


@pytest.mark.parametrize("limit_s", [60.0, 300.0])
def test_a_call_that_waits_longer_than_the_limit_is_wrong(set_up: SetUp, engine: Engine, limit_s: float) -> None:
    """The limit is a setting; the oldest call counts, with the process that holds it."""
    set_up.settings = set_up.settings.model_copy(update={"pipeline_lag_limit_s": limit_s})
    set_up.beat(seen=9, stored=6, waiting=3, oldest_waiting_at=set_up.now - timedelta(seconds=limit_s))
    assert set_up.findings()["lag"].verdict is Verdict.OK
    set_up.beat(seen=9, stored=6, waiting=3, oldest_waiting_at=set_up.now - timedelta(seconds=limit_s + 1))
    assert set_up.wrong() == ["lag"]
    finding = set_up.findings()["lag"]
    assert finding.what.startswith("3 calls wait to be stored, the oldest for ")
    assert finding.what.endswith(f"; the limit is {limit_s:g} s")
    assert "lock" in finding.remedy


def test_calls_on_disk_of_a_stopped_proxy_wait_too(set_up: SetUp, engine: Engine) -> None:
    """It could not store them when it stopped; the remedy is another start on that machine."""
    set_up.beat()
    long_ago = set_up.now - timedelta(hours=3)
    keep_account(engine, account(set_up, waiting=2, oldest_waiting_at=long_ago, stopped_at=long_ago, beat_at=long_ago))
    finding = set_up.findings()["lag"]
    assert finding.verdict is Verdict.FAIL
    assert f"the oldest for 3 h in the proxy (process 4321 on {ELSEWHERE})" in finding.what
    assert f"Start a proxy with the same data folder on {ELSEWHERE}" in finding.remedy


@pytest.mark.parametrize(
    ("counts", "verdict", "words"),
    [
        ({"lost": 3}, Verdict.FAIL, "3 calls found room neither on disk nor in memory"),
        ({"set_aside": 1}, Verdict.FAIL, "1 call could not be stored as it is"),
        ({"folded": 1200}, Verdict.WARN, "counted together with others, without rows of their own: 1,200 calls"),
    ],
)
def test_what_became_of_calls_is_told(
    set_up: SetUp, engine: Engine, counts: dict[str, int], verdict: Verdict, words: str
) -> None:
    """On any machine, also after the process has stopped; folded calls are in the totals, the others are not."""
    name = next(iter(counts)).replace("_", " ")
    set_up.beat()
    assert set_up.findings()[name].verdict is Verdict.OK
    keep_account(engine, account(set_up, stopped_at=set_up.now, **counts))
    finding = set_up.findings()[name]
    assert (finding.verdict, finding.what.startswith(words)) == (verdict, True)
    assert finding.remedy


@pytest.mark.parametrize(("waiting", "verdict"), [(0, Verdict.WARN), (5, Verdict.FAIL)])
def test_a_process_that_went_silent_is_told(set_up: SetUp, engine: Engine, waiting: int, verdict: Verdict) -> None:
    """It never said that it stopped; with calls in it, they are missing."""
    set_up.beat()
    keep_account(engine, account(set_up, beat_at=set_up.now - timedelta(seconds=29), waiting=waiting))
    assert set_up.findings()["silent"].verdict is Verdict.OK
    keep_account(engine, account(set_up, beat_at=set_up.now - timedelta(minutes=5), waiting=waiting))
    finding = set_up.findings()["silent"]
    assert finding.verdict is verdict
    assert f"(process 4321 on {ELSEWHERE}) has been silent for 5 min" in finding.what


def test_a_killed_process_is_settled_once_its_spool_is_gone(set_up: SetUp, engine: Engine) -> None:
    """While its spool lies there its calls wait; whoever stores it deletes it, and nothing is wrong any more."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    minutes_ago = set_up.now - timedelta(minutes=5)
    killed = {
        "pid": ended.pid, "process_id": "killed", "beat_at": minutes_ago,
        "seen": 4, "spooled": 4, "waiting": 4, "oldest_waiting_at": minutes_ago,
    }  # fmt: skip
    set_up.beat(**killed)
    spool = set_up.settings.data_dir / "spool" / set_up.facts().beats[0].database_fingerprint / "killed"
    spool.mkdir(parents=True)
    assert set_up.wrong() == ["lag", "silent"]
    spool.rmdir()
    assert set_up.wrong() == []
    assert "stopped: 4 seen" in set_up.findings()["processes"].details[0]


def test_each_process_has_a_line_of_its_counts(set_up: SetUp, engine: Engine) -> None:
    """Processes of this machine and of others, each once, the newest word of each; older than a day, none."""
    set_up.beat(process_id="here", seen=12_000, spooled=12_000, stored=11_998, waiting=2)
    earlier = set_up.now - timedelta(seconds=8)
    keep_account(engine, account(set_up, process_id="here", seen=7, beat_at=earlier))
    keep_account(engine, account(set_up, seen=5, stored=5, adopted=3))
    keep_account(engine, account(set_up, process_id="old", beat_at=set_up.now - timedelta(days=2)))
    finding = set_up.findings()["processes"]
    assert finding.what == "2 processes have recorded in the last day"
    here, there = sorted(finding.details, key=lambda line: ELSEWHERE in line)
    assert "running: 12,000 seen, 12,000 spooled, 11,998 stored, 2 waiting" in here
    assert "5 stored, 0 waiting, 3 adopted, 0 folded, 0 set aside, 0 lost" in there
