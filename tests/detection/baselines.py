"""Series in, alarms of detectors that others use out: what ours is measured beside."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator

import numpy as np
from scipy import stats

from usage_plugin.analysis.arrays import BoolArray, FloatArray

TINY = 1e-12
# 1 / the 75 % quantile of a normal distribution: makes a MAD estimate its standard deviation.
MAD_TO_SIGMA = 1.4826


def rolling_z(values: FloatArray, window: int, threshold: float = 3.0) -> BoolArray:
    """Flag what is more than so many standard deviations from the mean of the *window* points before."""
    padded = np.pad(values, ((0, 0), (1, 0)))
    first, second = np.cumsum(padded, axis=1), np.cumsum(padded**2, axis=1)
    mean = (first[:, window:-1] - first[:, : -window - 1]) / window
    variance = (second[:, window:-1] - second[:, : -window - 1]) / window - mean**2
    flagged = np.zeros(values.shape, dtype=bool)
    flagged[:, window:] = np.abs(values[:, window:] - mean) > threshold * np.sqrt(np.maximum(variance, TINY))
    return flagged


def seasonal_median(values: FloatArray, period: int, visits: int = 8, threshold: float = 3.0) -> BoolArray:
    """Flag what is so many MADs from the median of the same time in the periods before (hour of week, day of week)."""
    flagged = np.zeros(values.shape, dtype=bool)
    for at in range(3 * period, values.shape[1]):
        past = values[:, [at - period * visit for visit in range(1, min(visits, at // period) + 1)]]
        middle = np.nanmedian(past, axis=1)
        mad = MAD_TO_SIGMA * np.nanmedian(np.abs(past - middle[:, None]), axis=1)
        flagged[:, at] = np.abs(values[:, at] - middle) > threshold * np.maximum(mad, TINY)
    return flagged


def stl_residual(values: FloatArray, period: int, threshold: float = 3.5) -> BoolArray:
    """Flag large residuals of a robust STL over the whole series, which sees the future and so has an easier task."""
    return np.stack([_beyond(_stl(row, period), threshold) for row in values])


def _stl(row: FloatArray, period: int) -> FloatArray:
    from statsmodels.tsa.seasonal import STL

    residual: FloatArray = STL(row, period=period, robust=True).fit().resid
    return residual


def _beyond(residual: FloatArray, threshold: float) -> BoolArray:
    off = np.abs(residual - np.median(residual))
    beyond: BoolArray = off > threshold * max(MAD_TO_SIGMA * float(np.median(off)), TINY)
    return beyond


def seasonal_hybrid_esd(values: FloatArray, period: int, share: float = 0.02, alpha: float = 0.05) -> BoolArray:
    """Flag by the generalised ESD test, with median and MAD, what STL's season and the median leave: Twitter's S-H-ESD.

    Source: Hochenbaum, Vallis & Kejariwal (2017), "Automatic Anomaly Detection in the Cloud Via Statistical Learning".
    """
    from statsmodels.tsa.seasonal import STL

    rows = []
    for row in values:
        season = STL(row, period=period, robust=True).fit().seasonal
        rows.append(_esd(row - season - np.median(row), int(share * len(row)), alpha))
    return np.stack(rows)


def _esd(residual: FloatArray, most: int, alpha: float) -> BoolArray:
    left, order, last = residual.copy(), [], 0
    for number in range(1, most + 1):
        middle = np.nanmedian(left)
        off = np.abs(left - middle) / max(MAD_TO_SIGMA * float(np.nanmedian(np.abs(left - middle))), TINY)
        worst = int(np.nanargmax(off))
        count = len(residual) - number + 1
        t = stats.t.ppf(1 - alpha / (2 * count), count - 2)
        if off[worst] > (count - 1) * t / np.sqrt((count - 2 + t * t) * count):
            last = number
        order.append(worst)
        left[worst] = np.nan
    flagged = np.zeros(len(residual), dtype=bool)
    flagged[order[:last]] = True
    return flagged


def prophet(values: FloatArray, frequency: str, week: int, first: int) -> BoolArray:
    """Flag what lies outside of Prophet's 99 % interval, fitted anew each week from point *first* on."""
    for chatty in ("cmdstanpy", "prophet.plot"):
        logging.getLogger(chatty).disabled = True
    flagged = np.zeros(values.shape, dtype=bool)
    for series, row in enumerate(values):
        for start, lower, upper in _weeks(row, frequency, week, first):
            ahead = row[start : start + week]
            flagged[series, start : start + week] = (ahead < lower) | (ahead > upper)
    return flagged


def _weeks(row: FloatArray, frequency: str, week: int, first: int) -> Iterator[tuple[int, FloatArray, FloatArray]]:
    import pandas as pd
    from prophet import Prophet

    moments = pd.date_range("2026-01-05", periods=len(row), freq=frequency)
    for start in range(first, len(row), week):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = Prophet(interval_width=0.99, yearly_seasonality=False, daily_seasonality=frequency == "h")
            model.fit(pd.DataFrame({"ds": moments[:start], "y": row[:start]}))
            ahead = model.predict(pd.DataFrame({"ds": moments[start : start + week]}))
        yield start, ahead["yhat_lower"].to_numpy(), ahead["yhat_upper"].to_numpy()
