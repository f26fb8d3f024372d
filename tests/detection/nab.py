"""Flags on the series of the Numenta Anomaly Benchmark in, its score (standard profile) out.

Source: Lavin & Ahmad (2015), "Evaluating Real-time Anomaly Detection Algorithms", and the benchmark's
``nab/sweeper.py`` (v1.1), whose rules these are: 15 % of a series are for learning (of 5,000 points at most); the
earliest flag in a window earns up to 1 by a sigmoid of its place; a missed window costs 1; each flag outside of windows
costs up to 0.11, less shortly after a window; a detector that flags nothing scores 0 and a perfect one 100.
"""

from __future__ import annotations

import csv
import json
import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from usage_plugin.analysis.arrays import BoolArray, FloatArray
from usage_plugin.analysis.memory import anomalies, metric_every, run

IntArray = NDArray[np.int64]
BUNDLED = Path(__file__).parents[1] / "data" / "nab_35.zip"
MINUTES_A_DAY = 24 * 60
A_MONDAY = datetime(1970, 1, 5)
FALSE_POSITIVE_WEIGHT = 0.11
PROBATION_SHARE = 0.15
PROBATION_OF_AT_MOST = 5000


@dataclass(frozen=True, slots=True)
class NabSeries:
    """One labelled series: windows are first and last index, both inside."""

    name: str
    moments: tuple[datetime, ...]
    values: FloatArray
    windows: tuple[tuple[int, int], ...]

    @property
    def probation(self) -> int:
        """Points at the begin that are not scored."""
        return int(PROBATION_SHARE * min(len(self.values), PROBATION_OF_AT_MOST))


def load(place: Path) -> list[NabSeries]:
    """Read the series that ``windows.json`` names and that are there.

    Args:
        place: A folder or a zip file; or the benchmark's own repository, with ``data`` and ``labels``.
    """
    folder = zipfile.Path(place) if place.suffix == ".zip" else place
    is_whole = (folder / "labels").is_dir()
    windows = json.loads((folder / ("labels/combined_windows.json" if is_whole else "windows.json")).read_text())
    data = folder / "data" if is_whole else folder
    return [_series(data, name, limits) for name, limits in sorted(windows.items()) if (data / name).exists()]


def _series(folder: Path | zipfile.Path, name: str, limits: Sequence[tuple[str, str]]) -> NabSeries:
    rows = list(csv.DictReader((folder / name).read_text().splitlines()))
    moments = tuple(datetime.fromisoformat(row["timestamp"]) for row in rows)
    place = {moment: at for at, moment in reversed(list(enumerate(moments)))}
    windows = tuple((place[datetime.fromisoformat(begin)], place[datetime.fromisoformat(end)]) for begin, end in limits)
    return NabSeries(name, moments, np.array([float(row["value"]) for row in rows]), windows)


def scaled_sigmoid(position: float) -> float:
    """Give the worth of a flag: -1 is the begin of a window, 0 its end, 3 and more far behind it."""
    return -1.0 if position >= 3 else 2 / (1 + math.exp(5 * position)) - 1


def worths(series: NabSeries) -> tuple[FloatArray, IntArray]:
    """Say for each point what a flag on it is worth, and which window it is in (-1: none, -2: not scored)."""
    worth, window = np.full(len(series.values), -FALSE_POSITIVE_WEIGHT), np.full(len(series.values), -1)
    for number, (first, last) in enumerate(series.windows):
        width = last - first + 1
        inside = np.arange(first, last + 1)
        worth[inside] = [scaled_sigmoid(-(last - at + 1) / width) / scaled_sigmoid(-1.0) for at in inside]
        window[inside] = number
        until = series.windows[number + 1][0] if number + 1 < len(series.windows) else len(worth)
        behind = np.arange(last + 1, until)
        worth[behind] = [FALSE_POSITIVE_WEIGHT * scaled_sigmoid((at - last) / (width - 1)) for at in behind]
    window[: series.probation] = -2
    return worth, window


def raw_score(series: NabSeries, flagged: BoolArray) -> tuple[float, int]:
    """Score one series.

    Returns:
        The sum of what its flags are worth, and how many windows count.
    """
    worth, window = worths(series)
    total = float(worth[flagged & (window == -1)].sum())
    numbers = [number for number in range(len(series.windows)) if (window == number).any()]
    for number in numbers:
        hits = worth[flagged & (window == number)]
        total += float(hits.max()) if hits.size else -1.0
    return total, len(numbers)


def nab_score(series: Sequence[NabSeries], flags: Sequence[BoolArray]) -> float:
    """Score all series: 0 is worth what flagging nothing is, 100 what flagging each window's first point is."""
    pairs = [raw_score(each, flagged) for each, flagged in zip(series, flags, strict=True)]
    total, windows = sum(raw for raw, _ in pairs), sum(count for _, count in pairs)
    return 100 * (total + windows) / (2 * windows)


def best_threshold(series: Sequence[NabSeries], scores: Sequence[FloatArray]) -> tuple[float, float]:
    """Give the best score at one threshold for all series, and the threshold: what the benchmark's own tables show."""
    candidates = np.unique(np.quantile(np.concatenate(list(scores)), np.linspace(0.9, 1, 400)))
    return max(
        (nab_score(series, [each >= threshold for each in scores]), float(threshold)) for threshold in candidates
    )


def on_grid(group: Sequence[NabSeries], minutes: int) -> tuple[FloatArray, list[IntArray], int]:
    """Lay series of one interval beside each other, each at its own time of the week.

    Returns:
        Values of shape ``(series, time)``, NaN where a series has no point; for each series the column of each of its
        points; and the slot of the first column, in intervals since a Monday.
    """
    week = 7 * MINUTES_A_DAY // minutes
    slots = [_slots(each, minutes) for each in group]
    columns = [each - each[0] // week * week for each in slots]
    first = min(int(each[0]) for each in columns)
    values = np.full((len(group), max(int(each[-1]) for each in columns) - first + 1), np.nan)
    for row, at, each in zip(values, columns, group, strict=True):
        row[at - first] = each.values
    return values, [each - first for each in columns], first


def _slots(series: NabSeries, minutes: int) -> IntArray:
    """Number the points by the clock; a point that shares its interval with the one before comes right after it."""
    slots, last = [], -1
    for moment in series.moments:
        last = max(last + 1, int((moment - A_MONDAY).total_seconds() // 60 // minutes))
        slots.append(last)
    return np.array(slots)


def interval_minutes(series: NabSeries) -> int:
    """Give the usual distance of two points: the divisor of a day that is nearest to the median."""
    usual = float(np.median(np.diff([moment.timestamp() for moment in series.moments]))) / 60
    return min(
        (each for each in range(1, MINUTES_A_DAY + 1) if MINUTES_A_DAY % each == 0), key=lambda m: abs(m - usual)
    )


def told(series: Sequence[NabSeries]) -> list[BoolArray]:
    """Flag what the shipped detector tells somebody of: the begin of each anomaly, and where it gets much worse."""
    flags: dict[str, BoolArray] = {}
    for minutes in sorted({interval_minutes(each) for each in series}):
        group = [each for each in series if interval_minutes(each) == minutes]
        profile = metric_every(minutes)
        values, columns, first = on_grid(group, minutes)
        flagged = np.zeros(values.shape, dtype=bool)
        for each in anomalies(profile, values, run(profile, values, range(first, first + values.shape[1]))):
            flagged[each.series, list(each.told)] = True
        flags |= {each.name: row[at] for each, row, at in zip(group, flagged, columns, strict=True)}
    return [flags[each.name] for each in series]


def windowed_gaussian(series: NabSeries, window: int = 1000) -> FloatArray:
    """Score as the benchmark's own baseline: the normal probability given mean and deviation of the points before."""
    values, scores = series.values, np.zeros(len(series.values))
    for at in range(1, len(values)):
        past = values[max(0, at - window) : at]
        scores[at] = 1 - stats.norm.sf(abs(values[at] - past.mean()) / (past.std() or 1e-6))
    return scores


def print_nab(series: Sequence[NabSeries]) -> None:
    """Print the scores of all and of each folder."""
    windows = sum(raw_score(each, np.zeros(len(each.values), dtype=bool))[1] for each in series)
    print(f"\nNumenta Anomaly Benchmark, standard profile: {len(series)} series, {windows} windows")
    flags = told(series)
    gaussian = [windowed_gaussian(each) for each in series]
    best, _ = best_threshold(series, gaussian)
    nothing = [np.zeros(len(each.values), dtype=bool) for each in series]
    print(f"{'ours, shipped':<38}{nab_score(series, flags):>6.1f}")
    print(f"{'windowed Gaussian, best threshold':<38}{best:>6.1f}   (published for all 58 series: 39.6)")
    print(f"{'flags nothing':<38}{nab_score(series, nothing):>6.1f}")
    for folder in sorted({each.name.split("/")[0] for each in series}):
        inside = [(each, flagged) for each, flagged in zip(series, flags, strict=True) if each.name.startswith(folder)]
        missed, false = map(sum, zip(*(misses(*pair) for pair in inside), strict=True))
        print(f"  {folder:<36} {len(inside)} series, {missed} windows missed, {false} false alarms")


def misses(series: NabSeries, flagged: BoolArray) -> tuple[int, int]:
    """Count windows without a flag, and flags outside of windows."""
    _, window = worths(series)
    numbers = {int(number) for number in window if number >= 0}
    return len(numbers - set(window[flagged].tolist())), int((flagged & (window == -1)).sum())
