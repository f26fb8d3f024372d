"""The generator of large databases, and the check that answers from them are what the records say."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from sqlalchemy import Engine

from tests.bench.scale import equal
from tests.bench.scale.days import END, START
from tests.bench.scale.generate import generate
from tests.bench.scale.measure import sample
from tests.bench.scale.questions import questions
from usage_plugin.event import UsageEvent
from usage_plugin.store.write import write_events

CALLS = 4_000


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


def test_answers_are_what_the_records_say(engine: Engine, events: list[UsageEvent]) -> None:
    """Each kind of question, for large and rare values, gives what plain SQL over the records gives."""
    write_events(engine, events)
    for asked in sample(list(questions()), 27):
        answer, raw = asked.ask(engine, asked.question), equal.from_records(engine, asked, "UTC")
        assert equal.same(asked, answer, raw), asked.name
