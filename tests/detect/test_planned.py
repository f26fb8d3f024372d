"""What is planned is scored, and not learnt from: of those who are concerned, in the time that was planned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from usage_plugin.detect.planned import concerns, during, scope_of, taught
from usage_plugin.detect.series import Metric, Scope, Series
from usage_plugin.detect.table import MEASURES, Table
from usage_plugin.store.analysis_tables import PlannedEvent
from usage_plugin.store.read import Granularity

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEAM, KEY, PAIR = Scope("team", "search"), Scope("key", "k"), Scope("team", "search", "model", "m")


def event(first: float, last: float, dimension: str = "total", member: str | None = None) -> PlannedEvent:
    return PlannedEvent(
        name="launch",
        starts_at=NOON + first * HOUR,
        ends_at=NOON + last * HOUR,
        dimension=dimension,
        member=member,
        created_at=NOON,
    )


def lessons(*events: PlannedEvent) -> list[list[int]] | None:
    """Give the hours that each series is not taught."""
    scopes = (Scope(), TEAM, KEY, PAIR)
    buckets = tuple(NOON + at * HOUR for at in range(6))
    nothing = np.zeros((4, 6))
    table = Table(Granularity.HOUR, buckets, scopes, dict.fromkeys(MEASURES, nothing), nothing)
    series = [Series(Metric.COST, Granularity.HOUR, scope) for scope in scopes]
    found = taught(np.ones((4, 6)), series, table, events)
    return None if found is None else [np.flatnonzero(np.isnan(row)).tolist() for row in found]


def test_everybodys_event_is_nobodys_lesson() -> None:
    """Each hour that has a moment of it."""
    assert lessons(event(1.5, 3)) == [[1, 2]] * 4


def test_a_teams_event_is_the_teams_and_its_models() -> None:
    """Not the total's, which goes on to learn; nor a key's, of which nobody said whose it is."""
    assert lessons(event(1, 2, "team", "search")) == [[], [1], [], [1]]


def test_several_events_and_none() -> None:
    """Where none is near, the values are the lesson."""
    assert lessons(event(0, 1), event(4, 9, "key", "k")) == [[0], [0], [0, 4, 5], [0]]
    assert lessons(event(6, 7), event(-2, 0)) is None
    assert lessons(event(1, 2, "team", "sales")) is None


def test_whose_and_when() -> None:
    """The end is not inside."""
    assert concerns(event(0, 1, "model", "m"), PAIR)
    assert not concerns(event(0, 1, "model", "m"), TEAM)
    assert scope_of(event(0, 1)) == Scope()
    assert scope_of(event(0, 1, "key", "k")) == KEY
    assert not during(event(0, 1), NOON + HOUR, NOON + 2 * HOUR)
