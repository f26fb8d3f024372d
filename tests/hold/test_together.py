"""What is counted together adds up to the same totals: a flood of rejections, and calls that found no room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from tests.hold.reports import EventReports, make_recorder, put, report_of, wait_for
from usage_plugin.errors import StoreUnavailable
from usage_plugin.event import CostConfidence, Status, UsageEvent
from usage_plugin.hold.drain import Drain
from usage_plugin.hold.flood import ROWS_PER_MINUTE, Flood
from usage_plugin.hold.fold import fold_events, fold_oldest
from usage_plugin.hold.lines import write_line
from usage_plugin.hold.spool import Kind, Position, Spool, bytes_on_disk, segment_path, segments
from usage_plugin.hold.spool_reader import SpoolReader
from usage_plugin.hold.writer import Writer
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.store.rollups import fold
from usage_plugin.store.rows import record_columns
from usage_plugin.store.write import SpoolMark
from usage_plugin.testing import make_event

NOON = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


def rejected(number: int, **who: str) -> UsageEvent:
    return make_event(
        status=Status.REJECTED,
        tokens_source="none",
        cost_usd=0,
        confidence=CostConfidence.FREE,
        provider=None,
        model=None,
        error_class="ProxyException",
        error_code="401",
        requested_model=f"model-{number}",
        completed_at=NOON,
        **{"api_key_hash": f"hash-{number}", **who},
    )


def sums(events: Sequence[UsageEvent]) -> Counter[str]:
    """Give what the totals of a day would be, by name."""
    folded = fold(record_columns(events, NOON))
    totals = Counter[str]()
    for sums_of_place in folded.sums.values():
        totals.update(dict(zip((*folded.names, "cost_nano_usd"), sums_of_place, strict=False)))
    return totals


def test_a_flood_without_keys_is_one_row_a_minute(engine: Engine, tmp_path: Path) -> None:
    """However many random keys and models come, rows and totals do not grow, and every request is counted."""
    url = engine.url.render_as_string(hide_password=False)
    recorder = make_recorder(Settings(data_dir=tmp_path, database_url=url, flush_every_s=0.05, batch_size=300))
    recorder.start()
    for number in range(1000):
        put(recorder, rejected(number))
    assert recorder.flush(30)
    recorder.stop()
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT COUNT(*), SUM(calls), MAX(calls) FROM usage_record")).one()
        days = connection.execute(text("SELECT COUNT(*), SUM(rejected_requests) FROM usage_daily")).one()
    assert tuple(map(int, rows)) == (ROWS_PER_MINUTE + 1, 1000, 1000 - ROWS_PER_MINUTE)
    assert tuple(map(int, days)) == (1, 1000)
    assert recorder.counts.folded == 1000 - ROWS_PER_MINUTE


def test_known_callers_are_counted_by_themselves() -> None:
    """A team that runs into its limit all day is seen as that team; the next minute has rows of its own again."""
    flood = Flood("p", rows_per_minute=2)
    of_team = [rejected(number, team_id="blue", api_key_hash="k") for number in range(5)]
    stored = flood.sort([*of_team, rejected(1)])
    assert (len(stored.single), [(event.calls, event.who.team_id) for event in stored.counted]) == (3, [(3, "blue")])
    flood.confirm(stored)
    later = replace(of_team[0], timing=replace(of_team[0].timing, completed_at=NOON + timedelta(minutes=1)))
    assert [len(flood.sort([event]).single) for event in (of_team[0], later)] == [0, 1]


def test_a_batch_that_was_not_stored_is_sorted_alike_again() -> None:
    """Only what is confirmed is remembered."""
    flood = Flood("p", rows_per_minute=2)
    events = [rejected(number) for number in range(5)]
    assert flood.sort(events) == flood.sort(events)


@given(
    st.lists(
        st.builds(
            make_event,
            team_id=st.sampled_from(["a", "b"]),
            model=st.sampled_from(["m", "n"]),
            status=st.sampled_from([Status.SUCCESS, Status.FAILURE, Status.INTERRUPTED]),
            is_terminal=st.booleans(),
            cache_hit=st.booleans(),
            end_user_id=st.text(max_size=3),
            tags=st.lists(st.text(max_size=2), max_size=2).map(tuple),
            cost_usd=st.none() | st.decimals(0, 100, places=9),
            prompt_tokens=st.integers(0, 10**6),
            latency_ms=st.integers(0, 1000).map(float),
            completed_at=st.integers(0, 30_000).map(lambda seconds: NOON + timedelta(seconds=seconds)),
        ),
        max_size=30,
    ),
    st.integers(0, 30),
)
def test_hours_counted_together_add_up_to_the_calls(events: list[UsageEvent], cut: int) -> None:
    """Also when some of them were counted together before."""
    once, lost_rows = fold_events(events, "once")
    twice, _ = fold_events([*fold_events(events[:cut], "first")[0], *events[cut:]], "twice")
    assert sums(once) == sums(twice) == sums(events)
    assert sum(event.calls for event in twice) == len(events)
    assert len({event.event_key for event in once}) == len(once)
    assert lost_rows == len(events) - sum(event.calls == 1 for event in once)


def spool_of(folder: Path, calls: int) -> tuple[Spool, list[UsageEvent]]:
    spool = Spool(folder, segment_bytes=20_000)
    events = [make_event(completed_at=NOON, team_id=f"t{number % 3}") for number in range(calls)]
    for event in events:
        spool.append(Kind.REPORT, write_line(report_of(event)))
    return spool, events


def all_events(folder: Path, position: Position) -> list[UsageEvent]:
    reader = SpoolReader(folder, position, EventReports().understand, ended=True)
    batch = reader.next_batch(10_000)
    return batch.events if batch else []


def test_a_spool_beyond_its_size_is_counted_together(tmp_path: Path) -> None:
    """The oldest segments become a few lines, again and again, and what was stored of them before stays out."""
    spool, events = spool_of(tmp_path, 300)
    reader = SpoolReader(spool.folder, Position(), EventReports().understand)
    stored = reader.next_batch(7)
    assert stored is not None
    reader.confirm(stored)
    before, limit = bytes_on_disk(spool.folder), 100_000
    assert before > 2 * limit
    while fold_oldest(reader, limit)[0]:
        pass
    assert bytes_on_disk(spool.folder) <= limit
    assert sums(all_events(spool.folder, reader.position)) == sums(events[7:])
    assert fold_oldest(reader, limit) == (0, [])
    spool.close(stored=True)


def test_a_kill_while_counting_together_neither_loses_nor_doubles(tmp_path: Path) -> None:
    """Between the new file and the removal of the old ones, the old ones are passed over."""
    spool, events = spool_of(tmp_path, 300)
    kept = {file.path: file.path.read_bytes() for file in segments(spool.folder)}
    assert fold_oldest(SpoolReader(spool.folder, Position(), EventReports().understand), 50_000)[0] > 0
    for path, raw in kept.items():
        path.write_bytes(raw)
    assert segment_path(spool.folder, 0) not in {file.path for file in segments(spool.folder)}
    assert sums(all_events(spool.folder, Position())) == sums(events)
    spool.close(stored=True)


def test_a_long_outage_fits_into_the_space_for_it(tmp_path: Path) -> None:
    """With the database away the spool stays near its size; when it is back, every call is in the totals."""
    blocked = tmp_path / "db"
    blocked.mkdir()
    (blocked / "usage.db").mkdir()  # a folder where the file should be
    settings = Settings(
        data_dir=tmp_path, database_url=f"sqlite:///{blocked / 'usage.db'}", flush_every_s=0.02, spool_max_mb=0.3
    )
    recorder = make_recorder(settings)
    recorder.start()
    for number in range(3000):
        put(recorder, make_event(completed_at=NOON, team_id=f"t{number % 5}"))
    assert recorder.heartbeat().waiting == 3000
    wait_for(lambda: recorder.heartbeat().spool_bytes <= settings.spool_bytes, timeout_s=60)
    (blocked / "usage.db").rmdir()
    assert recorder.flush(60)
    recorder.stop()
    assert recorder.counts.folded > 0
    engine = connect(settings.url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT COUNT(*), SUM(calls) FROM usage_record")).one()
        totals = connection.execute(text("SELECT SUM(requests), SUM(cost_nano_usd) FROM usage_daily")).one()
    engine.dispose()
    assert rows[0] < rows[1] == 3000
    assert tuple(map(int, totals)) == (3000, 3000 * 1_000_000)


def test_a_counted_row_that_the_database_refuses_holds_up_nothing(engine: Engine, tmp_path: Path) -> None:
    """The rows beside it are stored, and it is set aside."""
    url = engine.url.render_as_string(hide_password=False)
    writer = Writer(Settings(data_dir=tmp_path, database_url=url))
    naive = make_event(completed_at=NOON.replace(tzinfo=None), calls=5)
    mark = SpoolMark("owner", 1, 10)
    assert writer.write([make_event()], mark, [naive]) == 1
    assert writer.position_of("owner") == mark
    assert "no time zone" in (tmp_path / "refused-calls.jsonl").read_text()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM usage_record")).scalar_one() == 1
    writer.close()


class Unheard(Writer):
    """Stores, and does not hear of it until the database is said to be back."""

    away = True

    def write(
        self, events: Sequence[UsageEvent], mark: SpoolMark | None = None, counted: Sequence[UsageEvent] = ()
    ) -> int:
        """Store, and lose the answer."""
        refused = super().write(events, mark, counted)
        if self.away:
            raise StoreUnavailable("gone", "Wait")
        return refused


def test_a_commit_that_nobody_heard_of_is_neither_folded_nor_counted_again(engine: Engine, tmp_path: Path) -> None:
    """What may be stored already is tried again exactly as it was, however much has come since."""
    url = engine.url.render_as_string(hide_password=False)
    settings = Settings(data_dir=tmp_path, database_url=url)
    writer = Unheard(settings)
    spool = Spool(tmp_path / "spool", segment_bytes=20_000)
    drain = Drain(writer, EventReports(), tmp_path / "spool", batch_size=100)
    reader, flood = drain.reader(spool.folder, Position()), Flood(spool.owner)
    calls = 0

    def spool_more(count: int) -> None:
        nonlocal calls
        for number in range(count):
            event = rejected(number) if number % 2 else make_event(completed_at=NOON)
            spool.append(Kind.REPORT, write_line(report_of(event)))
        calls += count

    spool_more(90)
    with pytest.raises(StoreUnavailable):
        drain.empty(reader, flood, lambda stored: None)
    spool_more(400)
    while fold_oldest(reader, 60_000)[0]:
        pass
    writer.away = False
    drain.empty(reader, flood, lambda stored: None)
    with engine.connect() as connection:
        recorded = connection.execute(text("SELECT SUM(calls) FROM usage_record")).scalar_one()
    assert int(recorded) == calls
    writer.close()
    spool.close(stored=True)


def test_folding_ends_where_nothing_can_be_added_up(tmp_path: Path) -> None:
    """Calls that have nothing in common stay as they are, and are not folded again and again."""
    spool = Spool(tmp_path, segment_bytes=20_000)
    for number in range(200):
        spool.append(Kind.REPORT, write_line(report_of(make_event(completed_at=NOON, team_id=f"t{number}"))))
    reader = SpoolReader(spool.folder, Position(), EventReports().understand)
    assert fold_oldest(reader, 1000)[0] == 0
    assert len(all_events(spool.folder, Position())) == 200
    spool.close(stored=True)
