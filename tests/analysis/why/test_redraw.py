"""A series without its driver: what is left is what the others had."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from usage_plugin.analysis.why import without

AMOUNTS = arrays(np.int64, st.tuples(st.integers(1, 5), st.integers(1, 20)), elements=st.integers(-(10**16), 10**16))


@given(AMOUNTS, st.data())
def test_what_is_left_is_what_the_others_had(members: NDArray[np.int64], data: st.DataObject) -> None:
    """To the unit, beyond what a float can hold, for any number of drivers."""
    drivers = data.draw(st.integers(0, len(members)))
    left = without(members.sum(axis=0), members[:drivers])
    assert left.dtype == np.int64
    np.testing.assert_array_equal(left, members[drivers:].sum(axis=0))


def test_a_driver_by_hand() -> None:
    """A driver of 1, 50, 60 in a series of 11, 62, 70 leaves 10, 12, 10; its usual 1 a point can stay."""
    series, driver = np.array([11, 62, 70]), np.array([1, 50, 60])
    np.testing.assert_array_equal(without(series, driver), [10, 12, 10])
    np.testing.assert_array_equal(without(series, driver, np.array([1, 1, 1])), [11, 13, 11])


def test_a_missing_point_of_the_series_stays_missing() -> None:
    """A gap of the driver is nothing that could be taken away."""
    series, driver = np.array([10.0, np.nan, 30.0]), np.array([np.nan, 5.0, 20.0])
    np.testing.assert_array_equal(without(series, driver), [10.0, np.nan, 10.0])


def test_other_points_are_our_own_mistake() -> None:
    """Shapes that would be stretched silently are refused."""
    with pytest.raises(ValueError, match="members have the shape"):
        without(np.zeros(3), np.zeros(1))
    with pytest.raises(ValueError, match="members have the shape"):
        without(np.zeros(3), np.zeros((2, 2, 3)))
