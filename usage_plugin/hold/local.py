"""The data folder in, what processes of this machine last said about themselves out."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

from usage_plugin.hold.heartbeat import Heartbeat, process_exists, read_heartbeats, state_dirs
from usage_plugin.settings import Settings


def local_beats(settings: Settings) -> list[Heartbeat]:
    """Read every process's file, newest beat first.

    Nothing waits any more for a process that has ended and whose spool somebody has stored.
    """
    beats = [beat for folder in state_dirs(settings) for beat in read_heartbeats(folder)]
    host = socket.gethostname()
    settled = [_settled(beat) if _is_settled(beat, settings.data_dir, host) else beat for beat in beats]
    return sorted(settled, key=lambda beat: beat.beat_at, reverse=True)


def spool_root(data_dir: Path, database_fingerprint: str) -> Path:
    """Name the folder of all processes' spools for a database."""
    return data_dir / "spool" / database_fingerprint


def _is_settled(beat: Heartbeat, data_dir: Path, host: str) -> bool:
    if not beat.spooled or beat.host != host or (beat.stopped_at is None and process_exists(beat.pid)):
        return False
    return not (spool_root(data_dir, beat.database_fingerprint) / beat.process_id).exists()


def _settled(beat: Heartbeat) -> Heartbeat:
    stopped_at = beat.stopped_at or beat.beat_at
    return replace(beat, stopped_at=stopped_at, waiting=0, spool_bytes=0, oldest_waiting_at=None)
