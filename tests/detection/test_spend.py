"""The generator makes what its labels say."""

from __future__ import annotations

import numpy as np
import pytest

from tests.detection.spend import HOURS_A_DAY, QUIET_DAYS, Benign, Event, Spend, by_day, generate, material
from usage_plugin.analysis.arrays import FloatArray


@pytest.fixture(scope="module")
def spend() -> Spend:
    return generate(7, 60)


def test_a_seed_makes_the_same_spend_whatever_is_made_beside_it(spend: Spend) -> None:
    """A tenant is its seed's and its number's own."""
    few = generate(7, 5)
    np.testing.assert_array_equal(few.cost_usd, spend.cost_usd[:5])
    assert few.labels == tuple(each for each in spend.labels if each.series < 5)
    assert (generate(8, 5).cost_usd != few.cost_usd).any()


def test_every_kind_of_event_and_of_benign_change_happens(spend: Spend) -> None:
    """None is left out, none before detectors may have learned, and there are about 0.9 events a month."""
    assert {each.event for each in spend.labels} == set(Event)
    assert {each[1] for each in spend.benign} == set(Benign)
    assert min(each.start for each in spend.labels) >= QUIET_DAYS * HOURS_A_DAY
    assert len(spend.labels) / (60 * 3) == pytest.approx(0.9, abs=0.15)


def test_events_show_in_the_dollars(spend: Spend) -> None:
    """A drop has no dollar, and after a switch each call costs more."""
    for each in spend.labels:
        row = spend.cost_usd[each.series]
        before = row[each.start - 7 * HOURS_A_DAY : each.start]
        if each.event is Event.DROP:
            assert not row[each.start : each.end].any()
        if each.event is Event.SWITCH and each.end - each.start == 7 * HOURS_A_DAY and before.sum() > 0:
            per_call = [cost.sum() / calls.sum() for cost, calls in _before_and_after(spend, each.series, each.start)]
            assert per_call[1] > 1.2 * per_call[0]


def _before_and_after(spend: Spend, series: int, at: int) -> list[tuple[FloatArray, FloatArray]]:
    week = 7 * HOURS_A_DAY
    parts = (slice(at - week, at), slice(at, at + week))
    return [(spend.cost_usd[series, part], spend.requests[series, part]) for part in parts]


def test_days_are_the_sum_of_their_hours_and_small_events_are_no_news_by_day(spend: Spend) -> None:
    """By day fewer events count, and each of these moves a day by half."""
    np.testing.assert_allclose(by_day(spend.cost_usd).sum(axis=1), spend.cost_usd.sum(axis=1))
    assert 0 < len(material(spend)) < len(spend.labels)
    assert min(each.share for each in material(spend)) >= 0.5
