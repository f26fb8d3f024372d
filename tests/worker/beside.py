"""A worker beside a test: started, waited for, and stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from usage_plugin.worker import Work, run


def wait_for(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something is so."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, "it never happened"
        time.sleep(0.02)


@contextmanager
def running(work: Work) -> Iterator[None]:
    """Let a worker run beside the test."""
    thread = threading.Thread(target=run, args=(work,))
    thread.start()
    try:
        yield
    finally:
        work.stop.set()
        thread.join(20)
        assert not thread.is_alive()
