"""The data folder in, what processes of this machine last said about themselves out."""

from __future__ import annotations

import socket
from dataclasses import replace

from usage_plugin.account import RECORDS
from usage_plugin.hold.heartbeat import Heartbeat, fingerprint, process_exists, read_heartbeats, state_dirs
from usage_plugin.settings import Settings


def local_beats(settings: Settings) -> list[Heartbeat]:
    """Read every process's file, whatever it is and wherever it writes; newest beat first."""
    beats = [beat for folder in state_dirs(settings) for beat in read_heartbeats(folder)]
    return sorted(beats, key=lambda beat: beat.beat_at, reverse=True)


def local_accounts(settings: Settings) -> list[Heartbeat]:
    """Give the processes that record into the database of these settings; newest beat first.

    One that was killed counts as stopped when nothing waits for it any more: somebody has stored its spool, or it
    held nothing.
    """
    mine = fingerprint(settings.url)
    beats = (beat for beat in local_beats(settings) if beat.role in RECORDS and beat.database_fingerprint == mine)
    return [_settled(beat) if _is_settled(beat, settings) else beat for beat in beats]


def _is_settled(beat: Heartbeat, settings: Settings) -> bool:
    if beat.host != socket.gethostname() or (beat.stopped_at is None and process_exists(beat.pid)):
        return False
    spool = settings.data_dir / "spool" / beat.database_fingerprint / beat.process_id
    return not beat.waiting or (beat.spooled > 0 and not spool.exists())


def _settled(beat: Heartbeat) -> Heartbeat:
    stopped_at = beat.stopped_at or beat.beat_at
    return replace(beat, stopped_at=stopped_at, waiting=0, spool_bytes=0, oldest_waiting_at=None)
