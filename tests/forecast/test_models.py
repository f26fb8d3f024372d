"""Each model on weeks whose continuation is known."""

from __future__ import annotations

import numpy as np
import pytest

from usage_plugin.analysis.arrays import FloatArray
from usage_plugin.analysis.forecast.models import Model, paths

WEEK = np.array([4.0, 5, 6, 5, 4, 1, 0])
SEASONAL = (Model.SEASONAL_NAIVE, Model.ROBUST_LEVEL, Model.HOLT_WINTERS, Model.THETA, Model.MEDIAN)


def weeks_of(*levels: float) -> FloatArray:
    return np.stack([level * WEEK for level in levels])[None]


@pytest.mark.parametrize("model", Model)
def test_a_constant_goes_on(model: Model) -> None:
    """What was the same each day stays the same."""
    assert paths(np.full((1, 6, 7), 3.0), 10)[model] == pytest.approx(np.full((1, 10), 3.0))


@pytest.mark.parametrize("model", SEASONAL)
def test_equal_weeks_keep_their_shape(model: Model) -> None:
    """Days off stay low; shares are shrunk a little, and a week's sum is not changed by it."""
    made = paths(weeks_of(1, 1, 1, 1, 1, 1), 14)[model][0]
    assert made == pytest.approx(np.tile(WEEK, 2), abs=0.6)
    assert made.sum() == pytest.approx(2 * WEEK.sum())


@pytest.mark.parametrize("model", [Model.HOLT_WINTERS, Model.THETA])
def test_growth_goes_on(model: Model) -> None:
    """A line through the weeks is followed at least a part of its way."""
    made = paths(weeks_of(1, 1.2, 1.4, 1.6, 1.8, 2.0), 14)[model]
    assert 2 * 2.0 * WEEK.sum() * 1.02 < made.sum() < (2.2 + 2.4) * WEEK.sum() * 1.02


@pytest.mark.parametrize("model", [Model.ROBUST_LEVEL, Model.HOLT_WINTERS, Model.THETA, Model.MEDIAN])
def test_one_huge_day_is_not_the_new_normal(model: Model) -> None:
    """A day of a thousand days' spend in the last week changes the next month by less than its half."""
    weeks = weeks_of(1, 1, 1, 1, 1, 1)
    weeks[0, -1, 2] *= 1000
    assert paths(weeks, 28)[model].sum() == pytest.approx(4 * WEEK.sum(), rel=0.5)


def test_rare_spend_is_not_cut_away() -> None:
    """Where most days are zero, the others are what there is."""
    weeks = np.zeros((1, 6, 7))
    weeks[0, ::2, 3] = 10.0
    assert paths(weeks, 14)[Model.THETA].sum() > 5


def test_histories_do_not_know_of_each_other() -> None:
    """Many at once are what each is alone."""
    rng = np.random.default_rng(3)
    weeks = rng.gamma(2, 1, (5, 6, 7))
    together = paths(weeks, 9)
    for model in Model:
        alone = np.concatenate([paths(each[None], 9)[model] for each in weeks])
        assert together[model] == pytest.approx(alone, rel=1e-12)
