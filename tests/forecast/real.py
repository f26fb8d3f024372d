"""A real series in, how sums of it were forecast at each of its days out: the hourly demand for electricity of a state.

There is no public series of what people spend on language models over months. This one is real, has days, weeks, heat
waves and holidays, and comes with a package that is installed for other measurements: statsmodels' own test data
(``tsa/stl/tests/results/mstl_elec_vic.csv``: Victoria, 150 days of 2012, from the Australian Energy Market Operator).
One series tells little about the shares within intervals, since its days err alike.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from tests.forecast.measure import DAYS_A_MONTH, Asked
from tests.forecast.whole import Moment
from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.outlook.history import HOURS_A_DAY

FILE: Final = Path("tsa", "stl", "tests", "results", "mstl_elec_vic.csv")


def electricity() -> FloatArray | None:
    """Give demand of shape ``(days, 24)``; ``None`` where the package is not installed."""
    package = find_spec("statsmodels")
    if package is None or package.origin is None:
        return None
    with (Path(package.origin).parent / FILE).open(encoding="utf-8") as file:
        values = [float(row["y"]) for row in csv.DictReader(file)]
    return np.array(values[: len(values) // HOURS_A_DAY * HOURS_A_DAY]).reshape(-1, HOURS_A_DAY)


def sums_of(hours: FloatArray, known_days: int, ahead: int) -> Iterator[Asked]:
    """Ask at each day that has so many days before it and after it."""
    daily = hours.sum(1)
    for day in range(known_days, len(daily) - ahead + 1):
        yield Asked(daily[day - known_days : day], daily[day : day + ahead], DAYS_A_MONTH)


def moments_of(hours: FloatArray, hour: int, days_after: int, known_days: int) -> Iterator[Moment]:
    """Ask at an hour of each such day."""
    for day in range(known_days, len(hours) - days_after):
        yield Moment(hours[day - known_days : day + 1 + days_after], known_days, hour)
