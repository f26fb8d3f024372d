"""Callbacks as a browser calls them: one POST each, over a real store."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from dashboard import Data, create_app, ids
from tests.dashboard.conftest import NOW, Post, ago, poster
from usage_plugin.event import Status
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.store.write import write_events
from usage_plugin.testing import FakeClock

# The function of the same name hides the module.
RECORDS = importlib.import_module("usage_plugin.store.read.records")
PAGES = {"/": ids.OVERVIEW_STATE, "/requests": ids.REQUESTS_STATE, "/anomalies": ids.INBOX_STATE}
FIGURES = [ids.OVERVIEW_FIGURES, ids.INBOX_FIGURES]


def text_of(filled: object) -> str:
    return json.dumps(filled, ensure_ascii=False)


@pytest.mark.parametrize("figures", FIGURES)
@pytest.mark.parametrize("number", [1, 300])
def test_pages_of_one_and_of_many_calls(post: Post, store: Engine, figures: str, number: int) -> None:
    """A page of one call and a page of hundreds both show figures."""
    write_events(
        store, [ago(index / 4, model=f"m{index % 9}", status=list(Status)[index % 4]) for index in range(number)]
    )
    assert post(figures)[figures]["className"] == "stack drawn"


@pytest.mark.parametrize("state", PAGES.values())
def test_pages_of_an_empty_store_say_why(post: Post, state: str) -> None:
    """Before the first call each page says that no proxy has reported, and what to do."""
    assert "usage-plugin up" in text_of(post(state)[state]["children"])


def test_overview_shows_what_the_link_says(post: Post, store: Engine) -> None:
    """The address decides what is counted and how it is split."""
    write_events(store, [ago(1, team_id="a", cost_usd=1), ago(1, team_id="b", cost_usd=2)])
    filled = post(ids.OVERVIEW_FIGURES, url__search="?team=b&group=team", scheme__data="dark")
    assert "$2.00" in text_of(filled[ids.KPIS])
    assert "$3.00" not in text_of(filled[ids.KPIS])
    assert [bar["name"] for bar in filled[ids.COST_GRAPH]["figure"]["data"]] == ["b"]


def test_rejected_calls_stand_beside_the_error_rate(post: Post, store: Engine) -> None:
    """The rate is of calls that were let in, and says how many were not; where none was, it is unknown."""
    write_events(store, [ago(1, status=Status.REJECTED, team_id="b") for _ in range(3)])
    assert _error_card(post, "?team=b") == ("3 rejected", "—")
    write_events(store, [ago(1, status=status, team_id="a") for status in (Status.FAILURE, Status.SUCCESS)])
    assert _error_card(post, "") == ("3 rejected", "50.0% 1 failed")
    assert _error_card(post, "?team=a") == ("", "50.0% 1 failed")


def _error_card(post: Post, search: str) -> tuple[str, str]:
    cards = post(ids.OVERVIEW_FIGURES, url__search=search)[ids.KPIS]["children"]
    head, reading, *_ = cards[-1]["props"]["children"]
    name, note = (part["props"]["children"] for part in head["props"]["children"])
    assert name == "Error rate"
    return note, " ".join(part["props"]["children"] for part in reading["props"]["children"])


def test_scheme_colours_the_figures(post: Post, store: Engine) -> None:
    """Light and dark draw the same numbers in other colours."""
    write_events(store, [ago(1)])
    light, dark = (
        post(ids.OVERVIEW_FIGURES, scheme__data=scheme)[ids.COST_GRAPH]["figure"]["data"][0]
        for scheme in ("light", "dark")
    )
    assert light["marker"] != dark["marker"]
    assert light["y"] == dark["y"]


def test_grid_asks_for_a_page_of_rows(post: Post, store: Engine) -> None:
    """The grid gets the rows that it asked for and how many there are."""
    write_events(store, [ago(hour) for hour in range(1, 6)])
    wish = {"startRow": 0, "endRow": 2, "sortModel": [{"colId": "completed_at", "sort": "asc"}]}
    answer = post(ids.REQUESTS_GRID, requests_grid__getRowsRequest=wish)[ids.REQUESTS_GRID]["getRowsResponse"]
    assert [row["completed_at"] for row in answer["rowData"]] == ["04 Mar 07:30:00", "04 Mar 08:30:00"]
    assert answer["rowCount"] == 5


def test_a_list_that_is_cut_off_says_so(post: Post, store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """All calls are counted, also those that were counted together in one row."""
    monkeypatch.setattr(RECORDS, "MOST_LISTED", 2)
    write_events(store, [ago(1, calls=7), ago(2), ago(3)])
    assert post(ids.REQUESTS_COUNT)[ids.REQUESTS_COUNT]["children"] == "9 calls in the last 7 days"
    answer = post(ids.REQUESTS_GRID, requests_grid__getRowsRequest={"startRow": 0, "endRow": 2})
    assert answer[ids.REQUESTS_GRID]["getRowsResponse"]["rowCount"] == 2
    assert answer[ids.REQUESTS_LISTED]["children"] == "; the newest 2 are listed"
    few = post(ids.REQUESTS_GRID, requests_grid__getRowsRequest={"startRow": 0}, url__search="?user=nobody")
    assert few[ids.REQUESTS_LISTED]["children"] == ""


def test_a_hash_opens_its_call(post: Post, store: Engine) -> None:
    """A link with a call's key opens that call; one to a call that is gone says so; none opens nothing."""
    event = ago(1, tags=("feature:search",))
    write_events(store, [event])
    opened = post(ids.DETAIL_BODY, url__hash=f"#{event.event_key}")
    assert opened[ids.DETAIL]["opened"] is True
    assert "feature:search" in text_of(opened[ids.DETAIL_BODY])
    assert "There is no call gone" in text_of(post(ids.DETAIL_BODY, url__hash="#gone"))
    assert post(ids.DETAIL_BODY, url__hash="")[ids.DETAIL]["opened"] is False


def test_address_sets_the_controls(post: Post) -> None:
    """Opening a shared link shows its filters in the bar."""
    filled = post(ids.RANGE, "url.search", url__search="?range=30d&team=a&status=failure")
    assert filled[ids.RANGE]["value"] == "30d"
    assert filled[ids.choice("team")]["value"] == ["a"]
    assert filled[ids.FILTER_COUNT]["children"] == "2"
    assert "open" not in filled.get(ids.FILTER_MORE, {})
    hidden = post(ids.RANGE, "url.search", url__search="?team=a&feature=chat&tag=x")
    assert hidden[ids.FILTER_MORE]["open"] is True
    assert hidden[ids.FILTER_MORE_COUNT]["children"] == "2"
    assert ids.URL not in filled


def test_a_control_changes_the_address(post: Post) -> None:
    """Choosing a team writes it into the address beside what is there."""
    values = {"filter_range__value": "30d", "filter_granularity__value": "auto", "filter_group_by__value": "user"}
    filled = post(ids.RANGE, "filter-team.value", url__search="?range=30d", filter_team__value=["a b"], **values)
    assert filled[ids.URL]["search"] == "?range=30d&group=user&team=a+b"


def test_custom_begins_as_what_was_shown(post: Post) -> None:
    """Switching to custom keeps the time on screen and offers its ends."""
    shown = "?range=custom&from=2026-03-01T00:00&to=2026-03-02T00:00"
    filled = post(
        ids.RANGE, "filter-from.value", url__search=shown, filter_range__value="custom",
        filter_from__value="2026-03-01T06:00", filter_to__value="2026-03-02T00:00",
    )  # fmt: skip
    assert filled[ids.URL]["search"] == "?range=custom&from=2026-03-01T06%3A00&to=2026-03-02T00%3A00"
    assert filled[ids.FILTER_CUSTOM]["className"] == "custom"


def test_another_time_zone_is_that_of_everything(store: Engine, settings: Settings) -> None:
    """Bars, rows, the call in full, pickers and words are on its clocks, and no moment is told in UTC."""
    zone = {"timezone": "Asia/Kathmandu"}  # 5 hours and 45 minutes from UTC
    data = Data(store, settings.model_copy(update=zone), clock=FakeClock(NOW))
    post = poster(create_app(data))
    event = ago(1, cost_usd=1)
    write_events(store, [event, ago(2000)])
    overview = post(ids.OVERVIEW_FIGURES, url__search="?range=24h")
    drawn = overview[ids.COST_GRAPH]["figure"]
    place = drawn["data"][0]["y"].index(1.0)
    assert drawn["data"][0]["x"][place].startswith("2026-03-04T17:00")
    assert overview[ids.COST_NOTE]["children"] == "per hour, Asia/Kathmandu"
    wish = {"startRow": 0, "endRow": 2}
    rows = post(ids.REQUESTS_GRID, requests_grid__getRowsRequest=wish)[ids.REQUESTS_GRID]["getRowsResponse"]
    shown = "?range=custom&from=2026-03-04T00:15&to=2026-03-05T00:15"
    bar = post(
        ids.RANGE, "filter-to.value", url__search=shown, filter_range__value="custom",
        filter_from__value="2026-03-04T06:00", filter_to__value="2026-03-05T06:00",
    )  # fmt: skip
    told = text_of(
        [
            overview,
            rows,
            post(ids.DETAIL_BODY, url__hash=f"#{event.event_key}"),
            post(ids.OVERVIEW_STATE, url__search="?range=custom&from=2026-01-01T00:00&to=2026-01-02T00:00"),
            post(f"{ids.PAGE}.children", url__pathname="/requests"),
            post(f"{ids.PAGE}.children", url__pathname="/pipeline"),
            post(ids.INBOX_FIGURES),
            str(create_app(data).layout),
        ]
    )
    assert bar[ids.URL]["search"] == shown.replace(":", "%3A")
    assert rows["rowData"][0]["completed_at"] == "04 Mar 17:15:00"
    assert "2026-03-04 17:15:00" in told
    assert "Ended (Kathmandu)" in told
    assert "The latest call ended 2026-03-04 17:15:00 Asia/Kathmandu." in told
    assert "UTC" not in told


def test_clearing_keeps_the_time(post: Post) -> None:
    """The clear button drops filters only."""
    filled = post(ids.RANGE, "filter-clear.n_clicks", url__search="?range=30d&team=a")
    assert filled[ids.URL]["search"] == "?range=30d"


def test_pulse_beats_only_for_news(post: Post, store: Engine) -> None:
    """Without a new row no page is drawn anew; with one it is."""
    write_events(store, [ago(1)])
    version = post(ids.VERSION)[ids.VERSION]["data"]
    assert ids.VERSION not in post(ids.VERSION, version__data=version)
    write_events(store, [ago(0)])
    after = post(ids.VERSION, version__data=version)
    assert after[ids.VERSION]["data"] != version
    assert after[ids.LAST_CALL]["data"] == NOW.isoformat()


@pytest.fixture
def broken(tmp_path: Path) -> Post:
    """Call callbacks of an app whose database is away."""
    away = connect("postgresql+psycopg://u:secret@127.0.0.1:1/x")
    return poster(create_app(Data(away, Settings(data_dir=tmp_path), clock=FakeClock(NOW))))


@pytest.mark.parametrize("state", PAGES.values())
def test_pages_without_a_database_say_so(broken: Post, state: str) -> None:
    """The page names the database, without its password, and how to go on."""
    said = text_of(broken(state)[state]["children"])
    assert "cannot be used" in said
    assert "usage-plugin doctor" in said
    assert "secret" not in said


@pytest.mark.parametrize("figures", FIGURES)
def test_figures_stay_while_the_database_is_away(broken: Post, figures: str) -> None:
    """A page that shows figures keeps them, and the shell says that they are old."""
    kept = broken(figures, "version.data", **{f"{figures.replace('-', '_')}__className": "stack drawn"})
    assert kept == {}
    notice = broken(ids.VERSION, last_call__data=NOW.isoformat())
    assert notice[ids.VERSION]["data"] == "down"
    assert "the last figures before the database stopped to answer" in text_of(notice[ids.NOTICES])


def test_grid_and_filters_survive_a_lost_database(broken: Post) -> None:
    """The grid ends its request empty, and chosen filters stay chosen."""
    answer = broken(ids.REQUESTS_GRID, requests_grid__getRowsRequest={"startRow": 0, "endRow": 10})
    assert answer[ids.REQUESTS_GRID]["getRowsResponse"] == {"rowData": [], "rowCount": 0}
    offered = broken(f"{ids.choice('provider')}.data", url__search="?team=a")
    assert offered[ids.choice("team")]["data"] == [{"value": "a", "label": "a"}]


def test_unknown_pages_say_so(post: Post) -> None:
    """A mistyped address leads to a sentence, not to an empty frame."""
    assert "No such page" in text_of(post(f"{ids.PAGE}.children", url__pathname="/nowhere"))
