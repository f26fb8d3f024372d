"""A set-up to be examined: a real config file, a real database and real heartbeat files."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from usage_plugin.clock import utc_now
from usage_plugin.doctor import Facts, Finding, Verdict, examine, gather
from usage_plugin.hold.heartbeat import Heartbeat, fingerprint, write_heartbeat
from usage_plugin.settings import Settings

GOOD_CONFIG = """
litellm_settings:
  callbacks: ["usage_plugin.proxy_handler_instance"]
  global_disable_no_log_param: true
"""


@dataclass
class SetUp:
    """A machine with the plugin on it, to be broken in one way by a test."""

    settings: Settings
    now: datetime

    def configure(self, text: str) -> None:
        """Write the LiteLLM config."""
        self.settings.litellm_config.write_text(text)

    def beat(self, role: Any = "proxy", **changes: Any) -> None:
        """Leave the file that a running process leaves: by default this one, alive and idle on the right database."""
        beat = Heartbeat(
            role=role,
            pid=os.getpid(),
            host=socket.gethostname(),
            safe_url=self.settings.safe_url,
            database_fingerprint=fingerprint(self.settings.url),
            version="0.1.0",
            started_at=self.now - timedelta(minutes=5),
            beat_at=self.now,
        )
        write_heartbeat(self.settings.data_dir / "processes", replace(beat, **changes))

    def facts(self) -> Facts:
        """Look at the machine."""
        return gather(self.settings, os.environ, clock=lambda: self.now)

    def findings(self) -> dict[str, Finding]:
        """Examine it; findings by name."""
        return {finding.name: finding for finding in examine(self.facts())}

    def wrong(self) -> list[str]:
        """Name what is wrong."""
        return [name for name, finding in self.findings().items() if finding.verdict is Verdict.FAIL]


@pytest.fixture
def no_settings_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own settings out of the test."""
    for name in [name for name in os.environ if name.startswith("USAGE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def set_up(tmp_path: Path, sqlite_url: str, no_settings_outside: None) -> SetUp:
    """A healthy configuration on an empty database; nothing has run yet."""
    return _machine(tmp_path, sqlite_url)


@pytest.fixture
def each_set_up(tmp_path: Path, database_url: str, no_settings_outside: None) -> SetUp:
    """The same on a database of each kind in turn."""
    return _machine(tmp_path, database_url)


def _machine(folder: Path, database_url: str) -> SetUp:
    settings = Settings(
        database_url=database_url, data_dir=folder / "data", litellm_config=folder / "litellm_config.yaml"
    )
    settings.data_dir.mkdir()
    machine = SetUp(settings, utc_now())
    machine.configure(GOOD_CONFIG)
    return machine
