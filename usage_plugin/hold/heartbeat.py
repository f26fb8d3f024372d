"""A process's own account of itself, kept in a small file: what it saw, stored and lost, and where it writes.

The file is there when the database is not, so ``doctor`` can tell "no call yet" from "calls that cannot be written".
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from usage_plugin.settings import APP_NAME, Settings

Role = Literal["proxy", "sdk", "dashboard"]
_MOMENTS = ("started_at", "beat_at", "last_stored_at", "last_error_at", "stopped_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """One process at one moment; counts are since its start."""

    role: Role
    pid: int
    host: str
    safe_url: str
    database_fingerprint: str
    version: str
    started_at: datetime
    beat_at: datetime
    seen: int = 0
    stored: int = 0
    waiting: int = 0
    lost: int = 0
    last_stored_at: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    litellm_config: str | None = None
    stopped_at: datetime | None = None


def fingerprint(url: str) -> str:
    """Name a database without showing its URL: equal exactly when two processes write to the same URL."""
    return hashlib.blake2b(url.encode(), digest_size=8).hexdigest()


def state_dirs(settings: Settings) -> tuple[Path, ...]:
    """Give the folders that heartbeats may lie in: the data folder, then one that can be written when it cannot."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder_id = fingerprint(str(settings.data_dir))[:8]
    fallback = Path(tempfile.gettempdir()) / f"{APP_NAME}-{user}-{folder_id}"
    return settings.data_dir / "processes", fallback


def write_heartbeat(state_dir: Path, beat: Heartbeat) -> None:
    """Replace the process's file in one step.

    Raises:
        OSError: The folder cannot be written.
    """
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = state_dir / f"{beat.role}-{beat.pid}.json"
    partial = target.with_suffix(".part")
    partial.write_text(json.dumps(asdict(beat), default=datetime.isoformat), encoding="utf-8")
    partial.replace(target)


def write_heartbeat_anywhere(folders: Iterable[Path], beat: Heartbeat) -> None:
    """Write to the first folder that takes it.

    Raises:
        OSError: None does.
    """
    problem = OSError("no folder for state files")
    for folder in folders:
        try:
            write_heartbeat(folder, beat)
        except OSError as error:
            problem = error
        else:
            return
    raise problem


def read_heartbeats(state_dir: Path) -> list[Heartbeat]:
    """Read every process's file, newest beat first; unreadable files are left out."""
    beats = [beat for path in sorted(state_dir.glob("*.json")) if (beat := _read(path)) is not None]
    return sorted(beats, key=lambda beat: beat.beat_at, reverse=True)


def _read(path: Path) -> Heartbeat | None:
    names = {field.name for field in fields(Heartbeat)}
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        known = {name: value for name, value in values.items() if name in names}
        for name in _MOMENTS:
            if known.get(name) is not None:
                known[name] = datetime.fromisoformat(known[name])
        return Heartbeat(**known)
    except (OSError, ValueError, TypeError, AttributeError):
        return None
