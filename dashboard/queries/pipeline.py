"""The store and this machine's files in, what the recording says about itself out; also while the store is away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dashboard.data import Data, Look
from dashboard.frames import Recorded
from usage_plugin.account import ProcessAccount
from usage_plugin.errors import StoreError
from usage_plugin.hold.heartbeat import FORGOTTEN_AFTER
from usage_plugin.hold.local import local_accounts
from usage_plugin.store import read
from usage_plugin.store.read import Granularity
from usage_plugin.watch import (
    CLOSED_AFTER,
    NOT_ADDED_UP,
    Alert,
    Flow,
    State,
    alerts,
    behind,
    flow_of,
    merge,
    state_of,
)

SHOWN_MINUTES = 60
ORDER = (State.SILENT, State.RUNNING, State.STOPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Every process that recorded in the last day, and what should be known about them."""

    data: Data
    accounts: tuple[ProcessAccount, ...]
    states: tuple[State, ...]
    """One for each account."""
    alerts: tuple[Alert, ...]
    flow: Flow
    has_answered: bool
    """Whether the store was asked, too."""

    @property
    def is_empty(self) -> bool:
        """Whether no process has recorded."""
        return not self.accounts


def pipeline(data: Data, *, is_up: bool = True) -> Pipeline:
    """Ask for everything that processes say about themselves.

    Args:
        data: What is asked.
        is_up: Whether the store answered just now; one that did not is asked only where files say nothing.

    Raises:
        StoreError: It does not answer, and there are no files.
    """
    now = data.clock()
    local = local_accounts(data.settings)
    stored, has_answered = _stored(data, is_up=is_up, is_needed=not local)
    recent = [account for account in merge(stored, local) if now - account.beat_at < FORGOTTEN_AFTER]
    ordered = sorted(recent, key=lambda account: _place(account, state_of(account, now)))
    found = alerts(ordered, now, lag_limit_s=data.settings.pipeline_lag_limit_s)
    return Pipeline(
        data=data,
        accounts=tuple(ordered),
        states=tuple(state_of(account, now) for account in ordered),
        alerts=found,
        flow=flow_of(ordered, now),
        has_answered=has_answered,
    )


def recorded(look: Look) -> Recorded:
    """Ask how many calls were stored in each minute of the last hour, and how soon."""
    end = look.now.replace(second=0, microsecond=0) + read.MINUTE
    found = look.ask_heavy(read.recording, end - SHOWN_MINUTES * read.MINUTE, end)
    return Recorded(
        minutes=found.minutes,
        minute=timedelta(minutes=1),
        calls=found.calls,
        p50_s=found.p50_s,
        p95_s=found.p95_s,
        zone=look.zone,
        behind=_behind(look),
    )


def _behind(look: Look) -> Alert | None:
    before = Granularity.HOUR.floor(look.now - CLOSED_AFTER)
    calls = look.ask_heavy(read.not_added_up, before, NOT_ADDED_UP)
    return behind(calls, look.data.workers())


def _stored(data: Data, *, is_up: bool, is_needed: bool) -> tuple[tuple[ProcessAccount, ...], bool]:
    if not is_up and not is_needed:
        return (), False
    try:
        return read.processes(data.engine), True
    except StoreError:
        if is_needed:
            raise
        return (), False


def _place(account: ProcessAccount, state: State) -> tuple[int, str, str, int]:
    return ORDER.index(state), account.role, account.host, account.pid
