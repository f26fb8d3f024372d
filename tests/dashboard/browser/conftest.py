"""What browser tests ask for: dashboards that are served, and pages that are watched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from sqlalchemy import Engine

from dashboard import Data, create_app
from tests.alerts.findings import finding
from tests.dashboard.browser.sites import ARN, company, process, site
from tests.dashboard.conftest import served
from tests.dashboard.findings import anomaly_row, keep_rows
from tests.dashboard.watching import Watched
from usage_plugin.alerts import Source, raise_alerts
from usage_plugin.clock import utc_now
from usage_plugin.event import CostConfidence
from usage_plugin.periods import Period
from usage_plugin.rules import Rule, Threshold, row_of
from usage_plugin.settings import Settings
from usage_plugin.store.budgets import Budget, save_budget
from usage_plugin.store.calendar import plan_event
from usage_plugin.store.database import connect
from usage_plugin.store.part import Part
from usage_plugin.store.pipeline import keep_account
from usage_plugin.store.rules import save_rule
from usage_plugin.testing import make_event


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a dashboard with 40 days of calls and something wrong in the recording."""
    app, engine = site(tmp_path_factory.mktemp("full"), company())
    keep_account(engine, process("x2kqp", waiting=5, spool_bytes=12_000, oldest_waiting_at=utc_now()))
    keep_account(engine, process("gone", set_aside=2, folded=400, stopped_at=utc_now()))
    now = utc_now().replace(minute=0, second=0, microsecond=0)
    times = {"started_at": now - timedelta(hours=80), "peak_at": now - timedelta(hours=70), "ended_at": now}
    first, *_ = keep_rows(engine, anomaly_row(1, **times), anomaly_row(2, **times, dimension="user", member="u" * 90))
    keep_rows(engine, anomaly_row(3, **times, merged_into_id=first))
    plan_event(engine, "Launch " * 14, starts_at=now, ends_at=now + timedelta(days=1), note="x" * 200, now=now)
    for name, usd in (("A budget", 9000), ("one-that-is-spent-and-has-a-very-long-name" * 2, 1)):
        save_budget(engine, Budget(name=name, part=Part(), amount_nano_usd=usd * 10**9, period=Period.MONTH), now)
    for name in ("Dear", "a-rule-with-a-very-long-name" * 3):
        rule = Rule(name=name, settings=Threshold(above=5.0), dimension="team", is_enabled=name == "Dear")
        save_rule(engine, row_of(rule), now=now)
    raise_alerts(engine, Source.RULE, [finding(each, since=now) for each in ("a", "it-is-dear-and-long" * 9)], now)
    with served(app) as address:
        yield address
    engine.dispose()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[str, Engine]]:
    """Serve a dashboard over a store that a test writes to."""
    app, engine = site(tmp_path, [make_event(completed_at=utc_now() - timedelta(minutes=1))])
    with served(app) as address:
        yield address, engine
    engine.dispose()


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[str]:
    """Serve a dashboard whose database is away."""
    app = create_app(Data(connect("postgresql+psycopg://u:p@127.0.0.1:1/x"), Settings(data_dir=tmp_path)))
    with served(app) as address:
        yield address


@pytest.fixture
def watch(browser: Browser) -> Iterator[Any]:
    """Open watched pages; they are closed after the test."""
    opened: list[Watched] = []

    def start(address: str, **look: Any) -> Watched:
        opened.append(Watched(browser, address, **look))
        return opened[-1]

    yield start
    for watched in opened:
        watched.close()


@pytest.fixture(scope="session")
def extreme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a dashboard of calls with very long names and very large and small costs."""
    long = {"model": ARN, "team_alias": "Team " * 20, "team_id": "t", "user_id": f"{'somebody.' * 12}@example.com"}
    costs = {"rich": 9_000_000, "well-off": 999_999, "poor": "0.000000123"}
    calls = [
        make_event(
            completed_at=utc_now() - timedelta(hours=1),
            provider=provider,
            cost_usd=cost,
            confidence=CostConfidence.ESTIMATED,
            **long,
        )
        for provider, cost in costs.items()
    ]
    app, engine = site(tmp_path_factory.mktemp("extreme"), calls)
    huge = dict.fromkeys(("seen", "spooled", "stored", "waiting", "adopted", "folded", "set_aside", "lost"), 10**10)
    keep_account(engine, process("host." * 20, last_error="the database is away " * 20, **huge))
    with served(app) as address:
        yield address
    engine.dispose()
