"""Scores of flags that were made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.detection.scoring import Alarms, Score, score
from tests.detection.spend import Event, Label
from usage_plugin.analysis.arrays import BoolArray

SPIKE = Label(0, Event.SPIKE_DAY, 40, 41, 1.0)
LEAK = Label(1, Event.LEAK, 50, 60, 1.0)
SMALL = Label(1, Event.SPIKE_HOUR, 80, 81, 0.1)


def flags(*places: tuple[int, int]) -> BoolArray:
    flagged = np.zeros((2, 120), dtype=bool)
    for place in places:
        flagged[place] = True
    return flagged


def scored(flagged: BoolArray) -> Score:
    return score(flagged, [SPIKE, LEAK], [SMALL], first=30, gap=2, grace=2, points_a_day=1)


def test_both_found_and_nothing_else_is_perfect() -> None:
    """Flags shortly after an event, and at an event that need not be found, are not false."""
    result = scored(flags((0, 40), (1, 54), (1, 61), (1, 80)))
    assert result.f1 == 1.0
    assert result.false_alarms == 0.0
    assert result.delay == {Event.SPIKE_DAY: 0.0, Event.LEAK: 4.0}


def test_one_missed_and_one_false_alarm_are_counted() -> None:
    """One of two found, flags close together are one false alarm: F1 is 2 / (1 + 1 + 2)."""
    result = scored(flags((0, 40), (0, 70), (0, 72), (0, 10)))
    assert result.f1 == pytest.approx(2 / 4)
    assert result.false_alarms == pytest.approx(1 / (2 * 90 / 30.44))
    assert result.recall == {Event.SPIKE_DAY: (1, 1), Event.LEAK: (0, 1)}


def test_nothing_flagged_is_nothing_found() -> None:
    """No division by zero."""
    assert scored(flags()).f1 == 0.0


def test_scores_add_up() -> None:
    """Two seeds' scores together are those of all their series."""
    both = Score.of([scored(flags((0, 40))), scored(flags((1, 54), (0, 90)))])
    assert both.recall == {Event.SPIKE_DAY: (1, 2), Event.LEAK: (1, 2)}
    assert both.f1 == pytest.approx(2 * 2 / (2 + 1 + 4))
    assert both.false_alarms == pytest.approx(1 / (4 * 90 / 30.44))


def test_a_day_is_off_before_it_is_told() -> None:
    """What is off decides whether an event was found, when it is told how late that was."""
    alarms = Alarms(flags((0, 40), (1, 54)), flags((0, 43), (1, 54)))
    result = score(alarms, [SPIKE, LEAK], [], first=30, gap=2, grace=2, points_a_day=1)
    assert result.f1 == 1.0
    assert result.delay == {Event.SPIKE_DAY: 3.0, Event.LEAK: 4.0}
