"""Small services that stand in for the proxy and the dashboard, and free ports for them."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from usage_plugin.up.service import Service

MakeService = Callable[..., Service]
# Answers 200 to everything; what follows "--" in its arguments is not its business.
SERVE = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(autouse=True)
def no_settings_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own settings out of the tests."""
    for name in [name for name in os.environ if name.startswith("USAGE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def make_service(tmp_path: Path) -> MakeService:
    """Make a service out of a few lines of Python, which find their port in ``sys.argv[1]``."""

    def make(code: str = SERVE, name: str = "dashboard") -> Service:
        port = free_port()
        return Service(
            name=name,
            command=(sys.executable, "-c", code, str(port)),
            host="127.0.0.1",
            port=port,
            health_path="/",
            log=tmp_path / "logs" / f"{name}.log",
        )

    return make
