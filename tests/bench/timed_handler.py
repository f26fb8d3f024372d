"""The plugin's own handler in; the same one with a clock around each of its hooks, out; for a proxy under measurement.

A LiteLLM config names ``tests.bench.timed_handler.handler``. What was measured goes to the file that ``BENCH_DUMP``
names when the proxy stops.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.bench.timed_names import FLOOR, MOMENT
from usage_plugin import proxy_handler_instance
from usage_plugin.capture.handler import Usage_PROXY_Handler
from usage_plugin.hold.in_flight import Request
from usage_plugin.hold.spool import Spool

Spent = defaultdict[str, dict[str, tuple[int, int]]]
Moment = tuple[int, int]
"""By the wall, and by the processor as this thread used it: only the first knows of being put aside."""


def now_ns() -> Moment:
    """Look at both clocks."""
    return time.perf_counter_ns(), time.thread_time_ns()


class Clock:
    """Nanoseconds of the event loop's thread, by call and by hook, beside the floor at the same moments."""

    def __init__(self, folder: Path) -> None:
        self.spent: Spent = defaultdict(dict)
        self.line_bytes: list[int] = []
        self._loop_thread = threading.get_ident()
        self._file = os.open(folder / "floor", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def note(self, call_id: object, hook: str, began: Moment) -> None:
        """Add the time since then to a call's; what runs in another thread does not count."""
        wall_ns, used_ns = now_ns()
        if threading.get_ident() == self._loop_thread and call_id:
            call = self.spent[str(call_id)]
            before = call.get(hook, (0, 0))
            call[hook] = (before[0] + wall_ns - began[0], before[1] + used_ns - began[1])

    def measure_floor(self, call_id: object) -> None:
        """Append as many bytes to a file as a report has, with nothing around it."""
        line = bytes(self.line_bytes[-1] if self.line_bytes else 1000)
        began = now_ns()
        os.write(self._file, line)
        self.note(call_id, FLOOR, began)
        self.note(call_id, MOMENT, now_ns())

    def dump(self) -> None:
        """Write everything down."""
        Path(os.environ["BENCH_DUMP"]).write_text(json.dumps({"spent": self.spent, "line_bytes": self.line_bytes}))


def _call_id(values: tuple[Any, ...]) -> object:
    for value in values:
        if isinstance(value, Mapping) and value.get("litellm_call_id"):
            return value["litellm_call_id"]
    return None


def _timed(name: str, hook: Callable[..., Any]) -> Callable[..., Any]:
    """Put the clock around a hook; ours never wait, so all of the time between is the event loop's."""
    if inspect.iscoroutinefunction(hook):

        @functools.wraps(hook)
        async def timed(*values: Any, **named: Any) -> Any:
            began = now_ns()
            result = await hook(*values, **named)
            _noted(name, (*values, *named.values()), began)
            return result
    else:

        @functools.wraps(hook)
        def timed(*values: Any, **named: Any) -> Any:
            began = now_ns()
            result = hook(*values, **named)
            _noted(name, (*values, *named.values()), began)
            return result

    return timed


def _noted(name: str, values: tuple[Any, ...], began: Moment) -> None:
    call_id = _call_id(values)
    clock.note(call_id, name, began)
    if name == "async_log_success_event":
        clock.measure_floor(call_id)


def _hooks() -> dict[str, Callable[..., Any]]:
    ours = [each for each in Usage_PROXY_Handler.__mro__ if each.__module__ == Usage_PROXY_Handler.__module__]
    found = {name: hook for each in reversed(ours) for name, hook in vars(each).items()}
    return {name: _timed(name, hook) for name, hook in found.items() if name.startswith(("async_", "log_"))}


def _watch_the_end_of_requests() -> None:
    is_over = Request.is_over

    def timed(request: Request, task: object = None) -> None:
        began = now_ns()
        is_over(request, task)
        clock.note(request.key.split(" ")[0], "is_over", began)

    Request.is_over = timed  # type: ignore[assignment,method-assign]


def _watch_the_size_of_lines() -> None:
    append = Spool.append

    def watched(spool: Spool, kind: Any, payload: bytes) -> bool:
        clock.line_bytes.append(len(payload))
        return append(spool, kind, payload)

    Spool.append = watched  # type: ignore[assignment,method-assign]


def _dump_when_stopped() -> None:
    stop = handler.recorder.stop

    def dump_and_stop() -> None:
        clock.dump()
        stop()

    handler.recorder.stop = dump_and_stop  # type: ignore[method-assign]


clock = Clock(Path(os.environ["BENCH_DUMP"]).parent)
handler = proxy_handler_instance
# LiteLLM looks for hooks in the class itself, and lets a class so named see all calls.
handler.__class__ = type("Timed_PROXY_Handler", (Usage_PROXY_Handler,), _hooks())
_watch_the_end_of_requests()
_watch_the_size_of_lines()
_dump_when_stopped()
