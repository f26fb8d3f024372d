"""Frames: what the pages are told, out of a real store."""

from __future__ import annotations

import socket
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from dashboard import Data
from dashboard.components.kpi import change, kpis
from dashboard.components.states import TITLES
from dashboard.filters import Filters
from dashboard.members import UNSET
from dashboard.queries.health import Reason, Trouble, notices, why_broken, why_empty
from dashboard.queries.options import LOOKING, options
from dashboard.queries.overview import overview
from dashboard.queries.requests import arithmetic, detail, rows
from tests.dashboard.conftest import NOW, ago
from tests.dashboard.test_components import words
from usage_plugin.arithmetic import total_usd
from usage_plugin.errors import StoreError, StoreUnavailable
from usage_plugin.event import CostConfidence, PriceSnapshot
from usage_plugin.hold.heartbeat import Heartbeat, write_heartbeat
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.store.pace import Pace
from usage_plugin.store.prune import prune
from usage_plugin.store.read import Dimension
from usage_plugin.store.retention import FOR_EVER, Retention
from usage_plugin.store.sheets import fold
from usage_plugin.store.write import write_events
from usage_plugin.testing import FakeClock

WEEK = Filters()
GONE = 2**22 + 1
"""No process has it: Linux counts no further than 2**22."""


def beat(data: Data, folder: Path, **changes: Any) -> None:
    known: dict[str, Any] = {
        "role": "proxy", "pid": 7, "host": "h", "safe_url": "sqlite:///elsewhere.db", "version": "1",
        "database_fingerprint": data.fingerprint, "started_at": NOW, "beat_at": NOW,
    }  # fmt: skip
    write_heartbeat(folder / "processes", Heartbeat(**{**known, **changes}))


def test_overview_compares_with_the_same_part_of_the_period_before(data: Data, store: Engine) -> None:
    """A call eight days ago is the previous week's, one of just before its same moment counts, one after does not."""
    write_events(store, [ago(1, cost_usd=2), ago(7 * 24 + 1, cost_usd=1), ago(7 * 24 - 0.1, cost_usd=64)])
    frame = overview(data.look(), WEEK)
    assert frame.previous is not None
    assert (frame.usage.cost_nano_usd, frame.previous.cost_nano_usd) == (2 * 10**9, 10**9)


def test_overview_goes_without_a_comparison_that_only_pruned_calls_could_make(
    data: Data, store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three filters at once, on days of many calls: the present is shown, without a sum that lacks calls."""
    for limit in ("MOST_SINGLE", "MOST_SHARING"):
        monkeypatch.setattr(fold, limit, 0)
    write_events(store, [ago(8 * 24 + 1), ago(8 * 24 + 2), ago(1)])
    prune(store, Retention(7, FOR_EVER, FOR_EVER), NOW, Pace(sleep=lambda _seconds: None))
    three = Filters(provider=("openai",), call_type=("acompletion",), status=("success",))
    known, unknown = (overview(data.look(), filters) for filters in (WEEK, three))
    assert known.previous is not None
    assert (known.previous.requests, unknown.usage.requests) == (2, 1)
    assert (unknown.previous, unknown.previous_p95_ms) == (None, None)
    assert [kpi.before for kpi in kpis(unknown)] == [None] * 6


def test_a_time_without_calls_is_no_comparison(data: Data, store: Engine) -> None:
    """Neither of requests, of which there were none, nor of their cost."""
    write_events(store, [ago(1)])
    shown = [words(change(kpi)) for kpi in kpis(overview(data.look(), WEEK))]
    assert {each.strip() for each in shown} == {"no calls before"}


def test_overview_adds_up_wherever_it_is_split(data: Data, store: Engine) -> None:
    """Total, series, stack and shares are one sum, the nameless rest included."""
    write_events(store, [ago(index, model=f"m{index}", cost_usd=Decimal(index) / 7) for index in range(1, 12)])
    frame = overview(data.look(), WEEK)
    whole = frame.usage.cost_nano_usd
    assert whole == sum(usage.cost_nano_usd or 0 for usage in frame.series.usage)
    assert whole == sum(nano or 0 for row in frame.stack.cost_nano_usd for nano in row)
    assert whole == sum(share.spent.cost_nano_usd or 0 for share in frame.by_model)
    assert frame.stack.names[-1] == "5 others"


@pytest.mark.parametrize(
    ("heavy", "age_s", "row_id", "asked_again"),
    [
        (False, 1, 1, False),
        (False, 0.2, 2, True),
        (False, 31, 1, True),
        (True, 3, 2, False),
        (True, 5, 2, True),
    ],
)
def test_answers_are_remembered(data: Data, heavy: bool, age_s: float, row_id: int, asked_again: bool) -> None:
    """An answer is good until a row comes, for 30 s at most; a heavy one rests 20 times the 0.2 s that it took."""
    timer = FakeClock()
    data = Data(data.engine, data.settings, timer_s=lambda: timer().timestamp())
    asked = []

    def ask() -> int:
        timer.advance(0.2)
        asked.append(1)
        return len(asked)

    data.recall(1, "question", ask, heavy=heavy)
    timer.advance(age_s - 0.2)
    assert data.recall(row_id, "question", ask, heavy=heavy) == (2 if asked_again else 1)


def test_pages_are_drawn_once_more_when_the_store_has_settled(data: Data, store: Engine) -> None:
    """What rested while rows came is right again some seconds after the last of them, and stays."""
    timer = FakeClock()
    data = Data(store, data.settings, clock=data.clock, timer_s=lambda: timer().timestamp())
    write_events(store, [ago(1)])
    first = data.version(data.look())
    assert data.version(data.look()) == first
    timer.advance(6)
    settled = data.version(data.look())
    assert settled != first
    timer.advance(60)
    assert data.version(data.look()) == settled
    write_events(store, [ago(1)])
    assert data.version(data.look()) not in (first, settled)


def test_options_offer_absence_and_keep_what_is_chosen(data: Data, store: Engine) -> None:
    """A filter offers names, calls without a value, and a chosen value that has no calls now."""
    write_events(store, [ago(1, team_id="t1", team_alias="Search"), ago(1)])
    offered = options(data.look(), Filters(team=("gone",)), ())[Dimension.TEAM]
    assert {option["value"]: option["label"] for option in offered} == {"t1": "Search", UNSET: UNSET, "gone": "gone"}
    assert options(data.look(), Filters(team=("gone",)), ())[Dimension.USER] == [LOOKING]


def test_a_team_called_none_is_not_no_team(data: Data, store: Engine) -> None:
    """Legend, filter and question tell calls of a team called (none) from calls without a team."""
    write_events(store, [ago(1, team_id=UNSET, cost_usd=2), ago(1, cost_usd=1)])
    frame = overview(data.look(), Filters(group_by=Dimension.TEAM))
    assert frame.stack.names == ("“(none)”", "(none)")
    offered = options(data.look(), WEEK, ["team"])[Dimension.TEAM]
    assert {option["label"]: option["value"] for option in offered} == {"“(none)”": "=(none)", "(none)": "(none)"}
    costs = [overview(data.look(), WEEK.only(Dimension.TEAM, value)).usage.cost_nano_usd for value in (UNSET, None)]
    assert costs == [2 * 10**9, 10**9]


def test_grid_rows_are_limited_and_sorted_by_the_store(data: Data, store: Engine) -> None:
    """Whatever a browser asks for, a page is bounded, and an unknown column sorts by time."""
    write_events(store, [ago(hour, cost_usd=hour) for hour in range(1, 4)])
    by_cost = {"startRow": 0, "endRow": 2, "sortModel": [{"colId": "cost_nano_usd", "sort": "desc"}]}
    found = rows(data.look(), WEEK, by_cost).page
    assert [record.cost_nano_usd for record in found.records] == [3 * 10**9, 2 * 10**9]
    assert found.total == 3
    wish = {"startRow": -5, "endRow": 10**9, "sortModel": [{"colId": "1; DROP", "sort": "asc"}]}
    odd = rows(data.look(), WEEK, wish).page
    assert len(odd.records) == 3


PRICES = (("input_cost_per_token", "0.000002"), ("output_cost_per_token", "0.000008"))
SNAPSHOT = PriceSnapshot("k", "openai", "gpt-4o", "litellm_price_map", "1.106.2", PRICES)


@pytest.mark.parametrize(
    ("changes", "rest", "cost"),
    [
        ({"cost_usd": "0.0028"}, "0", "0.0028"),
        ({"cost_usd": "0.0128", "adjustment_nano_usd": 10_000_000}, "0.01", "0.0128"),
        ({"cost_usd": "0", "confidence": CostConfidence.CACHED, "saved_cost_nano_usd": 2_800_000}, "-0.0028", "0"),
        ({"cost_usd": None}, "0", None),
    ],
)
def test_arithmetic_ends_at_the_cost(
    data: Data, store: Engine, changes: dict[str, Any], rest: str, cost: str | None
) -> None:
    """1,000 x $2/M + 100 x $8/M = $0.0028, plus what no unit price explains, is the cost; unpriced stays unknown."""
    event = ago(1, price=SNAPSHOT, **changes)
    write_events(store, [event])
    found = detail(data.look(), event.event_key)
    assert found is not None
    worked_out = arithmetic(found)
    assert total_usd(worked_out.lines) == Decimal("0.0028")
    assert worked_out.rest_usd == Decimal(rest)
    assert worked_out.cost_usd == (None if cost is None else Decimal(cost))


@pytest.mark.parametrize(
    ("filters", "events", "reason"),
    [
        (WEEK, [], Reason.NEVER_STARTED),
        (WEEK, [ago(24 * 40)], Reason.NO_CALLS_IN_RANGE),
        (Filters(team=("x",)), [ago(1)], Reason.NO_MATCH),
    ],
)
def test_reasons_for_an_empty_page(
    data: Data, store: Engine, filters: Filters, events: list[Any], reason: Reason
) -> None:
    """No proxy, no calls in this time and no match are told apart."""
    write_events(store, events)
    assert why_empty(data.look(), filters).reason is reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, Reason.NO_CALLS_YET),
        ({"database_fingerprint": "other"}, Reason.OTHER_DATABASE),
        ({"waiting": 3, "last_error": "disk full"}, Reason.NOT_WRITTEN),
    ],
)
def test_heartbeats_explain_an_empty_store(data: Data, tmp_path: Path, changes: dict[str, Any], reason: Reason) -> None:
    """A proxy that runs, one that writes elsewhere and one that cannot write are told apart."""
    beat(data, tmp_path, **changes)
    assert why_empty(data.look(), WEEK).reason is reason


@pytest.mark.parametrize(
    ("changes", "trouble"),
    [
        ({}, None),
        ({"lost": 5}, Trouble.PIPELINE),
        ({"lost": 5, "role": "sdk", "beat_at": NOW - timedelta(days=2)}, None),
        ({"waiting": 3, "last_error": "x", "role": "sdk", "beat_at": NOW - timedelta(hours=1)}, Trouble.PIPELINE),
        ({"waiting": 3, "last_error": "disk full"}, Trouble.PIPELINE),
        ({"waiting": 3, "oldest_waiting_at": NOW - timedelta(seconds=61)}, Trouble.PIPELINE),
        ({"beat_at": NOW - timedelta(minutes=5)}, Trouble.PIPELINE),
        ({"beat_at": NOW - timedelta(minutes=5), "host": socket.gethostname(), "pid": GONE}, Trouble.STOPPED),
        ({"beat_at": NOW - timedelta(days=5)}, Trouble.STOPPED),
        ({"stopped_at": NOW}, Trouble.STOPPED),
        ({"database_fingerprint": "other"}, Trouble.OTHER_DATABASE),
    ],
)
def test_notices(data: Data, tmp_path: Path, changes: dict[str, Any], trouble: Trouble | None) -> None:
    """Full pages say when calls were lost, wait, stopped coming, or go elsewhere."""
    beat(data, tmp_path, **changes)
    assert [notice.trouble for notice in notices(data)] == ([] if trouble is None else [trouble])


def test_reasons_for_a_broken_page(data: Data, store: Engine, sqlite_url: str, tmp_path: Path) -> None:
    """Missing tables, an older schema and a newer one each have their own remedy."""
    with store.begin() as connection:
        connection.execute(text("UPDATE usage_schema_version SET version_num = 'from the future'"))
    assert why_broken(data, StoreUnavailable("x")).reason is Reason.SCHEMA_AHEAD
    bare = Data(connect(f"sqlite:///{tmp_path / 'bare.db'}"), Settings(data_dir=tmp_path))
    with pytest.raises(StoreError) as caught:
        bare.look()
    assert why_broken(bare, caught.value).reason is Reason.SCHEMA_MISSING
    away = Data(connect("postgresql+psycopg://u:secret@127.0.0.1:1/x"), Settings(data_dir=tmp_path))
    gone = why_broken(away, StoreUnavailable("x"))
    assert gone.reason is Reason.UNAVAILABLE
    demo = Data(bare.engine, bare.settings, demo=True)
    assert why_broken(demo, caught.value).reason is Reason.DEMO_MISSING
    assert "secret" not in gone.detail


def test_a_file_that_is_no_database_is_not_said_to_be_silent(tmp_path: Path) -> None:
    """The title fits what is wrong: here the file answers, but with something else."""
    (tmp_path / "usage.db").write_text("a letter to my aunt, which is much longer than the header of a database" * 9)
    wrong = Data(connect(f"sqlite:///{tmp_path / 'usage.db'}"), Settings(data_dir=tmp_path))
    with pytest.raises(StoreError) as caught:
        wrong.look()
    found = why_broken(wrong, caught.value)
    assert found.reason is Reason.NOT_A_DATABASE
    assert "usage.db cannot be used: file is not a database" in found.detail
    assert TITLES[found.reason] == "The file is not a database"
