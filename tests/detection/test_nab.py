"""The benchmark's rules, by hand, and the shipped detector on the bundled part of it."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.detection.nab import (
    BUNDLED,
    NabSeries,
    interval_minutes,
    load,
    nab_score,
    on_grid,
    raw_score,
    scaled_sigmoid,
    told,
)
from usage_plugin.analysis.arrays import BoolArray

BEGIN = datetime(2026, 1, 1)
SERIES = NabSeries(
    "by hand",
    tuple(BEGIN + timedelta(minutes=5 * at) for at in range(1000)),
    np.zeros(1000),
    ((400, 499), (700, 749)),
)


def flags(*places: int) -> BoolArray:
    flagged = np.zeros(1000, dtype=bool)
    flagged[list(places)] = True
    return flagged


def test_nothing_is_0_and_the_first_point_of_each_window_is_100() -> None:
    """The two ends of the scale."""
    assert nab_score([SERIES], [flags()]) == 0.0
    assert nab_score([SERIES], [flags(400, 700)]) == pytest.approx(100.0)


def test_later_in_a_window_is_worth_less_and_only_the_earliest_counts() -> None:
    """Half way: (2 / (1 + e^-2.5) - 1) / 0.98661, however many follow."""
    half = (2 / (1 + math.exp(-2.5)) - 1) / (2 / (1 + math.exp(-5)) - 1)
    assert raw_score(SERIES, flags(450))[0] == pytest.approx(half - 1, abs=1e-12)
    assert raw_score(SERIES, flags(450, 460, 499))[0] == pytest.approx(half - 1, abs=1e-12)


def test_false_positives_cost_a_ninth_and_less_after_a_window() -> None:
    """0.11 before any window, 0.11 of the sigmoid after one, nothing while it learns."""
    assert raw_score(SERIES, flags(300))[0] == pytest.approx(-2 - 0.11)
    assert raw_score(SERIES, flags(500))[0] == pytest.approx(-2 + 0.11 * scaled_sigmoid(1 / 99))
    assert raw_score(SERIES, flags(999))[0] == pytest.approx(-2 - 0.11)
    assert raw_score(SERIES, flags(149))[0] == pytest.approx(-2)
    assert scaled_sigmoid(2.999) > -1.0 == scaled_sigmoid(3.0)


def test_points_lie_on_their_clock() -> None:
    """A gap is a gap, and two points of one interval come one after the other."""
    moments = tuple(BEGIN + timedelta(minutes=minutes) for minutes in (0, 5, 6, 30))
    series = NabSeries("uneven", moments, np.array([1.0, 2.0, 3.0, 4.0]), ())
    values, (columns,), first = on_grid([series], 5)
    assert columns.tolist() == [0, 1, 2, 6]
    assert first % 288 == 0
    assert np.isnan(values[0, 3:6]).all()
    assert interval_minutes(series) == 5


def test_the_benchmarks_own_repository_is_read_too(tmp_path: Path) -> None:
    """Series in ``data``, windows in ``labels``; a series that is not there is left out."""
    (tmp_path / "labels").mkdir()
    (tmp_path / "data" / "folder").mkdir(parents=True)
    lines = [f"{BEGIN + timedelta(hours=hour)},{hour}" for hour in range(40)]
    (tmp_path / "data" / "folder" / "one.csv").write_text("\n".join(["timestamp,value", *lines]))
    window = [str(BEGIN + timedelta(hours=hour)) + ".000000" for hour in (20, 29)]
    windows = {"folder/one.csv": [window], "folder/elsewhere.csv": []}
    (tmp_path / "labels" / "combined_windows.json").write_text(json.dumps(windows))
    (series,) = load(tmp_path)
    assert (series.name, series.windows, series.values[-1]) == ("folder/one.csv", ((20, 29),), 39.0)
    assert interval_minutes(series) == 60
    assert [len(flagged) for flagged in told([series])] == [40]


def test_the_shipped_detector_is_worth_its_score() -> None:
    """On some of the bundled series, each with what it is labelled with: well above the benchmark's baselines."""
    chosen = [each for each in load(BUNDLED) if "realTraffic/speed" in each.name or "rds_cpu" in each.name]
    assert len(chosen) == 5
    assert sum(len(each.windows) for each in chosen) == 11
    assert nab_score(chosen, told(chosen)) > 60
