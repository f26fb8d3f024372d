"""``python -m dashboard`` as it is started: what it says when it can, and when it cannot."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.server import listen, main
from usage_plugin.errors import InputError


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


def test_it_imports_no_litellm(tmp_path: Path) -> None:
    """The dashboard starts without LiteLLM's seconds and megabytes."""
    code = "import sys, dashboard.server; sys.exit('litellm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
