"""A recording process's account of itself, as it travels: from its heartbeat to the store, to doctor and to pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

Role = Literal["proxy", "sdk", "dashboard", "worker"]
RECORDS: Final[frozenset[Role]] = frozenset({"proxy", "sdk"})
"""Roles of processes that see calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessAccount:
    """One process at one moment; counts of calls are since its start."""

    process_id: str = ""
    """Equal to the name of its spool where it has one, so that who adopts the spool knows whose it was."""
    role: Role
    host: str
    pid: int
    version: str
    started_at: datetime
    beat_at: datetime
    stopped_at: datetime | None = None
    seen: int = 0
    spooled: int = 0
    """Kept on disk before the database had them."""
    stored: int = 0
    folded: int = 0
    """Counted together with others instead of having a row of their own; most of them are stored already."""
    adopted: int = 0
    """Stored for processes that were killed."""
    set_aside: int = 0
    """Kept in a file of their own, since the database never takes them as they are."""
    lost: int = 0
    waiting: int = 0
    spool_bytes: int = 0
    oldest_waiting_at: datetime | None = None
    """When the call came that waits longest."""
    last_stored_at: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
