"""A proxy that is told to stop in, its queue of unreported calls handed to us and stored before it is gone, out.

LiteLLM reports calls from a queue and drops the queue when its worker stops: on SIGTERM uvicorn ends the process after
the lifespan without atexit. There is no hook for a logger, so its shutdown function, which the lifespan looks up by
name, is wrapped; a test with a real proxy fails when that moves.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
from collections.abc import Awaitable, Callable
from typing import Any

from usage_plugin.guard import Guard
from usage_plugin.hold.recorder import Recorder

# What a container's orchestrator waits before it kills is 10 s and more.
REPORT_WITHIN_S = 5.0
Shutdown = Callable[..., Awaitable[Any]]


def flush_on_shutdown(recorder: Recorder, guard: Guard) -> None:
    """Wrap the proxy's shutdown, so that it reports and stores first what is still in its queue."""
    with guard.stage("shutdown_hook"):
        from litellm.proxy import proxy_server  # noqa: PLC0415 - not there in a program without a proxy

        proxy_server.proxy_shutdown_event = _wrap(proxy_server.proxy_shutdown_event, recorder, guard)


def _wrap(shutdown: Shutdown, recorder: Recorder, guard: Guard) -> Shutdown:
    @functools.wraps(shutdown)
    async def flush_first(*args: Any, **kwargs: Any) -> Any:
        with guard.stage("report_queue"):
            await _report_queue()
        with guard.stage("shutdown"):
            await asyncio.to_thread(recorder.stop)
        return await shutdown(*args, **kwargs)

    return flush_first


def report_before_exit(guard: Guard) -> None:
    """Let a program's LiteLLM hand over what is in its queue before the recorder's own end.

    Both wait for the interpreter's exit, where the last one to register is the first.
    """

    def report() -> None:
        with guard.stage("report_queue"):
            from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER  # noqa: PLC0415

            GLOBAL_LOGGING_WORKER._flush_on_exit()  # a test fails when it moves

    atexit.register(report)


async def _report_queue() -> None:
    """Let LiteLLM hand over every call that it has not reported yet."""
    from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER  # noqa: PLC0415

    await asyncio.wait_for(GLOBAL_LOGGING_WORKER.flush(), REPORT_WITHIN_S)
