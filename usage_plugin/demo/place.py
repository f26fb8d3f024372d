"""Settings in, the place of the demo database out: never that of the real one."""

from __future__ import annotations

from pathlib import Path

from usage_plugin.database_url import sqlite_url
from usage_plugin.settings import Settings


def demo_path(settings: Settings) -> Path:
    """Name the file: ``demo.db`` in the data folder."""
    return settings.data_dir / "demo.db"


def demo_url(settings: Settings) -> str:
    """Name the demo database as a URL."""
    return sqlite_url(demo_path(settings))
