"""The dashboard on PostgreSQL: with a role that may only read, and while the server is away for a moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from dashboard import Data, create_app, ids
from tests.dashboard.conftest import NOW, Post, ago, poster
from tests.hold.test_account import account
from tests.own_server import OwnServer
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.store.grant import grant_read
from usage_plugin.store.migrate import migrate
from usage_plugin.store.pipeline import keep_account
from usage_plugin.store.write import write_events
from usage_plugin.testing import FakeClock

GRID = {"startRow": 0, "endRow": 50, "sortModel": [], "filterModel": {}}


@pytest.fixture
def calls(migrated_postgres_url: str) -> Iterator[Engine]:
    """Give a database with calls, which its owner filled and lets a reader read."""
    engine = connect(migrated_postgres_url)
    with engine.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS dashboard_reader"))
        connection.execute(text("CREATE ROLE dashboard_reader LOGIN"))
    grant_read(engine, "dashboard_reader")
    write_events(engine, [ago(hours, model=f"m{hours % 3}", tags=("a",)) for hours in range(50)])
    keep_account(engine, account(beat_at=NOW))
    yield engine
    engine.dispose()


def show(url: str, folder: Path) -> tuple[Engine, Post]:
    engine = connect(url)
    return engine, poster(create_app(Data(engine, Settings(database_url=url, data_dir=folder), clock=FakeClock(NOW))))


def test_a_role_that_only_reads_sees_every_page(calls: Engine, tmp_path: Path) -> None:
    """Nothing is refused, because nothing but SELECT is asked."""
    url = calls.url.set(username="dashboard_reader").render_as_string(hide_password=False)
    engine, post = show(url, tmp_path)
    said: list[str] = []
    refused: list[object] = []
    event.listen(engine, "before_cursor_execute", lambda *given: said.append(given[2].split()[0].upper()))
    event.listen(engine, "handle_error", lambda context: refused.append(context.original_exception))
    for figures in (ids.OVERVIEW_FIGURES, ids.INBOX_FIGURES, ids.PIPELINE_FIGURES):
        assert "drawn" in post(figures, url__search="?range=7d")[figures]["className"], figures
    rows: Any = post(ids.REQUESTS_GRID, requests_grid__getRowsRequest=GRID)[ids.REQUESTS_GRID]["getRowsResponse"]
    assert rows["rowCount"] == 50
    opened = post(ids.DETAIL_BODY, url__hash=f"#{rows['rowData'][0]['event_key']}")
    assert opened[ids.DETAIL]["opened"] is True
    post(ids.VERSION)
    assert refused == []
    assert set(said) <= {"SELECT", "WITH"}
    with engine.connect() as connection:
        for view in ("usage_record", "usage_daily"):
            assert connection.execute(text(f"SELECT count(*) FROM {view}")).scalar_one()
    engine.dispose()


def test_pages_say_that_the_server_is_away_and_come_back(
    stoppable: OwnServer, own_server_url: str, tmp_path: Path
) -> None:
    """One panel with the reason, and figures again as soon as it answers."""
    engine, post = show(own_server_url, tmp_path)
    migrate(engine)
    write_events(engine, [ago(1)])
    assert post(ids.OVERVIEW_FIGURES)[ids.OVERVIEW_FIGURES]["className"] == "stack drawn"
    stoppable.stop()
    assert "cannot be used" in json.dumps(post(ids.OVERVIEW_FIGURES)[ids.OVERVIEW_STATE])
    stoppable.start()
    assert post(ids.OVERVIEW_FIGURES)[ids.OVERVIEW_FIGURES]["className"] == "stack drawn"
    engine.dispose()
