"""A backup that is taken while calls are stored, put in the place of the database: nothing is half there or twice."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from tests.hold.reports import EventReports, make_recorder, put
from tests.own_server import OwnServer
from tests.store.oracle import expected, found
from tests.upstream.process import ROOT
from usage_plugin.clock import utc_now
from usage_plugin.database_url import sqlite_url
from usage_plugin.errors import InputError, StoreUnavailable
from usage_plugin.hold.spool import Kind, Position, read_lines
from usage_plugin.settings import Settings
from usage_plugin.store.backup import back_up
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.verify import verify
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

Keys = set[str]
WITHIN_S = 60
# Reports a call each millisecond, and says which was the last, until it is killed.
WRITER = """
import itertools, sys, time
from pathlib import Path
from tests.hold.reports import make_recorder, put
from usage_plugin.clock import utc_now
from usage_plugin.settings import Settings
from usage_plugin.testing import make_event
recorder = make_recorder(Settings(data_dir=Path(sys.argv[1]), database_url=sys.argv[2], flush_every_s=0.05))
recorder.start()
for number in itertools.count():
    put(recorder, make_event(event_key=f"{number:032x}", completed_at=utc_now()))
    print(number, flush=True)
    time.sleep(0.001)
"""


def keys(url: str) -> list[str]:
    engine = connect(url)
    with engine.connect() as connection:
        stored = list(connection.execute(text("SELECT event_key FROM usage_record")).scalars())
    engine.dispose()
    return stored


def wait_for_more(url: str, than: int) -> None:
    deadline = time.monotonic() + WITHIN_S
    while len(keys(url)) <= than + 200:
        assert time.monotonic() < deadline, "nothing is stored"
        time.sleep(0.05)


@contextmanager
def writing(folder: Path, url: str) -> Iterator[Callable[[], int]]:
    """Let a process record calls; gives how to kill it, which says how many it had reported."""
    said = folder / "said"
    with said.open("w") as output:
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder), url], cwd=ROOT, stdout=output)

    def kill() -> int:
        process.kill()
        process.wait()
        return len(said.read_text().splitlines())

    try:
        yield kill
    finally:
        process.kill()
        process.wait()


def on_disk(spool: Path) -> Keys:
    """Name the calls of a killed process's file, also those that were stored already."""
    (folder,) = (path for path in spool.rglob("*") if list(path.glob("*.log")))
    lines = read_lines(folder, Position(), ended=True)
    return {EventReports().key_of_line(line.payload) for line in lines if line.kind is Kind.REPORT}


def is_whole(url: str) -> bool:
    engine = connect(url)
    try:
        return verify(engine).is_right and found(engine) == expected(engine)
    finally:
        engine.dispose()


def check_what_comes_back(folder: Path, url: str, old: Keys, reported: int) -> None:
    """See that a restored database is whole, and gets what waits on disk; the rest is in the old one alone."""
    assert is_whole(url)
    saved = set(keys(url))
    assert saved < old
    waiting = on_disk(folder / "spool")
    assert waiting - saved
    recorder = make_recorder(Settings(data_dir=folder, database_url=url, flush_every_s=0.05))
    recorder.start()
    assert recorder.flush(WITHIN_S)
    recorder.stop()
    stored = keys(url)
    assert len(stored) == len(set(stored))
    assert set(stored) == saved | waiting
    assert {f"{number:032x}" for number in range(reported)} - set(stored) <= old
    assert is_whole(url)


def test_a_file_is_saved_and_restored_beside_a_writer(tmp_path: Path) -> None:
    """As docs/backup.md says for SQLite."""
    url, copy = sqlite_url(tmp_path / "usage.db"), tmp_path / "copy.db"
    migrate(connect(url))
    with writing(tmp_path, url) as kill:
        wait_for_more(url, 0)
        assert back_up(url, copy).bytes_saved == copy.stat().st_size
        wait_for_more(url, len(keys(url)))
        reported = kill()
    (tmp_path / "old").mkdir()
    for file in tmp_path.glob("usage.db*"):
        file.rename(tmp_path / "old" / file.name)
    shutil.copy(copy, tmp_path / "usage.db")
    check_what_comes_back(tmp_path, url, set(keys(sqlite_url(tmp_path / "old" / "usage.db"))), reported)


@pytest.fixture
def server(stoppable: OwnServer) -> OwnServer:
    """Give a server with an empty database ``usage``, as in the docs."""
    stoppable.start()
    for name in ("usage", "usage_old"):
        stoppable.run("dropdb", "--maintenance-db", place(stoppable, "postgres"), "--if-exists", name)
    stoppable.run("createdb", "--maintenance-db", place(stoppable, "postgres"), "usage")
    return stoppable


def place(server: OwnServer, database: str) -> str:
    url = make_url(server.url).set(drivername="postgresql", database=database)
    return url.render_as_string(hide_password=False)


def restore(server: OwnServer, dump: Path) -> None:
    """Do what docs/backup.md says for PostgreSQL."""
    server.run("createdb", "--maintenance-db", place(server, "postgres"), "usage_restored")
    server.run("pg_restore", "--exit-on-error", "--dbname", place(server, "usage_restored"), str(dump))
    page = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
    (statements,) = re.findall(r"<<'SQL'\n(.*?)SQL\n", page, re.DOTALL)
    engine = connect(server.url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements.split(";\n")[:-1]:
            connection.execute(text(statement))
    engine.dispose()


def save(server: OwnServer, dump: Path) -> None:
    server.run("pg_dump", "--format=custom", "--file", str(dump), place(server, "usage"))


def test_a_server_is_saved_and_restored_beside_a_writer(tmp_path: Path, server: OwnServer) -> None:
    """As docs/backup.md says for PostgreSQL."""
    url, dump = place(server, "usage"), tmp_path / "usage.dump"
    settings = Settings(database_url=url)
    migrate(connect(settings.url))
    with writing(tmp_path, url) as kill:
        wait_for_more(settings.url, 0)
        save(server, dump)
        wait_for_more(settings.url, len(keys(settings.url)))
        reported = kill()
    old = set(keys(settings.url))
    restore(server, dump)
    check_what_comes_back(tmp_path, settings.url, old, reported)


def test_a_proxy_goes_on_through_a_restore(tmp_path: Path, server: OwnServer) -> None:
    """Its calls of then wait on disk, and it stores each once, whatever the restored marks say."""
    settings = Settings(database_url=place(server, "usage"), data_dir=tmp_path, flush_every_s=0.05)
    recorder = make_recorder(settings)
    recorder.start()
    for part in ("before", "after", "since"):
        for _ in range(100):
            put(recorder, make_event(team_id=part, completed_at=utc_now()))
        assert recorder.flush(WITHIN_S)
        if part == "before":
            save(server, tmp_path / "usage.dump")
        if part == "after":
            restore(server, tmp_path / "usage.dump")
    recorder.stop()
    engine = connect(settings.url)
    with engine.connect() as connection:
        found_teams = connection.execute(text("SELECT team_id, COUNT(*) FROM usage_record GROUP BY 1 ORDER BY 1")).all()
    engine.dispose()
    assert [tuple(row) for row in found_teams] == [("before", 100), ("since", 100)]
    assert is_whole(settings.url)


def test_a_copy_is_whole_though_it_takes_many_steps(tmp_path: Path) -> None:
    """Each step is followed by a write of somebody else; all are of the moment when it began."""
    url, copy = sqlite_url(tmp_path / "usage.db"), tmp_path / "copy.db"
    engine = connect(url)
    migrate(engine)
    write_events(engine, [make_event() for _ in range(100)])
    seen: list[tuple[int, int]] = []

    def write(done: int, total: int) -> None:
        seen.append((done, total))
        write_events(engine, [make_event()])

    back_up(url, copy, write, pages=5)
    assert len(seen) > 5
    assert seen[-1][0] == seen[-1][1]
    assert len(keys(sqlite_url(copy))) == 100
    assert is_whole(sqlite_url(copy))
    assert len(keys(url)) == 100 + len(seen)
    engine.dispose()


def test_nothing_is_overwritten_or_left_behind(tmp_path: Path) -> None:
    """A file that is there stays, a copy that fails leaves none, and a database that is not there is not made."""
    url, copy = sqlite_url(tmp_path / "usage.db"), tmp_path / "copy.db"
    with pytest.raises(StoreUnavailable, match=r"usage\.db cannot be saved to .*copy\.db: unable to open"):
        back_up(url, copy)
    assert list(tmp_path.iterdir()) == []
    migrate(connect(url))
    copy.write_text("precious")
    with pytest.raises(InputError, match="is there already, and is not overwritten"):
        back_up(url, copy)
    assert copy.read_text() == "precious"
    copy.unlink()

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(url, copy, interrupt)

    def be_there_first(_done: int, _total: int) -> None:
        copy.write_text("came meanwhile")

    with pytest.raises(InputError, match="is there already"):
        back_up(url, copy, be_there_first)
    assert copy.read_text() == "came meanwhile"
    assert [path.name for path in tmp_path.iterdir() if path.suffix not in {".db", ".db-wal", ".db-shm"}] == []


def test_a_damaged_file_is_no_backup(tmp_path: Path) -> None:
    """It is said to be no database."""
    (tmp_path / "usage.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreUnavailable, match="not a database"):
        back_up(sqlite_url(tmp_path / "usage.db"), tmp_path / "copy.db")
    with pytest.raises(sqlite3.OperationalError):
        sqlite3.connect(f"file:{tmp_path / 'copy.db'}?mode=ro", uri=True)
