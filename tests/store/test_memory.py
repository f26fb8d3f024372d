"""What a connection to SQLite may remember of what calls share, and what makes it forget."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from usage_plugin.errors import StoreRefused
from usage_plugin.store.database import connect
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

# As a restored backup would: the number of one team becomes that of another, and the first team has none.
ANOTHER_MEANING = text("UPDATE usage_caller SET content_key = x'00', team_id = 'other' WHERE team_id = 'blue'")
TEAMS = "SELECT team_id FROM usage_record ORDER BY id"
Write = Callable[[Engine], None]


@pytest.fixture
def sqlite_engine(migrated_sqlite_url: str) -> Iterator[Engine]:
    engine = connect(migrated_sqlite_url)
    yield engine
    engine.dispose()


@contextmanager
def _looked_up(engine: Engine) -> Iterator[list[str]]:
    """Collect the numbers that are looked up meanwhile."""
    statements: list[str] = []

    def trace(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.set_trace_callback(lambda each: statements.append(each) if "content_key =" in each else None)

    event.listen(engine, "checkout", trace)
    yield statements
    event.remove(engine, "checkout", trace)


def _by_itself(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(ANOTHER_MEANING)


def _by_another(engine: Engine) -> None:
    other = connect(engine.url.render_as_string(hide_password=False))
    _by_itself(other)
    other.dispose()


def _in_vain(engine: Engine) -> None:
    with pytest.raises(StoreRefused):
        write_events(engine, [make_event(team_id="blue"), make_event(prompt_tokens=2**70)])
    _by_another(engine)


def test_what_nobody_has_touched_is_not_looked_up_again(sqlite_engine: Engine) -> None:
    """The next batch of the same callers asks for what is new only."""
    write_events(sqlite_engine, [make_event(team_id="blue", tags=("a",))])
    with _looked_up(sqlite_engine) as statements:
        write_events(sqlite_engine, [make_event(team_id="blue", tags=("a",))])
        assert statements == []
        write_events(sqlite_engine, [make_event(team_id="green", tags=("a",))])
        assert {each.split()[3] for each in statements} == {"usage_caller", "usage_payer"}


@pytest.mark.parametrize("change", [_by_itself, _by_another, _in_vain])
def test_a_number_that_means_something_else_is_not_used(sqlite_engine: Engine, change: Write) -> None:
    """Whoever wrote to the database meanwhile, on the same connection or on another, calls keep their teams."""
    write_events(sqlite_engine, [make_event(team_id="blue")])
    change(sqlite_engine)
    write_events(sqlite_engine, [make_event(team_id="blue")])
    with sqlite_engine.connect() as connection:
        assert connection.execute(text(TEAMS)).scalars().all() == ["other", "blue"]


def test_what_a_failed_batch_made_is_forgotten(sqlite_engine: Engine) -> None:
    """Its numbers are given to others."""
    write_events(sqlite_engine, [make_event(team_id="red")])
    with pytest.raises(StoreRefused):
        write_events(sqlite_engine, [make_event(team_id="blue"), make_event(prompt_tokens=2**70)])
    write_events(sqlite_engine, [make_event(team_id="green")])
    write_events(sqlite_engine, [make_event(team_id="blue")])
    with sqlite_engine.connect() as connection:
        assert connection.execute(text(TEAMS)).scalars().all() == ["red", "green", "blue"]
