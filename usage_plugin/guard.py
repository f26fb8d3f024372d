"""One guard around everything that runs inside the proxy: log, count by stage, never raise into a request."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from usage_plugin.logs import get_logger

_log = get_logger(__name__)
OnError = Callable[[str, BaseException], None]


class Stage:
    """One run of one stage. A class, since it is entered for each hook and a generator takes three times as long."""

    __slots__ = ("_guard", "_name")

    def __init__(self, guard: Guard, name: str) -> None:
        self._guard, self._name = guard, name

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> bool:
        """Swallow what is no more than an ``Exception``: this is the one place that may."""
        if not isinstance(error, Exception):
            return False
        self._guard.note(self._name, error)
        return True


class Guard:
    """Swallow, log and count errors of our own code, so that no request of the host ever sees one.

    Args:
        on_error: Called with stage and error after counting. The test suite passes one that re-raises
            in the test; production passes none.
    """

    def __init__(self, on_error: OnError | None = None) -> None:
        self.errors_by_stage: Counter[str] = Counter()
        self.last_error: str | None = None
        self._on_error = on_error
        self._lock = threading.Lock()

    def stage(self, name: str) -> Stage:
        """Run one stage; an ``Exception`` in it ends the stage and goes no further."""
        return Stage(self, name)

    def note(self, stage: str, error: BaseException) -> None:
        """Count and log *error*: the first of a stage in full, then at powers of ten, so that a log cannot flood."""
        count = self.count(stage)
        with self._lock:
            self.last_error = f"{stage}: {type(error).__name__}: {error}"[:500]
        if str(count).rstrip("0") == "1":
            _log.error("usage_plugin_error", stage=stage, count=count, error=describe(error))
        if self._on_error is not None:
            self._on_error(stage, error)

    def count(self, stage: str) -> int:
        """Count an error that was logged elsewhere; gives the count of its stage."""
        with self._lock:
            self.errors_by_stage[stage] += 1
            return self.errors_by_stage[stage]


def describe(error: BaseException) -> str:
    """Say an error in one short line without a traceback; messages of ours never hold prompts or keys."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]
