"""The present moment in, which buckets are closed, where they stand on the clock, and which nobody recorded out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from usage_plugin.account import RECORDS, ProcessAccount
from usage_plugin.detect.options import Options
from usage_plugin.detect.table import Table
from usage_plugin.store import read
from usage_plugin.store.read import Granularity

HISTORY: Final = {Granularity.HOUR: timedelta(days=90), Granularity.DAY: timedelta(days=400)}
"""What a detector learns from at first."""
TIMED_HISTORY: Final = {Granularity.HOUR: timedelta(days=8), Granularity.DAY: timedelta(days=400)}
"""The same of latencies: of the hours of older days only single calls could tell."""
WAITS_AT_MOST: Final = timedelta(hours=6)
"""Calls that wait for the database longer than this are not waited for."""
GONE_AFTER: Final = timedelta(minutes=10)
"""Calls of a process that has been silent for so long come when somebody stores its spool, if ever."""
_A_MONDAY: Final = datetime(1970, 1, 5)


@dataclass(frozen=True, slots=True)
class Recorded:
    """When somebody recorded, and how far all calls are stored."""

    complete_until: datetime
    spans: tuple[tuple[datetime, datetime], ...] = ()
    """Lives of the processes that are known; of the time before the first nothing is known."""


def recorded(engine: Engine, now: datetime, options: Options) -> Recorded:
    """Ask the recording processes' accounts.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    accounts = [each for each in read.processes(engine) if each.role in RECORDS]
    living = [each for each in accounts if each.stopped_at is None and now - each.beat_at < GONE_AFTER]
    waiting = [each.oldest_waiting_at for each in living if each.waiting and each.oldest_waiting_at is not None]
    held = max(min(waiting, default=now), now - WAITS_AT_MOST)
    return Recorded(min(held, now - options.settles_after), tuple(_life(each) for each in accounts))


def closed_until(granularity: Granularity, known: Recorded, zone: ZoneInfo) -> datetime:
    """Give the end of the last bucket that is over and whose calls are there."""
    return granularity.floor(known.complete_until, zone)


def begin_of_history(granularity: Granularity, end: datetime, first_call: datetime, zone: ZoneInfo) -> datetime:
    """Give the first bucket to learn from: not before the first call."""
    return granularity.floor(max(end - HISTORY[granularity], first_call), zone)


def slots(granularity: Granularity, buckets: Sequence[datetime], zone: ZoneInfo) -> NDArray[np.int64]:
    """Give the place of each bucket on the wall clock: hours, or days, since a Monday's midnight."""
    since = (bucket.astimezone(zone).replace(tzinfo=None) - _A_MONDAY for bucket in buckets)
    return np.array([each // granularity.length for each in since], dtype=np.int64)


def unrecorded(table: Table, known: Recorded) -> NDArray[np.bool_]:
    """Say of each bucket whether nobody was there to record: no call at all, and no process that could have seen one.

    Args:
        table: Its first scope is all calls.
        known: Of the processes.
    """
    silent = table.calls[0] == 0
    if not known.spans:
        return np.zeros_like(silent)
    first = min(start for start, _ in known.spans)
    length = table.granularity.length
    alone = [
        bucket >= first and not any(start < bucket + length and end > bucket for start, end in known.spans)
        for bucket in table.buckets
    ]
    nobody: NDArray[np.bool_] = silent & np.array(alone, dtype=np.bool_)
    return nobody


def _life(account: ProcessAccount) -> tuple[datetime, datetime]:
    return account.started_at, account.stopped_at or account.beat_at
