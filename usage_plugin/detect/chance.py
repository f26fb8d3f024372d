"""How far series are off in one step in, those out that are likely no chance: many series are off by chance alone."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from usage_plugin.detect.memory import Block
from usage_plugin.detect.table import FloatArray

DEGREES = 8.0
"""Of the t-distribution that residuals have about."""


def p_values(z: FloatArray) -> FloatArray:
    """Give the chance of being so many standard deviations off, to either side."""
    found: FloatArray = 2.0 * stdtr(DEGREES, -np.abs(z))
    return found


def z_scores(block: Block, severity: FloatArray, channel: NDArray[np.int8]) -> FloatArray:
    """Give the robust standard deviations that severities stand for, at least: records ask for more than thresholds."""
    thresholds = block.profile.thresholds[:, 0]
    found: FloatArray = severity * thresholds[channel]
    return found


def not_by_chance(block: Block, severity: FloatArray, channel: NDArray[np.int8], false_share: float) -> FloatArray:
    """Take back alarms of a step that are likely chance, among the series of one metric and dimension.

    Args:
        block: Whose series they are.
        severity: Shape ``(series, time)``, NaN where nothing is scored.
        channel: Which channel spoke, of the same shape.
        false_share: Of those that stay, so many may be chance.

    Returns:
        The severities; those that are taken back are 1 or -1.

    Source: Benjamini & Hochberg (1995), "Controlling the False Discovery Rate".
    """
    tested = severity.copy()
    p = p_values(z_scores(block, severity, channel))
    for rows in _families(block):
        mine = np.abs(severity[rows]) > 1
        for at in np.flatnonzero(mine.any(axis=0)).tolist():
            alarms = rows[mine[:, at]]
            scored = int(np.isfinite(severity[rows, at]).sum())
            chance = alarms[~discoveries(p[alarms, at], scored, false_share)]
            tested[chance, at] = np.sign(severity[chance, at])
    return tested


def discoveries(p: FloatArray, tests: int, false_share: float) -> NDArray[np.bool_]:
    """Say which of the smallest p-values of so many tests are discoveries."""
    order = np.argsort(p)
    passes = np.flatnonzero(p[order] <= false_share * np.arange(1, len(p) + 1) / tests)
    found = np.zeros(len(p), np.bool_)
    if passes.size:
        found[order[: passes[-1] + 1]] = True
    return found


def _families(block: Block) -> list[NDArray[np.int64]]:
    def family(at: int) -> tuple[str, str, str]:
        series = block.series[at]
        return series.metric.value, series.scope.dimension, series.scope.second_dimension or ""

    ordered = sorted(range(len(block.series)), key=family)
    return [np.array(list(rows), np.int64) for _, rows in groupby(ordered, key=family)]
