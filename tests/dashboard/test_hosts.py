"""Whom the dashboard answers: requests by its own names, and by nobody else's."""

from __future__ import annotations

import socket

import pytest

from dashboard import Data, create_app
from dashboard.hosts import is_known
from usage_plugin.errors import SettingsError
from usage_plugin.settings import Settings, load_settings

MINE = "127.0.0.1"
ALL = "0.0.0.0"


@pytest.mark.parametrize(
    ("bound", "allowed", "host", "is_mine"),
    [
        (MINE, "", "localhost:8050", True),
        (MINE, "", "LOCALHOST", True),
        (MINE, "", "usage.localhost:8050", True),
        (MINE, "", "127.0.0.1:8050", True),
        (MINE, "", "127.1.2.3", True),
        (MINE, "", "[::1]:8050", True),
        (MINE, "", f"{socket.gethostname()}:8050", True),
        (MINE, "", "evil.example:8050", False),
        (MINE, "", "localhost.evil.example", False),
        (MINE, "", "127.0.0.1.evil.example", False),
        (MINE, "", "localhost@evil.example", False),
        (MINE, "", "0.0.0.0:8050", False),
        (MINE, "", "192.0.2.7", False),
        (ALL, "", "192.0.2.7:8050", True),
        (ALL, "", "[2001:db8::7]:8050", True),
        (ALL, "", "evil.example", False),
        ("usage.internal", "", "usage.internal:8050", True),
        ("192.0.2.7", "", "192.0.2.7:8050", True),
        (MINE, "usage.example.com, .example.org", "usage.example.com", True),
        (MINE, "usage.example.com, .example.org", "a.b.example.org:443", True),
        (MINE, "usage.example.com, .example.org", "other.example.com", False),
        (MINE, "Usage.Example.com", "USAGE.example.com", True),
        (MINE, "192.0.2.7", "192.0.2.7:8050", True),
        (MINE, "*", "evil.example", True),
    ],
)
def test_a_dashboard_knows_its_names(bound: str, allowed: str, host: str, is_mine: bool) -> None:
    """Those of its machine, the one it listens on, and those that are allowed; addresses where it listens on all."""
    settings = Settings(dashboard_host=bound, dashboard_allowed_hosts=allowed)
    assert is_known(host, settings) is is_mine


@pytest.mark.parametrize("path", ["/", "/_dash-layout", "/_dash-update-component", "/assets/style.css"])
def test_a_stranger_is_refused_with_a_remedy(data: Data, path: str) -> None:
    """On every path; nothing of the page is in the answer."""
    client = create_app(data).server.test_client()
    refused = client.get(path, base_url="http://evil.example:8050/")
    assert refused.status_code == 400
    assert refused.mimetype == "text/plain"
    assert "USAGE_DASHBOARD_ALLOWED_HOSTS" in refused.text
    assert "'evil.example:8050'" in refused.text
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("value", ["https://usage.example.com", "usage.example.com:8050", "a/b", "a b*"])
def test_what_is_no_name_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Else it would be allowed in vain."""
    monkeypatch.setenv("USAGE_DASHBOARD_ALLOWED_HOSTS", value)
    with pytest.raises(SettingsError, match="without scheme, port and path"):
        load_settings()
