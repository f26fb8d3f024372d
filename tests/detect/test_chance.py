"""Of many series some are off by chance: those are taken back."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from usage_plugin.analysis.memory import SPEND_BY_HOUR, begin
from usage_plugin.detect.chance import discoveries, not_by_chance, p_values
from usage_plugin.detect.memory import Block
from usage_plugin.detect.series import Metric, Scope, Series
from usage_plugin.store.read import Granularity


def block(keys: int, teams: int = 0) -> Block:
    scopes = [Scope("key", f"k{number}") for number in range(keys)] + [Scope("team", f"t{at}") for at in range(teams)]
    series = tuple(Series(Metric.COST, Granularity.HOUR, scope) for scope in scopes)
    return Block(SPEND_BY_HOUR, series, begin(SPEND_BY_HOUR, len(series)))


def test_p_values_are_those_of_students_t() -> None:
    """Two-sided, with eight degrees of freedom."""
    z = np.array([0.0, 2.306, -5.0])
    np.testing.assert_allclose(p_values(z), 2 * stats.t.sf(np.abs(z), 8))
    assert p_values(np.array([2.306]))[0] == pytest.approx(0.05, abs=1e-4)


def test_discoveries_are_those_of_benjamini_and_hochberg() -> None:
    """Fifteen tests of their paper's example: four discoveries at 5 %."""
    p = np.array([0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719])
    found = discoveries(p, 15, 0.05)
    assert found.tolist() == [True] * 4 + [False] * 8
    assert discoveries(p[::-1].copy(), 15, 0.05).tolist() == found[::-1].tolist()
    assert not discoveries(np.array([0.04]), 15, 0.05).any()


def test_among_many_quiet_series_a_weak_alarm_is_chance() -> None:
    """The same alarm among few stays, and so does a loud one among many; another dimension is another family."""
    weak, loud = 1.02, 2.5

    def tested(keys: int, alarm: float, teams: int = 0) -> float:
        severity = np.zeros((keys + teams, 2))
        severity[0, 1] = -alarm
        channel = np.zeros(severity.shape, dtype=np.int8)
        return float(not_by_chance(block(keys, teams), severity, channel, 0.1)[0, 1])

    assert tested(20, weak) == -weak
    assert tested(20, weak, teams=500) == -weak
    assert tested(500, weak) == -1.0
    assert tested(500, loud) == -loud


def test_what_is_missing_is_no_test() -> None:
    """Series without a point are none among whom something could happen by chance."""
    severity = np.full((500, 1), np.nan)
    severity[0, 0] = 1.02
    tested = not_by_chance(block(500), severity, np.zeros((500, 1), dtype=np.int8), 0.1)
    assert tested[0, 0] == 1.02
    assert np.isnan(tested[1:]).all()
