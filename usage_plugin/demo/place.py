"""Settings in, the place of the demo database out: never that of the real one."""

from __future__ import annotations

from pathlib import Path

from usage_plugin.settings import Settings


def demo_path(settings: Settings) -> Path:
    """Name the file: ``demo.db`` in the data folder."""
    return settings.data_dir / "demo.db"


def demo_url(settings: Settings) -> str:
    """Name the demo database as a URL."""
    return f"sqlite:///{demo_path(settings)}"
