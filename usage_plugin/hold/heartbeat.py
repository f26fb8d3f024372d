"""A process's own account of itself, kept in a small file: what it saw, stored and lost, and where it writes.

The file is there when the database is not, so ``doctor`` can tell "no call yet" from "calls that cannot be written".
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from usage_plugin import __version__
from usage_plugin.account import ProcessAccount, Role
from usage_plugin.settings import APP_NAME, Settings

_MOMENTS = ("started_at", "beat_at", "stopped_at", "oldest_waiting_at", "last_stored_at", "last_error_at")
FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(ProcessAccount):
    """One process at one moment, and where it writes."""

    safe_url: str
    database_fingerprint: str
    litellm_config: str | None = None


def fingerprint(url: str) -> str:
    """Name a database without showing its URL: equal exactly when two processes write to the same URL."""
    return hashlib.blake2b(url.encode(), digest_size=8).hexdigest()


def of_this_process(settings: Settings, role: Role, *, started_at: datetime, beat_at: datetime) -> Heartbeat:
    """Say which process this is, and where it writes; nothing is counted yet."""
    return Heartbeat(
        role=role,
        pid=os.getpid(),
        host=socket.gethostname(),
        safe_url=settings.safe_url,
        database_fingerprint=fingerprint(settings.url),
        version=__version__,
        started_at=started_at,
        beat_at=beat_at,
    )


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
    target = state_dir / f"{beat.role}-{_place_of(beat.host)}-{beat.pid}.json"
    partial = target.with_suffix(".part")
    partial.write_text(json.dumps(asdict(beat), default=datetime.isoformat), encoding="utf-8")
    partial.replace(target)


def _place_of(host: str) -> str:
    """Name where a process number counts: containers that share a folder have the same numbers."""
    namespace = ""
    with suppress(OSError):
        namespace = str(Path("/proc/self/ns/pid").readlink())
    return fingerprint(f"{host} {namespace}")[:8]


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


def prune_heartbeats(folders: Iterable[Path], now: datetime) -> None:
    """Delete the files of processes that have been gone for a day; one that only hangs keeps its file."""
    host = socket.gethostname()
    for folder in folders:
        for path in folder.glob("*.json"):
            beat = _read(path)
            if beat is not None and now - beat.beat_at > FORGOTTEN_AFTER and not _may_hang(beat, host):
                with suppress(OSError):
                    path.unlink(missing_ok=True)


def process_exists(pid: int) -> bool:
    """Say whether this machine has such a process."""
    if os.name != "posix":  # elsewhere signal 0 is Ctrl-C
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True


def _may_hang(beat: Heartbeat, host: str) -> bool:
    return beat.stopped_at is None and beat.host == host and process_exists(beat.pid)


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
