"""The time, behind one seam: ``utc_now()`` in production, a FakeClock in tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Give the present moment, timezone-aware, in UTC."""
    return datetime.now(UTC)


def from_epoch_s(seconds: float) -> datetime:
    """Turn epoch seconds into a UTC moment (LiteLLM's ``startTime`` and ``endTime`` are such floats)."""
    return datetime.fromtimestamp(seconds, UTC)
