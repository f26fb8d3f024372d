"""``python -m dashboard`` as it is started: what it says when it can, and when it cannot."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard.server import listen, main
from usage_plugin.errors import InputError
from usage_plugin.hold.beating import beating
from usage_plugin.hold.heartbeat import fingerprint, read_heartbeats, state_dirs
from usage_plugin.settings import Settings


def wait_for(happened: Callable[[], bool]) -> None:
    """Wait, for 5 s at most, until something has happened."""
    end = time.monotonic() + 5
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_taken_port_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The line names address and port, and the setting that changes it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"127.0.0.1:{port}" in said
    assert "USAGE_DASHBOARD_PORT" in said


def test_a_foreign_address_is_one_clear_line() -> None:
    """An address that is not this machine's is refused as the port would be."""
    with pytest.raises(InputError, match=r"cannot listen on 192\.0\.2\.1:0"):
        listen("192.0.2.1", 0)


def test_a_bad_database_url_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names the setting, and not the URL, which may hold a password."""
    monkeypatch.setenv("USAGE_DATABASE_URL", "mysql://u:secret@h/d")
    assert main(["--port", "0"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "USAGE_DATABASE_URL" in said
    assert "secret" not in said


def test_it_beats_while_it_runs(settings: Settings) -> None:
    """The doctor sees a dashboard that lives, on which database, and later that it has ended."""
    folder = state_dirs(settings)[0]
    with beating(settings, "dashboard", every_s=0.01):
        wait_for(lambda: any(beat.beat_at > beat.started_at for beat in read_heartbeats(folder)))
        (beat,) = read_heartbeats(folder)
        assert (beat.role, beat.database_fingerprint, beat.stopped_at) == ("dashboard", fingerprint(settings.url), None)
    (beat,) = read_heartbeats(folder)
    assert beat.stopped_at is not None


def test_an_unwritable_folder_is_no_reason_to_stop(tmp_path: Path) -> None:
    """Without a place for its heartbeat the dashboard serves all the same."""
    file = tmp_path / "file"
    file.write_text("in the way")
    with beating(Settings(data_dir=file), "dashboard", every_s=0.01):
        pass


def test_it_imports_no_litellm() -> None:
    """The dashboard starts without LiteLLM's seconds and megabytes."""
    code = "import sys, dashboard.server; sys.exit('litellm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
