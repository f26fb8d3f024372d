"""What detectors remember: stored and read again it is the same, step by step it says what one pass says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from tests.bench.detection_step import keep, learnt, measure, stepped
from usage_plugin.analysis.memory import SPEND_BY_DAY, SPEND_BY_HOUR, Profile, advance, begin, metric_every, run
from usage_plugin.detect.memory import Block, Memory, laid_out, recall
from usage_plugin.detect.series import Metric, Scope, Series
from usage_plugin.store.read import Granularity
from usage_plugin.time_zone import UTC_ZONE

HOUR = Granularity.HOUR
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def names(count: int, first: int = 0) -> tuple[Series, ...]:
    return tuple(Series(Metric.COST, HOUR, Scope("key", f"k{first + number}")) for number in range(count))


def drawn(series: int, length: int, seed: int = 1) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rng = np.random.default_rng(seed)
    values = rng.gamma(2.0, 2.0, (series, length))
    values[rng.random(values.shape) < 0.05] = np.nan
    values[:, -20] *= 8
    return values


@pytest.mark.parametrize("profile", [SPEND_BY_HOUR, SPEND_BY_DAY, metric_every(60)], ids=lambda each: each.name)
@settings(max_examples=8, deadline=None)
@given(cuts=st.sets(st.integers(1, 599), max_size=4), seed=st.integers(0, 50))
def test_in_pieces_it_is_what_it_is_at_once(profile: Profile, cuts: set[int], seed: int) -> None:
    """To the last bit, wherever the series is cut."""
    values, slots = drawn(3, 600, seed), np.arange(600) + 11
    whole = run(profile, values, slots)
    state, found = begin(profile, 3), []
    for part in np.split(np.arange(600), sorted(cuts)):
        state, seen = advance(profile, state, values[:, part], slots[part])
        found.append(seen.severity)
    np.testing.assert_array_equal(np.concatenate(found, axis=1), whole.severity)


def test_what_is_not_to_be_learnt_from_is_scored_only() -> None:
    """The points after it are judged as if it had been missing."""
    values = drawn(2, 500)
    lessons = values.copy()
    lessons[0, 300:330] = np.nan
    _, seen = advance(SPEND_BY_HOUR, begin(SPEND_BY_HOUR, 2), values, np.arange(500), lessons)
    missing = run(SPEND_BY_HOUR, lessons)
    np.testing.assert_array_equal(seen.severity[:, 330:], missing.severity[:, 330:])
    assert np.isfinite(seen.severity[0, 300:330]).any()
    np.testing.assert_array_equal(seen.severity[1], run(SPEND_BY_HOUR, values).severity[1])


def test_it_comes_back_from_the_store_as_it_was(engine: Engine) -> None:
    """All numbers, all names; a step after writes only pieces that changed, and nothing is lost."""
    memory = learnt(7, 500)
    keep(engine, memory)
    for hour in range(30):
        known = recall(engine, HOUR, UTC_ZONE)
        assert known is not None
        mine, theirs = known.blocks[SPEND_BY_HOUR.name], memory.blocks[SPEND_BY_HOUR.name]
        assert (mine.series, known.stepped_to) == (theirs.series, memory.stepped_to)
        np.testing.assert_array_equal(mine.state.pack(), theirs.state.pack())
        values = np.random.default_rng(hour).gamma(2.0, 2.0, 7)
        memory = stepped(memory, values, 500 + hour)
        after = stepped(known, values, 500 + hour)
        pieces = [each for each in laid_out(after, HOUR, UTC_ZONE, NOON) if each.profile.startswith("spend")]
        assert 0 < len(pieces) < len(after.blocks[SPEND_BY_HOUR.name].state.leaves()) / 16
        keep(engine, after)


def test_other_clocks_begin_anew(engine: Engine) -> None:
    """What was learnt by the hours of one zone says nothing of another's."""
    keep(engine, learnt(2, 48))
    assert recall(engine, HOUR, ZoneInfo("Asia/Tokyo")) is None
    assert recall(engine, Granularity.DAY, UTC_ZONE) is None
    assert recall(engine, HOUR, UTC_ZONE) is not None


def test_series_join_and_leave() -> None:
    """Who joins has learnt its past at the others' pace: it says what it would have said alone."""
    values, slots = drawn(5, 420), np.arange(420)
    old, _ = advance(SPEND_BY_HOUR, begin(SPEND_BY_HOUR, 3), values[:3, :400], slots[:400])
    block = Block(SPEND_BY_HOUR, names(3), old)
    later = begin(SPEND_BY_HOUR, 2)._replace(steps=400 - 250)
    new, _ = advance(SPEND_BY_HOUR, later, values[3:, 150:400], slots[150:400])
    kept = block.only([names(3)[2], names(3)[0], names(9)[8]])
    assert kept.series == (names(3)[2], names(3)[0])
    together = kept.joined(Block(SPEND_BY_HOUR, names(2, 3), new))
    _, seen = advance(SPEND_BY_HOUR, together.state, values[[2, 0, 3, 4], 400:], slots[400:])
    whole = run(SPEND_BY_HOUR, values).severity[:, 400:]
    np.testing.assert_array_equal(seen.severity[:2], whole[[2, 0]])
    late = np.concatenate([np.full((2, 150), np.nan), values[3:, 150:]], axis=1)
    np.testing.assert_allclose(seen.severity[2:], run(SPEND_BY_HOUR, late).severity[:, 400:], rtol=1e-6)


def test_an_hour_of_many_series_is_soon_done(sqlite: Engine) -> None:
    """A thousand here, in much less than the second that ten times as many may take (`make bench-detection`)."""
    assert sum(measure(sqlite, 1000)) < 1.0


def test_no_series_at_all_is_remembered(sqlite: Engine) -> None:
    """As of a database whose calls are all too few."""
    memory = learnt(1, 30)
    blocks = {name: replace(block, series=(), state=begin(block.profile, 0)) for name, block in memory.blocks.items()}
    keep(sqlite, Memory(NOON, blocks))
    known = recall(sqlite, HOUR, UTC_ZONE)
    assert known is not None
    assert known.stepped_to == NOON
    assert known.scopes == set()
