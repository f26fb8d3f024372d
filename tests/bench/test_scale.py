"""The generator of large databases, and the check that answers from them are what the records say."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Engine

from tests.bench.scale import equal
from tests.bench.scale.days import END, START
from tests.bench.scale.events import Callers, to_events
from tests.bench.scale.generate import drawn, generate
from tests.bench.scale.measure import sample
from tests.bench.scale.population import world
from tests.bench.scale.questions import questions
from usage_plugin.event import UsageEvent
from usage_plugin.store.sheets.build import add_up
from usage_plugin.store.write import write_events
from usage_plugin.store.zones import UTC_ZONE

CALLS = 4_000
LATER = END + timedelta(days=7)
"""When most of the calls are added up by the day."""


@pytest.fixture(scope="module")
def events() -> list[UsageEvent]:
    return list(generate(CALLS))


def test_the_same_seed_gives_the_same_calls(events: list[UsageEvent]) -> None:
    """Whoever builds a database gets the same one, and another seed gives another."""
    assert list(generate(CALLS)) == events
    assert next(generate(CALLS, seed=8)) != events[0]


def test_calls_come_in_order_each_once_within_the_time(events: list[UsageEvent]) -> None:
    """There are as many as asked for, with keys of their own, from the first day to the last."""
    moments = [event.timing.completed_at for event in events]
    assert len({event.event_key for event in events}) == CALLS
    assert all(earlier <= later for earlier, later in pairwise(moments))
    assert START <= moments[0] < moments[-1] < END
    assert (END - moments[-1]).days == (moments[0] - START).days == 0


def test_traffic_is_skewed(events: list[UsageEvent]) -> None:
    """A few keys and models make most of the calls, many make few."""
    for values in ((event.who.api_key_hash for event in events), (event.model for event in events)):
        ranked = [count for _, count in Counter(values).most_common()]
        assert sum(ranked[: len(ranked) // 10]) > CALLS / 2
        assert ranked[len(ranked) // 2] < CALLS / 500


def test_answers_are_what_the_records_say(engine: Engine) -> None:
    """Each kind of question, for large and rare values, gives what plain SQL gives, added up before or not."""
    callers = Callers(world())
    days = (calls for _, calls in drawn(16_000, since=END - timedelta(days=14)))
    write_events(engine, [event for calls in days for event in to_events(callers, calls)])
    asked = sample(list(questions()), 18)
    raw = [equal.from_records(engine, each, "UTC") for each in asked]
    for _ in range(2):
        for each, expected in zip(asked, raw, strict=True):
            assert equal.same(each, each.ask(engine, each.question), expected), each.name
        add_up(engine, LATER, UTC_ZONE)
