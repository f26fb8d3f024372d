"""LiteLLM's several clocks in, moments in UTC and wall milliseconds out.

``startTime`` is the last attempt's start for plain calls and the request's start for streams, and ``response_time`` is
a duration for the one and the time to first token for the other. Only the moment of receipt is the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from usage_plugin.capture.values import count, moment, number
from usage_plugin.event import Timing

MAX_ATTEMPTS = 1000


def read_timing(
    payload: Mapping[str, Any], metadata: Mapping[str, Any], *, now: datetime, finished: datetime | None = None
) -> Timing:
    """Say when a call happened and how long it took.

    Args:
        payload: LiteLLM's ``standard_logging_object``; may be empty.
        metadata: The request's metadata, with ``litellm_received_at`` for calls through the proxy.
        now: The present moment, where nothing else is known.
        finished: When the request ended, where that is not the payload's ``endTime``.
    """
    completed = finished or moment(payload.get("endTime")) or now
    start = moment(payload.get("startTime"))
    received = moment(metadata.get("litellm_received_at")) or start or completed
    received = min(received, completed)
    started = min(max(first_dispatch(metadata) or start or received, received), completed)
    queued_s = number(metadata.get("queue_time_seconds"))
    return Timing(
        received_at=received,
        started_at=started,
        completed_at=completed,
        latency_ms=milliseconds(received, completed),
        ttft_ms=_ttft_ms(payload, received),
        queue_ms=None if queued_s is None or queued_s < 0 else queued_s * 1000,
    )


def first_dispatch(metadata: Mapping[str, Any]) -> datetime | None:
    """Give the start of the first attempt that reached a provider."""
    windows = _windows(metadata)
    first = windows[0] if windows else None
    return moment(first[0]) if isinstance(first, list | tuple) and first else None


def attempts_made(metadata: Mapping[str, Any]) -> int:
    """Count the attempts of a request: each leaves one window."""
    retries = min(count(metadata.get("attempted_retries")), MAX_ATTEMPTS)
    return max(len(_windows(metadata)), retries + 1)


def _windows(metadata: Mapping[str, Any]) -> Sequence[Any]:
    windows = metadata.get("llm_api_timing_windows")
    return windows[:MAX_ATTEMPTS] if isinstance(windows, list | tuple) else ()


def milliseconds(start: datetime, end: datetime) -> float:
    """Measure from *start* to *end*."""
    return round((end - start).total_seconds() * 1000, 3)


def _ttft_ms(payload: Mapping[str, Any], received: datetime) -> float | None:
    """Only a stream has a first token before its end."""
    first_token = moment(payload.get("completionStartTime"))
    if payload.get("stream") is not True or first_token is None or first_token < received:
        return None
    return milliseconds(received, first_token)
