"""How calls are kept: what they share once, what is short in few bytes, and found by the indexes."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Engine, Select, create_engine, event, func, literal, select, text
from sqlalchemy.types import TypeEngine

from usage_plugin.store.calls import has_call_id
from usage_plugin.store.column_types import Address, CompactText, HexKey, Milliseconds, Moment
from usage_plugin.store.database import connect
from usage_plugin.store.shared import content_key
from usage_plugin.store.tables import UsageRecord, UsageRecordTag, table_of
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
CALL_ID = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
RECORD, TAG = table_of(UsageRecord).c, table_of(UsageRecordTag).c
WHOLE = select(table_of(UsageRecord))
DURING = (RECORD.completed_at >= NOON, RECORD.completed_at < NOON + timedelta(hours=1))
QUESTIONS: dict[str, tuple[Select[Any], str]] = {
    "a stretch of time": (
        select(RECORD.model, func.sum(RECORD.calls)).where(*DURING).group_by(RECORD.model),
        "completed",
    ),
    "an event's key": (WHOLE.where(RECORD.event_key == "a" * 32), "event_key"),
    "the newest": (WHOLE.order_by(RECORD.completed_at.desc(), RECORD.id.desc()).limit(9), "completed"),
    "a call's tags": (select(TAG.tag).where(TAG.event_key == "a" * 32), "event_key"),
}
CALL_ID_INDEX = {"sqlite": "ix_usage_call_call_id_end", "postgresql": "litellm_call_id_idx"}
MEMORY = create_engine("sqlite://")


@pytest.mark.parametrize("question", QUESTIONS)
def test_our_own_questions_find_the_indexes(engine: Engine, question: str) -> None:
    """Through the view, at any size: no question that the pages ask looks at every call."""
    write_events(engine, [make_event(completed_at=NOON)])
    query, index = QUESTIONS[question]
    steps = _plan(engine, query)
    assert index in steps
    assert "SCAN call" not in steps.replace("SCAN call USING INDEX", "")
    assert "Seq Scan on usage_call" not in steps
    if question == "the newest" and engine.dialect.name == "sqlite":
        assert "TEMP B-TREE" not in steps


@pytest.mark.parametrize("ids", [[CALL_ID], [CALL_ID, "another", CALL_ID[::-1]]])
def test_a_call_is_found_by_litellms_id(engine: Engine, ids: list[str]) -> None:
    """By an index that has the end of it, and never another call whose id ends alike; any text is an id."""
    alike, short, others = f"{'0' * 8}{CALL_ID[8:]}", CALL_ID[-8:], ("another", "an other", "", None, CALL_ID.upper())
    write_events(engine, [make_event(litellm_call_id=each) for each in (CALL_ID, alike, short, *others)])
    query = WHOLE.where(has_call_id(table_of(UsageRecord), ids, engine.dialect.name))
    with engine.connect() as connection:
        found = {row.litellm_call_id for row in connection.execute(query)}
    assert found == {CALL_ID, "another"} & set(ids)
    steps = _plan(engine, query)
    assert CALL_ID_INDEX[engine.dialect.name] in steps
    assert "SCAN call" not in steps
    assert "Seq Scan on usage_call" not in steps


def test_a_call_is_small(migrated_sqlite_url: str) -> None:
    """What is common to calls is kept once; of 500 calls each adds less than 300 bytes, indexes included."""
    engine = connect(migrated_sqlite_url)
    events = [make_event(litellm_call_id=CALL_ID, team_id="t" * 50, tags=("x" * 50,), ttft_ms=5.5) for _ in range(500)]
    write_events(engine, events[:1])
    with sqlite3.connect(str(engine.url.database)) as connection:
        before = connection.execute(_SIZE).fetchone()[0]
        write_events(engine, events)
        assert (connection.execute(_SIZE).fetchone()[0] - before) / len(events) < 300
    assert _scalar(engine, "SELECT COUNT(*) FROM usage_caller") == 1
    assert _scalar(engine, "SELECT COUNT(*) FROM usage_record_tag") == 500
    engine.dispose()


def test_a_batch_that_is_taken_back_leaves_no_number_behind(engine: Engine) -> None:
    """What a failed batch would have shared is made by the next one, under whatever number."""
    for bad in ({"prompt_tokens": 2**70}, {"team_id": "\ud800"}):
        with pytest.raises(Exception, match="refuses"):
            write_events(engine, [make_event(team_id="new", tags=("new",)), make_event(**bad)])
    assert _scalar(engine, "SELECT COUNT(*) FROM usage_caller") == 0
    write_events(engine, [make_event(team_id="other")])
    write_events(engine, [make_event(team_id="new", tags=("new",))])
    with engine.connect() as connection:
        assert connection.execute(select(RECORD.team_id).order_by(RECORD.id)).scalars().all() == ["other", "new"]
        assert connection.execute(select(TAG.tag)).scalars().all() == ["new"]


VALUES = st.none() | st.booleans() | st.text(alphabet="~:1aé", max_size=4)


@given(
    st.lists(
        st.tuples(VALUES, VALUES, VALUES), min_size=2, max_size=2, unique_by=lambda three: tuple(map(_plain, three))
    )
)
@example([("a", "1:b", None), ("a1:b", None, "~")])
def test_no_two_combinations_have_the_same_key(two: list[tuple[Any, ...]]) -> None:
    """Whatever is in the texts; a flag is as PostgreSQL writes it in a migration, 0 or 1."""
    left, right = (content_key(content) for content in two)
    assert left != right


@given(st.text(max_size=40) | st.uuids().map(str) | st.uuids().map(lambda each: str(each).upper()))
def test_a_text_comes_back_as_it_was(value: str) -> None:
    """Only a UUID as it is commonly written is shortened."""
    assert _there_and_back(CompactText(), value) == value


@given(st.ip_addresses().map(str) | st.text(alphabet="0123456789.:", max_size=15))
@example("01.2.3.4")
@example("256.1.1.1")
@example("1.2.3.4")
def test_an_address_comes_back_as_it_was(value: str) -> None:
    """Also one with leading zeros, which is another text."""
    assert _there_and_back(Address(), value) == value


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 10**9).map(lambda us: us / 1000))
@example(1 / 3)
@example(0.1)
def test_a_duration_comes_back_as_it_was(value: float) -> None:
    """To the last bit, whether it is whole microseconds or not."""
    assert _there_and_back(Milliseconds(), value) == value


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_comes_back_as_it_was(value: datetime) -> None:
    """To the microsecond, before 1970 too."""
    assert _there_and_back(Moment(), value) == value


@given(st.binary(min_size=16, max_size=16))
def test_a_key_comes_back_as_it_was(value: bytes) -> None:
    """In 16 bytes."""
    assert _there_and_back(HexKey(), value.hex()) == value.hex()


def test_a_text_that_is_no_key_is_no_calls_key(engine: Engine) -> None:
    """Somebody may type anything into an address bar."""
    write_events(engine, [make_event()])
    for wrong in ("", "x", "A" * 32, "k" * 16):
        with engine.connect() as connection:
            assert connection.execute(WHOLE.where(RECORD.event_key == wrong)).all() == []


_SIZE = "SELECT (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size)"


def _plain(value: Any) -> Any:
    return str(int(value)) if isinstance(value, bool) else value


def _there_and_back(kind: TypeEngine[Any], value: Any) -> Any:
    with MEMORY.connect() as connection:
        return connection.execute(select(literal(value, kind))).scalar_one()


def _scalar(engine: Engine, query: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(query)).scalar_one()


def _plan(engine: Engine, query: Select[Any]) -> str:
    """Say how the database answers; PostgreSQL reads so small a table whole unless that is made dear."""
    is_sqlite = engine.dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
    with engine.connect() as connection:
        if not is_sqlite:
            connection.execute(text("SET enable_seqscan = off"))

        @event.listens_for(connection, "before_cursor_execute", retval=True)
        def prefix(_connection: Any, _cursor: Any, statement: str, values: Any, *_others: Any) -> tuple[str, Any]:
            return f"{explain} {statement}", values

        return "\n".join(str(row[-1]) for row in connection.execute(query).cursor.fetchall())
