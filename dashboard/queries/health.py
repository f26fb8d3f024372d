"""A look at store and heartbeats in, the reason why a page is empty, stale or broken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dashboard.data import Data, Look
from dashboard.filters import Filters
from usage_plugin.errors import StoreError
from usage_plugin.hold.heartbeat import Heartbeat
from usage_plugin.store.migrate import SchemaState

SILENT_AFTER = timedelta(seconds=30)
NOT_A_DATABASE = "file is not a database"
"""SQLite's own words."""
FORGOTTEN_AFTER = timedelta(days=1)


class Reason(StrEnum):
    """Why there is nothing to show."""

    NO_MATCH = "no_match"
    NO_CALLS_IN_RANGE = "no_calls_in_range"
    NO_CALLS_YET = "no_calls_yet"
    NEVER_STARTED = "never_started"
    OTHER_DATABASE = "other_database"
    NOT_WRITTEN = "not_written"
    SCHEMA_MISSING = "schema_missing"
    SCHEMA_BEHIND = "schema_behind"
    SCHEMA_AHEAD = "schema_ahead"
    NOT_A_DATABASE = "not_a_database"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Emptiness:
    """Why there is nothing to show, with what the explanation needs to name."""

    reason: Reason
    detail: str = ""
    latest: datetime | None = None


class Trouble(StrEnum):
    """What a reader of full pages has to know as well."""

    LOST = "lost"
    NOT_WRITTEN = "not_written"
    STOPPED = "stopped"
    OTHER_DATABASE = "other_database"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Notice:
    """One trouble, with the number or text that it is about."""

    trouble: Trouble
    detail: str = ""
    count: int = 0
    since: datetime | None = None


def why_empty(look: Look, filters: Filters) -> Emptiness:
    """Say why no call is shown."""
    if look.newest.row_id:
        reason = Reason.NO_MATCH if filters.count else Reason.NO_CALLS_IN_RANGE
        return Emptiness(reason, filters.words, look.newest.completed_at)
    return _why_no_rows(look.data)


def why_broken(data: Data, error: StoreError) -> Emptiness:
    """Say why the store could not be asked."""
    try:
        state = data.schema()
    except StoreError as cause:
        known = Reason.NOT_A_DATABASE if NOT_A_DATABASE in str(cause) else Reason.UNAVAILABLE
        return Emptiness(known, str(cause))
    reasons = {
        SchemaState.EMPTY: Reason.SCHEMA_MISSING,
        SchemaState.BEHIND: Reason.SCHEMA_BEHIND,
        SchemaState.AHEAD: Reason.SCHEMA_AHEAD,
    }
    return Emptiness(reasons.get(state, Reason.UNAVAILABLE), str(error))


def notices(data: Data) -> tuple[Notice, ...]:
    """Say what is wrong while figures are shown: losses of the last day, a full stop, another database."""
    if data.demo:
        return ()
    beats = data.heartbeats()
    here = [beat for beat in beats if beat.database_fingerprint == data.fingerprint]
    elsewhere = [beat for beat in beats if beat not in here and _is_alive(beat, data.clock())]
    now = data.clock()
    alive = [beat for beat in here if _is_alive(beat, now)]
    recent = [beat for beat in here if now - beat.beat_at < FORGOTTEN_AFTER]
    return (*_losses(recent), *_failures(alive), *_stopped(here, now), *_strays(elsewhere))


def _why_no_rows(data: Data) -> Emptiness:
    beats = data.heartbeats()
    here = [beat for beat in beats if beat.database_fingerprint == data.fingerprint]
    if not beats:
        return Emptiness(Reason.NEVER_STARTED)
    if not here:
        return Emptiness(Reason.OTHER_DATABASE, beats[0].safe_url)
    failing = _failures(here)
    return Emptiness(Reason.NOT_WRITTEN, failing[0].detail) if failing else Emptiness(Reason.NO_CALLS_YET)


def _is_alive(beat: Heartbeat, now: datetime) -> bool:
    return beat.stopped_at is None and now - beat.beat_at < SILENT_AFTER


def _losses(beats: Sequence[Heartbeat]) -> list[Notice]:
    lost = sum(beat.lost for beat in beats)
    return [Notice(Trouble.LOST, count=lost)] if lost else []


def _failures(beats: Sequence[Heartbeat]) -> list[Notice]:
    failing = [beat for beat in beats if beat.waiting and beat.last_error and beat.stopped_at is None]
    waiting = sum(beat.waiting for beat in failing)
    return [Notice(Trouble.NOT_WRITTEN, failing[0].last_error or "", waiting)] if failing else []


def _stopped(beats: Sequence[Heartbeat], now: datetime) -> list[Notice]:
    proxies = [beat for beat in beats if beat.role == "proxy"]
    if not proxies or any(_is_alive(beat, now) for beat in proxies):
        return []
    last = max(beat.stopped_at or beat.beat_at for beat in proxies)
    return [Notice(Trouble.STOPPED, since=last)]


def _strays(beats: Sequence[Heartbeat]) -> list[Notice]:
    return [Notice(Trouble.OTHER_DATABASE, beats[0].safe_url)] if beats else []
