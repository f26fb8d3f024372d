"""Settings in, a file that says that this process lives, and which database it uses, for ``usage-plugin doctor``."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from usage_plugin.account import Role
from usage_plugin.clock import Clock, utc_now
from usage_plugin.hold.heartbeat import (
    Heartbeat,
    of_this_process,
    prune_heartbeats,
    state_dirs,
    write_heartbeat_anywhere,
)
from usage_plugin.settings import Settings

BEAT_EVERY_S = 10.0


@contextmanager
def beating(settings: Settings, role: Role, *, clock: Clock = utc_now, every_s: float = BEAT_EVERY_S) -> Iterator[None]:
    """Beat while the block runs, and say at its end that it has ended. A folder that cannot be written is no error.

    For processes that record nothing themselves; those that do say more.
    """
    stop = threading.Event()
    now = clock()
    first = of_this_process(settings, role, started_at=now, beat_at=now)
    thread = threading.Thread(target=_beat, args=(settings, first, clock, stop, every_s), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _beat(settings: Settings, first: Heartbeat, clock: Clock, stop: threading.Event, every_s: float) -> None:
    with suppress(OSError):
        prune_heartbeats(state_dirs(settings), clock())
    _write(settings, first)
    while not stop.wait(every_s):
        _write(settings, replace(first, beat_at=clock()))
    _write(settings, replace(first, beat_at=clock(), stopped_at=clock()))


def _write(settings: Settings, beat: Heartbeat) -> None:
    with suppress(OSError):
        write_heartbeat_anywhere(state_dirs(settings), beat)
