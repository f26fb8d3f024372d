"""The detectors by name: a new one is an object with one method, and an entry in this tuple."""

from __future__ import annotations

from typing import Protocol

from numpy.typing import ArrayLike

from usage_plugin.analysis.detection import Detection
from usage_plugin.analysis.rolling import RollingZ, RollingZConfig, Season

_DAY = 24
_WEEK = 7 * _DAY


class Detector(Protocol):
    """Finds what was not expected."""

    @property
    def name(self) -> str:
        """What it is for."""
        ...

    def detect(self, values: ArrayLike, partial: int | None = None) -> Detection:
        """Score series of shape ``(series, time)``; *partial* is the index of a bucket that is not over yet."""
        ...


DAILY = RollingZ(
    "daily",
    RollingZConfig(
        seasons=(Season(period=7, visits=8, least=3),), level_window=7, scale_window=42, min_history=28, threshold=3.5
    ),
)
# Six, since a month has 720 hours: at 3.5 sigma heavy tails alone alarm several times in it.
HOURLY = RollingZ(
    "hourly",
    RollingZConfig(
        seasons=(Season(period=_WEEK, visits=6, least=2), Season(period=_DAY, visits=14, least=3)),
        level_window=_WEEK,
        scale_window=2 * _WEEK,
        min_history=3 * _WEEK,
        threshold=6.0,
    ),
)

DETECTORS: tuple[Detector, ...] = (DAILY, HOURLY)
