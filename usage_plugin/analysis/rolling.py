"""Series in, a Detection out: a rolling, seasonal, robust z-score that looks at the past of each point only."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from usage_plugin.analysis.arrays import FloatArray, as_series, past_windows, shifted
from usage_plugin.analysis.detection import Detection, judge
from usage_plugin.analysis.robust import median_of, robust_z, scale_of

_SERIES_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Season:
    """A rhythm that repeats after *period* points; known from the last *visits*, once *least* of them are there."""

    period: int
    visits: int
    least: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingZConfig:
    """What a rolling z-score is made with; all counts are in points of the series.

    Attributes:
        seasons: Rhythms in the order of preference; a point takes the first that is known well enough, else none.
        level_window: Past points whose median is the level: one whole week, so that no season is left in it.
        scale_window: Past residuals that the scale is taken of.
        min_history: Past points that a point needs to be scored.
        threshold: Robust standard deviations outside of which a point is flagged. 3.5 is Iglewicz & Hoaglin's (1993).
        scale_floor: Least scale as a share of the level, so that a near-constant series does not alarm on cents.
        stabilise: Score square roots, whose spread does not grow with the level; for what cannot be negative.
    """

    seasons: tuple[Season, ...] = field(default=())
    level_window: int
    scale_window: int
    min_history: int
    threshold: float = 3.5
    scale_floor: float = 0.02
    stabilise: bool = True


@dataclass(frozen=True, slots=True)
class RollingZ:
    """A detector by rolling z-score: ``expected = level + season``, ``z = residual / scale``, all from the past."""

    name: str
    config: RollingZConfig

    def detect(self, values: ArrayLike, partial: int | None = None) -> Detection:
        """Score each point against what its past lets expect.

        Args:
            values: Shape ``(time,)`` or ``(series, time)``, equally spaced; NaN is a missing point, not a zero.
            partial: Time index of a bucket that is not over yet: it gets a band, no score. May be negative.

        Returns:
            A detection of shape ``(series, time)``, its band in the unit of *values*.

        Raises:
            ValueError: More than two dimensions, or *partial* lies outside the series.
        """
        given = as_series(values)
        history = given.copy()
        if partial is not None:
            _check_partial(partial, given.shape[1])
            history[:, partial] = np.nan
        stable = np.sqrt(np.maximum(history, 0)) if self.config.stabilise else history
        parts = np.array_split(stable, max(1, -(-len(stable) // _SERIES_AT_ONCE)))
        expected, scale = (np.concatenate(part) for part in zip(*map(self._model, parts), strict=True))
        return self._detection(given, history, stable, expected, scale)

    def _model(self, stable: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Give expectation and scale, from the past of each point."""
        config = self.config
        level = median_of(past_windows(stable, config.level_window), least=(config.level_window + 1) // 2)
        expected = level + self._season(stable - level)
        residuals = past_windows(stable - expected, config.scale_window)
        scale = scale_of(residuals, least=config.level_window)
        return expected, np.maximum(scale, config.scale_floor * _size(stable, expected, level))

    def _season(self, detrended: FloatArray) -> FloatArray:
        """Give what the rhythm adds: the median of the last visits of the first season known well enough, else 0."""
        season = np.zeros_like(detrended)
        for each in reversed(self.config.seasons):
            visits = [shifted(detrended, each.period * visit) for visit in range(1, each.visits + 1)]
            known = median_of(np.stack(visits, axis=-1), each.least)
            season = np.where(np.isfinite(known), known, season)
        return season

    def _detection(
        self, given: FloatArray, history: FloatArray, stable: FloatArray, expected: FloatArray, scale: FloatArray
    ) -> Detection:
        past_count = np.cumsum(np.isfinite(history), axis=1) - np.isfinite(history)
        known = past_count >= self.config.min_history
        z = np.where(known, robust_z(stable, expected, scale), np.nan)
        width = self.config.threshold * np.where(known, scale, np.nan)
        return Detection(
            values=given,
            expected=self._in_unit(expected),
            lower=self._in_unit(expected - width),
            upper=self._in_unit(expected + width),
            z=z,
            flagged=np.abs(z) > self.config.threshold,
            verdicts=judge(history, np.isfinite(z)),
        )

    def _in_unit(self, stable: FloatArray) -> FloatArray:
        return np.square(np.maximum(stable, 0)) if self.config.stabilise else stable


def _size(stable: FloatArray, expected: FloatArray, level: FloatArray) -> FloatArray:
    """Say how large the series is, for the floor of its scale: where all was zero before, as large as the point is."""
    size: FloatArray = np.fmax(np.abs(expected), np.abs(level))
    return np.where(size > 0, size, np.abs(stable))


def _check_partial(partial: int, steps: int) -> None:
    if not -steps <= partial < steps:
        msg = f"partial = {partial} lies outside a series of {steps} points"
        raise ValueError(msg)
