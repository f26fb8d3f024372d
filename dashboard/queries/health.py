"""A look at store and heartbeats in, the reason why a page is empty, stale or broken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dashboard.data import Data, Look
from dashboard.filters import RANGES, Filters
from dashboard.queries.pipeline import Pipeline, pipeline
from usage_plugin.errors import NoLongerKept, StoreError
from usage_plugin.hold.heartbeat import Heartbeat
from usage_plugin.store.migrate import SchemaState
from usage_plugin.watch import Alert, State, state_of

NOT_A_DATABASE = "file is not a database"
"""SQLite's own words."""


class Reason(StrEnum):
    """Why there is nothing to show."""

    NO_MATCH = "no_match"
    NO_CALLS_IN_RANGE = "no_calls_in_range"
    NO_CALLS_YET = "no_calls_yet"
    NEVER_STARTED = "never_started"
    OTHER_DATABASE = "other_database"
    NOT_WRITTEN = "not_written"
    DEMO_MISSING = "demo_missing"
    SCHEMA_MISSING = "schema_missing"
    SCHEMA_BEHIND = "schema_behind"
    SCHEMA_AHEAD = "schema_ahead"
    NOT_A_DATABASE = "not_a_database"
    NO_LONGER_KEPT = "no_longer_kept"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Emptiness:
    """Why there is nothing to show, with what the explanation needs to name."""

    reason: Reason
    detail: str = ""
    latest: datetime | None = None
    kept_range: str = ""
    """The longest named range of which everything can be told; empty where there is none."""


class Trouble(StrEnum):
    """What a reader of full pages has to know as well."""

    PIPELINE = "pipeline"
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
    is_serious: bool = False
    """Whether calls are missing."""


def why_empty(look: Look, filters: Filters) -> Emptiness:
    """Say why no call is shown."""
    if look.newest.row_id:
        reason = Reason.NO_MATCH if filters.count else Reason.NO_CALLS_IN_RANGE
        return Emptiness(reason, filters.words(look.zone), _local(look.data, look.newest.completed_at))
    return _why_no_rows(look.data)


def why_broken(data: Data, error: StoreError) -> Emptiness:
    """Say why the store could not be asked, or cannot tell any more."""
    if isinstance(error, NoLongerKept):
        return Emptiness(Reason.NO_LONGER_KEPT, str(error), kept_range=_kept_range(data, error.since))
    try:
        state = data.schema()
    except StoreError as cause:
        known = Reason.NOT_A_DATABASE if NOT_A_DATABASE in str(cause) else Reason.UNAVAILABLE
        return Emptiness(known, str(cause))
    if data.demo and state in (SchemaState.EMPTY, SchemaState.BEHIND):
        return Emptiness(Reason.DEMO_MISSING)
    reasons = {
        SchemaState.EMPTY: Reason.SCHEMA_MISSING,
        SchemaState.BEHIND: Reason.SCHEMA_BEHIND,
        SchemaState.AHEAD: Reason.SCHEMA_AHEAD,
    }
    return Emptiness(reasons.get(state, Reason.UNAVAILABLE), str(error))


def _kept_range(data: Data, since: datetime | None) -> str:
    if since is None:
        return ""
    return next((name for name, length in reversed(RANGES.items()) if data.clock() - length >= since), "")


def notices(data: Data, *, is_up: bool = True) -> tuple[Notice, ...]:
    """Say what is wrong while figures are shown: the recording's alerts, a full stop, another database.

    While the store is away, only the first of them.

    Args:
        data: What is asked.
        is_up: Whether the store answered just now.
    """
    if data.demo:
        return ()
    try:
        found = pipeline(data, is_up=is_up)
    except StoreError:  # said by the page itself
        return ()
    if not is_up:
        return tuple(_alarms(found.alerts))
    here = [beat for beat in data.heartbeats() if beat.database_fingerprint == data.fingerprint]
    elsewhere = [beat for beat in data.heartbeats() if beat.database_fingerprint != data.fingerprint]
    alive = [beat for beat in elsewhere if state_of(beat, data.clock()) is State.RUNNING]
    return (*_alarms(found.alerts), *_stopped(found, here), *_strays(alive))


def _why_no_rows(data: Data) -> Emptiness:
    beats = data.heartbeats()
    here = [beat for beat in beats if beat.database_fingerprint == data.fingerprint]
    if not beats:
        return Emptiness(Reason.NEVER_STARTED)
    if not here:
        return Emptiness(Reason.OTHER_DATABASE, beats[0].safe_url)
    failing = next((beat for beat in here if beat.waiting and beat.last_error and beat.stopped_at is None), None)
    return Emptiness(Reason.NOT_WRITTEN, failing.last_error or "") if failing else Emptiness(Reason.NO_CALLS_YET)


def _alarms(alerts: Sequence[Alert]) -> list[Notice]:
    if not alerts:
        return []
    worst = alerts[0]
    return [Notice(Trouble.PIPELINE, worst.what, len(alerts) - 1, is_serious=worst.is_serious)]


def _stopped(found: Pipeline, beats: Sequence[Heartbeat]) -> list[Notice]:
    """Say that the last proxy has stopped, also long ago; one that is silent is an alert."""
    recent = [state for account, state in zip(found.accounts, found.states, strict=True) if account.role == "proxy"]
    proxies = [account for account in (*found.accounts, *beats) if account.role == "proxy"]
    if not proxies or any(state is not State.STOPPED for state in recent):
        return []
    last = max(account.stopped_at or account.beat_at for account in proxies)
    return [Notice(Trouble.STOPPED, since=_local(found.data, last))]


def _local(data: Data, moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(data.zone)


def _strays(beats: Sequence[Heartbeat]) -> list[Notice]:
    return [Notice(Trouble.OTHER_DATABASE, beats[0].safe_url)] if beats else []
