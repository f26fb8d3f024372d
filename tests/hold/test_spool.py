"""What is spooled survives its process: killed, torn, corrupted, on a full disk, and stored once all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from tests.hold.reports import EventReports, make_recorder, put
from usage_plugin.event import PriceSnapshot, Status, UsageEvent
from usage_plugin.hold.codec import decode, encode
from usage_plugin.hold.recorder import Recorder
from usage_plugin.hold.spool import Kind, Position, Spool, adopt, read_lines, segment_path, segments
from usage_plugin.hold.spool_reader import SpoolReader
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.testing import make_event

ROOT = Path(__file__).parents[2]
PRICE = PriceSnapshot(
    "p" * 32, "openai", "openai/m", "litellm_price_map", "1.106.2", (("input_cost_per_token", "1E-7"),)
)

# Records calls while the store cannot be reached, says so, and is killed without a chance to do anything about it.
VICTIM = """
import os, signal, sys
from pathlib import Path
from tests.hold.reports import make_recorder, put
from usage_plugin.settings import Settings
from usage_plugin.testing import make_event
folder, count, name = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
recorder = make_recorder(Settings(data_dir=folder, flush_every_s=60))
recorder.start()
for number in range(count):
    put(recorder, make_event(event_key=f"{name}{number:031x}", team_id=name))
os.kill(os.getpid(), signal.SIGKILL)
"""
# The same within a file size that takes only a part of it.
CRAMPED = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
from usage_plugin.hold.codec import encode
from usage_plugin.hold.spool import Kind, Spool
from usage_plugin.testing import make_event
spool = Spool(Path(sys.argv[1]))
kept = [spool.append(Kind.EVENT, encode(make_event())) for _ in range(100)]
print(sum(kept), kept == sorted(kept, reverse=True))
"""


def victim(folder: Path, count: int, name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", VICTIM, str(folder), str(count), name], timeout=60, check=False, cwd=ROOT
    )
    assert done.returncode == -signal.SIGKILL


def record(settings: Settings) -> Recorder:
    recorder = make_recorder(settings)
    recorder.start()
    return recorder


def counts(engine: Engine) -> tuple[int, int]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT COUNT(*) FROM usage_record")).scalar_one()
        total = connection.execute(text("SELECT SUM(requests) FROM usage_daily")).scalar_one()
    return int(rows), int(total or 0)


@given(
    st.builds(
        make_event,
        team_id=st.none() | st.text(max_size=20),
        tags=st.lists(st.text(max_size=5), max_size=3).map(tuple),
        status=st.sampled_from(list(Status)),
        cost_usd=st.none() | st.decimals(0, 10_000, places=9),
        price=st.sampled_from([None, PRICE]),
        completed_at=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),
        latency_ms=st.floats(0, 1e9),
        input_audio_seconds=st.none() | st.floats(0, 1e6),
    )
)
def test_an_event_comes_back_as_it_was(event: UsageEvent) -> None:
    """Writing and reading change nothing, and a line holds no line break."""
    line = encode(event)
    assert b"\n" not in line
    assert decode(line) == event


def test_a_newer_versions_field_is_passed_over() -> None:
    """A spool that a newer version left can be read after a downgrade."""
    event = make_event()
    assert decode(encode(event).replace(b'"call_type"', b'"new_field":1,"call_type"')) == event


def test_a_line_is_on_disk_when_append_returns(tmp_path: Path) -> None:
    """Another reader of the file sees it at once, in order."""
    spool = Spool(tmp_path)
    events = [make_event() for _ in range(3)]
    assert all(spool.append(Kind.EVENT, encode(event)) for event in events)
    batch = SpoolReader(spool.folder, Position(), EventReports().understand).next_batch(10)
    assert batch is not None
    assert batch.events == events


def test_segments_follow_each_other(tmp_path: Path) -> None:
    """Reading goes on through full segments, from any place between two lines."""
    spool = Spool(tmp_path, segment_bytes=2000)
    events = [make_event() for _ in range(20)]
    for event in events:
        spool.append(Kind.EVENT, encode(event))
    assert len(segments(spool.folder)) > 3
    reader, found = SpoolReader(spool.folder, Position(), EventReports().understand), []
    while batch := reader.next_batch(3):
        found += batch.events
        reader.confirm(batch)
    assert found == events


@pytest.mark.parametrize("ended", [True, False])
def test_a_torn_last_line_waits_or_is_set_aside(tmp_path: Path, ended: bool) -> None:
    """A half-written line may still be written by a living process; of a dead one it is no event."""
    spool = Spool(tmp_path)
    spool.append(Kind.EVENT, encode(make_event()))
    with segment_path(spool.folder, 0).open("ab") as file:
        file.write(b"0badc0de E {half")
    lines = list(read_lines(spool.folder, Position(), ended=ended))
    assert [line.kind for line in lines] == ([Kind.EVENT, None] if ended else [Kind.EVENT])


def test_a_corrupted_line_spoils_no_other(tmp_path: Path) -> None:
    """One flipped byte costs one event, and that one is kept aside."""
    settings = Settings(data_dir=tmp_path)
    recorder = record(settings)
    recorder.stop()
    spool = Spool(recorder.root)
    for _ in range(3):
        spool.append(Kind.EVENT, encode(make_event()))
    path = segment_path(spool.folder, 0)
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"\n") + 200] ^= 1
    path.write_bytes(raw)
    spool.close(stored=False)
    recorder = record(settings)
    assert recorder.flush(60)
    recorder.stop()
    assert counts(connect(settings.url))[0] == 2
    assert "its checksum is wrong" in (tmp_path / "refused-calls.jsonl").read_text()


def test_a_killed_processes_calls_are_stored_once_by_the_next(tmp_path: Path) -> None:
    """Everything that was taken before ``kill -9`` is there after the next start, and the spool is gone."""
    victim(tmp_path, 500, "a")
    victim(tmp_path, 300, "b")
    settings = Settings(data_dir=tmp_path)
    recorder = record(settings)
    put(recorder, make_event())
    assert recorder.flush(30)
    assert counts(connect(settings.url)) == (801, 801)
    assert recorder.counts.adopted == 800
    recorder.stop()
    assert list(recorder.root.iterdir()) == []


def test_a_living_processes_spool_is_left_alone(tmp_path: Path) -> None:
    """Only a spool whose lock is free is adopted."""
    spool = Spool(tmp_path)
    spool.append(Kind.EVENT, encode(make_event()))
    assert list(adopt(tmp_path)) == []
    spool.close(stored=False)
    ((folder, lock),) = adopt(tmp_path)
    assert folder == spool.folder
    os.close(lock)


def test_a_full_disk_says_no_and_breaks_nothing(tmp_path: Path) -> None:
    """Lines that fit stay readable; the rest is refused, not raised."""
    done = subprocess.run([sys.executable, "-c", CRAMPED, str(tmp_path)], capture_output=True, text=True, check=True)
    kept, in_order = done.stdout.split()
    assert in_order == "True"
    assert 0 < int(kept) < 100
    ((folder, lock),) = adopt(tmp_path)
    lines = list(read_lines(folder, Position(), ended=True))
    assert len([line for line in lines if line.kind is Kind.EVENT]) == int(kept)
    os.close(lock)


def test_events_of_before_and_after_a_replay_count_once(engine: Engine, tmp_path: Path) -> None:
    """A process that is killed between the store's commit and its own note of it makes no double."""
    settings = Settings(data_dir=tmp_path, database_url=engine.url.render_as_string(hide_password=False))
    recorder = record(settings)
    events = [make_event(completed_at=datetime.now(UTC) - timedelta(seconds=number)) for number in range(50)]
    for event in events:
        put(recorder, event)
    assert recorder.flush(60)
    leftover = Spool(recorder.root)
    for event in events:
        leftover.append(Kind.EVENT, encode(event))
    leftover.close(stored=False)
    recorder.stop()
    again = record(settings)
    assert again.flush(60)
    again.stop()
    assert counts(engine) == (50, 50)
