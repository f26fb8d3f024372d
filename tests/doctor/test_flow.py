from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.doctor.conftest import SetUp
from usage_plugin.demo import demo_url
from usage_plugin.doctor import Verdict
from usage_plugin.doctor.flow import check_clock
from usage_plugin.hold.heartbeat import fingerprint
from usage_plugin.periods import Period
from usage_plugin.store.budgets import Budget, save_budget
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.part import Part
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

ANOTHER_MACHINE = "another-machine"


@pytest.fixture
def migrated(set_up: SetUp) -> SetUp:
    """A machine whose database is ready."""
    engine = connect(set_up.settings.url)
    migrate(engine)
    engine.dispose()
    return set_up


def store(machine: SetUp, **event: object) -> None:
    """Put one call into the machine's database."""
    engine = connect(machine.settings.url)
    write_events(engine, [make_event(**event)])
    engine.dispose()


def test_a_proxy_that_never_started_is_the_only_thing_wrong(migrated: SetUp) -> None:
    """No process has ever reported, and no call is stored."""
    assert migrated.wrong() == ["proxy"]
    finding = migrated.findings()["proxy"]
    assert "has ever been started" in finding.what
    assert "usage-plugin up" in finding.remedy


def test_no_call_yet_is_said_and_is_not_wrong(migrated: SetUp) -> None:
    """A proxy that runs and waits explains the empty page."""
    migrated.beat()
    assert migrated.wrong() == []
    finding = migrated.findings()["calls"]
    assert finding.verdict is Verdict.WARN
    assert finding.what == "no call has been made yet, so every page is empty"


def test_many_calls_in_no_sheet_are_said(migrated: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are right without a worker, and slow; calls of the last hours do not count."""
    for module in ("doctor.facts", "watch"):
        monkeypatch.setattr(f"usage_plugin.{module}.NOT_ADDED_UP", 1)
    store(migrated, completed_at=migrated.now - timedelta(days=1))
    store(migrated, completed_at=migrated.now - timedelta(hours=1))
    finding = migrated.findings()["added up"]
    assert (finding.verdict, "no worker runs on this machine" in finding.what) == (Verdict.OK, True)
    store(migrated, completed_at=migrated.now - timedelta(days=3))
    finding = migrated.findings()["added up"]
    assert finding.verdict is Verdict.WARN
    assert "more than 1 calls older than two hours are not added up" in finding.what
    assert "no worker runs on this machine" in finding.what
    assert "usage-plugin worker" in finding.remedy
    migrated.beat("worker", database_fingerprint="another")
    assert "no worker runs on this machine" in migrated.findings()["added up"].what
    migrated.beat("worker")
    finding = migrated.findings()["added up"]
    assert (finding.verdict, f"though the worker (process {os.getpid()}" in finding.what) == (Verdict.WARN, True)


def test_a_worker_is_no_process_that_records(migrated: SetUp) -> None:
    """It is named where totals are, and nowhere counts as a proxy."""
    migrated.beat("worker")
    findings = migrated.findings()
    assert "the worker (process" in findings["added up"].what
    assert "no proxy with the callback has ever been started" in findings["proxy"].what
    assert findings["processes"].what.startswith("no process has")


def test_calls_that_cannot_be_written_are_named_with_their_error(migrated: SetUp) -> None:
    """Seen but not stored, and the last error says why."""
    migrated.beat(seen=7, stored=0, waiting=7, last_error="StoreUnavailable: disk is full", last_error_at=migrated.now)
    assert migrated.wrong() == ["writing"]
    finding = migrated.findings()["writing"]
    assert "7 seen, 0 stored" in finding.what
    assert "disk is full" in finding.what
    assert migrated.findings()["calls"].what == "calls arrived, but none is in this database"


def test_calls_on_their_way_are_no_failure(migrated: SetUp) -> None:
    """An error that was overcome, and calls that wait for their half second."""
    migrated.beat(
        seen=9,
        stored=7,
        waiting=2,
        last_error="StoreUnavailable: locked",
        last_error_at=migrated.now - timedelta(minutes=4),
        last_stored_at=migrated.now,
    )
    assert migrated.findings()["writing"].what == "7 calls stored since the start, 2 on their way"


@pytest.mark.parametrize("role", ["proxy", "dashboard", "sdk"])
def test_two_processes_on_two_databases_are_named(migrated: SetUp, role: str) -> None:
    """Each place is shown, so that the wrong one can be found."""
    migrated.beat()
    other = "sqlite:////somewhere/else.db"
    migrated.beat(role, safe_url=other, database_fingerprint=fingerprint(other), pid=4321, host=ANOTHER_MACHINE)
    assert migrated.wrong() == ["one database"]
    finding = migrated.findings()["one database"]
    assert other in finding.what
    assert migrated.settings.safe_url in finding.what
    assert "4321" in finding.what


def test_a_stopped_proxy_on_another_database_still_counts(migrated: SetUp) -> None:
    """The calls that the page lacks are where the last proxy wrote them."""
    other = "sqlite:////somewhere/else.db"
    migrated.beat(safe_url=other, database_fingerprint=fingerprint(other), stopped_at=migrated.now)
    assert "one database" in migrated.wrong()


def test_a_dashboard_that_shows_the_demo_is_no_mistake(migrated: SetUp) -> None:
    """The demo's database is another one on purpose; a proxy that writes to it is not."""
    migrated.beat()
    demo = demo_url(migrated.settings)
    migrated.beat("dashboard", safe_url=demo, database_fingerprint=fingerprint(demo))
    assert migrated.wrong() == []
    migrated.beat(safe_url=demo, database_fingerprint=fingerprint(demo))
    assert migrated.wrong() == ["one database"]


def test_an_old_process_on_another_database_does_not_count(migrated: SetUp) -> None:
    """A dashboard that ended yesterday is nobody's business."""
    other = "sqlite:////somewhere/else.db"
    yesterday = migrated.now - timedelta(days=1)
    migrated.beat()
    migrated.beat("dashboard", safe_url=other, database_fingerprint=fingerprint(other), beat_at=yesterday)
    assert migrated.wrong() == []


def test_a_proxy_that_was_stopped_is_a_warning(migrated: SetUp) -> None:
    """When it was stopped is said."""
    store(migrated, completed_at=migrated.now - timedelta(days=2))
    migrated.beat(stopped_at=migrated.now - timedelta(hours=2))
    finding = migrated.findings()["proxy"]
    assert finding.verdict is Verdict.WARN
    assert "was stopped 2 hours ago" in finding.what


def test_a_proxy_that_was_killed_is_not_taken_for_a_running_one(migrated: SetUp) -> None:
    """A fresh beat of a process that is no more, and an old beat of one elsewhere."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    migrated.beat(pid=ended.pid)
    assert "ended without saying so" in migrated.findings()["proxy"].what
    migrated.beat(pid=ended.pid, host=ANOTHER_MACHINE)
    assert "recording now" in migrated.findings()["proxy"].what
    migrated.beat(pid=ended.pid, host=ANOTHER_MACHINE, beat_at=migrated.now - timedelta(minutes=2))
    assert "ended without saying so" in migrated.findings()["proxy"].what


def test_calls_of_a_proxy_on_another_machine_are_recognised(migrated: SetUp) -> None:
    """Rows without a process here: doctor has to run there, too."""
    store(migrated, completed_at=migrated.now)
    finding = migrated.findings()["proxy"]
    assert finding.verdict is Verdict.WARN
    assert "come from another one" in finding.what


def test_a_call_from_the_future_is_a_clock_that_is_wrong(migrated: SetUp) -> None:
    """Pages end at the present, so such a call is not on them."""
    migrated.beat()
    store(migrated, completed_at=migrated.now + timedelta(hours=1))
    assert migrated.wrong() == ["clock"]
    assert "3600 s in the future" in migrated.findings()["clock"].what
    assert "NTP" in migrated.findings()["clock"].remedy


def test_a_process_from_the_future_is_a_clock_that_is_wrong(migrated: SetUp) -> None:
    """Its beat is later than now."""
    migrated.beat(beat_at=migrated.now + timedelta(minutes=10))
    assert migrated.wrong() == ["clock"]


def test_a_database_server_with_another_time_is_found(each_set_up: SetUp) -> None:
    """PostgreSQL is asked for its clock; a machine that is an hour late sees it an hour ahead."""
    migrate(connect(each_set_up.settings.url))
    each_set_up.now -= timedelta(hours=1)
    ahead_s = each_set_up.facts().database.clock_ahead_s
    if each_set_up.settings.url.startswith("sqlite"):
        assert ahead_s is None
    else:
        assert ahead_s == pytest.approx(3600, abs=60)
        assert "ahead of this machine's" in each_set_up.findings()["clock"].what


@pytest.mark.parametrize(("ahead_s", "verdict"), [(59.0, Verdict.OK), (-61.0, Verdict.FAIL), (61.0, Verdict.FAIL)])
def test_a_minute_of_skew_is_tolerated(migrated: SetUp, ahead_s: float, verdict: Verdict) -> None:
    """In both directions."""
    facts = migrated.facts()
    skewed = replace(facts, database=replace(facts.database, clock_ahead_s=ahead_s))
    assert check_clock(skewed).verdict is verdict


def test_an_idle_proxy_is_not_stuck(migrated: SetUp) -> None:
    """Nothing stored for hours, since nobody called."""
    migrated.beat(seen=9, stored=9, last_stored_at=migrated.now - timedelta(hours=3))
    assert migrated.wrong() == []


def test_a_writer_that_hangs_still_shows_its_error(migrated: SetUp) -> None:
    """Between two attempts on a locked database its beats may be late."""
    late = migrated.now - timedelta(seconds=40)
    migrated.beat(seen=7, waiting=7, last_error="StoreUnavailable: locked", last_error_at=late, beat_at=late)
    assert "Last error: StoreUnavailable: locked" in migrated.findings()["writing"].what


def test_a_proxy_whose_settings_cannot_work_is_told_from_none(migrated: SetUp) -> None:
    """It serves and records nothing; its reason lies in the state file that it left when it started."""
    reason = "setting USAGE_DATABASE_URL = (hidden) cannot be used: it is not a database URL"
    migrated.beat(database_fingerprint="", safe_url="", last_error=reason, last_error_at=migrated.now)
    assert migrated.wrong() == ["proxy"]
    finding = migrated.findings()["proxy"]
    assert reason in finding.what
    assert "restart" in finding.remedy


def test_a_proxy_that_was_corrected_is_forgiven(migrated: SetUp) -> None:
    """One that can record has started after it; one from before does not count."""
    refused = {"database_fingerprint": "", "last_error": "no", "pid": 4321, "host": ANOTHER_MACHINE}
    migrated.beat(**refused, started_at=migrated.now - timedelta(minutes=6))
    migrated.beat()
    assert migrated.wrong() == []
    migrated.beat(**refused, started_at=migrated.now - timedelta(minutes=4))
    assert migrated.wrong() == ["proxy"]


def test_a_relative_file_is_another_one_in_another_folder(
    migrated: SetUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One setting, two working directories, two files: that is not one database."""
    migrated.settings = migrated.settings.model_copy(update={"database_url": "sqlite:///y.db"})
    for folder in ("proxy", "here"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "proxy")
    migrated.beat()
    assert "one database" not in migrated.wrong()
    monkeypatch.chdir(tmp_path / "here")
    finding = migrated.findings()["one database"]
    assert finding.verdict is Verdict.FAIL
    assert f"looks at sqlite:///{tmp_path / 'here' / 'y.db'}" in finding.what
    assert f"uses sqlite:///{tmp_path / 'proxy' / 'y.db'}" in finding.what


def test_budgets_that_are_longer_than_totals_are_kept_are_said(migrated: SetUp) -> None:
    """Nobody could say what is spent; those that are switched off, or short, are no matter."""
    migrated.beat()
    assert migrated.findings()["budgets"].what == "no budget is enabled"
    engine = connect(migrated.settings.url)
    week = Budget(name="week", part=Part(), amount_nano_usd=1, period=Period.WEEK)
    rolling = replace(week, name="rolling", period=Period.ROLLING, rolling_days=45)
    month = replace(week, name="month", period=Period.MONTH)
    off = replace(week, name="off", period=Period.YEAR, is_enabled=False)
    for budget in (week, rolling, month, off):
        save_budget(engine, budget, migrated.now)
    engine.dispose()
    migrated.settings = migrated.settings.model_copy(update={"retain_records_days": 7, "retain_sheets_days": 10})
    finding = migrated.findings()["budgets"]
    assert finding.verdict is Verdict.WARN
    assert "kept for 10 days, and periods of budgets are longer: month (31 days), rolling (45 days)" in finding.what
    assert "USAGE_RETAIN_SHEETS_DAYS to 45" in finding.remedy
    for sheets, records in ((45, 7), (0, 7), (10, 0), (10, 45)):
        kept = {"retain_records_days": records, "retain_sheets_days": sheets}
        migrated.settings = migrated.settings.model_copy(update=kept)
        assert migrated.findings()["budgets"].verdict is Verdict.OK
